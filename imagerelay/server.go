package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"socketlab/framing"
)

const (
	maxClients   = 1000             // at once; more of them wait to be accepted
	maxReceivers = 100              // their names fit into one message
	maxQueue     = 20               // senders that wait for one receiver
	turnLimit    = 10 * time.Minute // for a sender to wait for its turn
	hangUpLimit  = 5 * time.Second  // for a client to take the last answer and hang up
	grace        = time.Second / 5  // for the same when the server stops
	stopLimit    = 5 * time.Second  // for images that are on their way when the server stops
)

type server struct {
	idle time.Duration // how long a client may be silent when it is its turn

	relaying atomic.Int64 // images on their way

	mu        sync.Mutex
	receivers map[string]*receiver
}

// serve accepts clients until ctx is done, and returns when the last of them is
// gone.
func (s *server) serve(ctx context.Context, serverSocket net.Listener) {
	context.AfterFunc(ctx, func() { serverSocket.Close() }) // ends the wait in Accept
	var clients sync.WaitGroup
	defer clients.Wait()

	places := make(chan struct{}, maxClients)
	for {
		places <- struct{}{}
		connectionSocket, err := serverSocket.Accept()
		if err != nil {
			<-places
			if ctx.Err() != nil {
				return // closed by us, above
			}
			log.Printf("waiting for a client: %v", err) // out of descriptors, say
			time.Sleep(50 * time.Millisecond)           // not a busy loop until some are free
			continue
		}
		clients.Go(func() {
			if err := s.serveClient(ctx, newConn(connectionSocket)); err != nil {
				log.Printf("client %v: %v", connectionSocket.RemoteAddr(), err)
			}
			<-places
		})
	}
}

// serveClient answers one client's requests. One that wants to receive stays a
// receiver from then on.
func (s *server) serveClient(ctx context.Context, client *framing.Conn) error {
	defer client.Close()
	stay := context.AfterFunc(ctx, func() {
		time.AfterFunc(stopLimit, func() { client.Close() })
	})
	defer stay()

	for ctx.Err() == nil {
		var r request
		err := s.next(ctx, client, &r)
		switch {
		case err == io.EOF || err != nil && ctx.Err() != nil:
			return nil
		case errors.Is(err, framing.ErrTooLong):
			s.tell(client, refusal("%v", err))
			hangUp(ctx, client) // where the next message begins, nobody knows
			return err
		case errors.Is(err, errNonsense):
			err = s.tell(client, refusal("%v", err))
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("let go after %v of silence", s.idle)
		case err != nil:
			return err
		case r.Role == "list":
			err = s.tell(client, answer{OK: true, Receivers: s.names()})
		case r.Role == "send":
			err = s.send(ctx, client, r)
		case r.Role == "receive":
			var registered bool
			if registered, err = s.receive(ctx, client, r.Name); registered {
				return err
			}
		default:
			err = s.tell(client, refusal("%.80q is not a role: receive, list and send are", r.Role))
		}
		if err == errBroke {
			hangUp(ctx, client)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next waits for the client's next request, but not when the server stops.
func (s *server) next(ctx context.Context, client *framing.Conn, r *request) error {
	client.SetReadDeadline(time.Now().Add(s.idle))
	stop := context.AfterFunc(ctx, func() { client.SetReadDeadline(time.Now()) })
	defer stop()
	return receiveMessage(client, r)
}

// send queues a sender's offer for the receiver, and returns an error if the
// sender's connection can't go on.
func (s *server) send(ctx context.Context, sender *framing.Conn, r request) error {
	if err := cmp.Or(checkName(r.From), r.offer.check()); err != nil {
		return s.tell(sender, refusal("%v", err))
	}
	s.mu.Lock()
	to := s.receivers[r.To]
	s.mu.Unlock()
	if to == nil {
		return s.tell(sender, refusal("nobody of the name %.80q is waiting for images", r.To))
	}
	select {
	case to.queue <- struct{}{}:
		defer func() { <-to.queue }()
	default:
		return s.tell(sender, refusal("%d others are waiting to send to %s", maxQueue, to.name))
	}

	left, stopWatch := watch(sender)
	t := &transfer{offer: r.offer, sender: sender, left: left, stopWatch: stopWatch, done: make(chan error, 1)}
	turn := time.NewTimer(turnLimit)
	defer turn.Stop()
	var why answer
	select {
	case to.offers <- t: // and from here on the receiver's goroutine has the sender's connection
		return <-t.done
	case <-left:
		return errLeft
	case <-to.gone:
		why = refusal("%s has left", to.name)
	case <-turn.C:
		why = refusal("%s is busy, for %v already", to.name, turnLimit)
	case <-ctx.Done():
		why = refusal("the server is stopping")
	}
	stopWatch()
	return s.tell(sender, why)
}

// receive registers a receiver and stays with it until it leaves.
func (s *server) receive(ctx context.Context, client *framing.Conn, name string) (registered bool, err error) {
	if err := checkName(name); err != nil {
		return false, s.tell(client, refusal("%v", err))
	}
	r := &receiver{
		name:   name,
		conn:   client,
		offers: make(chan *transfer),
		queue:  make(chan struct{}, maxQueue+1), // those that wait, and the one whose turn it is
		gone:   make(chan struct{}),
	}
	if err := s.register(r); err != nil {
		return false, s.tell(client, refusal("%v", err))
	}
	defer s.unregister(r)
	if err := s.tell(client, answer{OK: true}); err != nil {
		return true, err
	}
	return true, s.serveReceiver(ctx, r)
}

func (s *server) register(r *receiver) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receivers[r.name] != nil {
		return fmt.Errorf("the name %s is taken", r.name)
	}
	if len(s.receivers) == maxReceivers {
		return fmt.Errorf("there are %d receivers already", maxReceivers)
	}
	s.receivers[r.name] = r
	return nil
}

func (s *server) unregister(r *receiver) {
	s.mu.Lock()
	delete(s.receivers, r.name)
	s.mu.Unlock()
	close(r.gone)
}

func (s *server) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.AppendSeq([]string{}, maps.Keys(s.receivers)) // not nil: an empty list is sent as one
	slices.Sort(names)
	return names
}

// tell sends a message to a client, who has idle to take it.
func (s *server) tell(client *framing.Conn, message any) error {
	client.SetWriteDeadline(time.Now().Add(s.idle))
	return sendMessage(client, message)
}

// hangUp ends a connection on which more may come so that the client gets the
// last answer: closing it over bytes that nobody has read would reset it.
func hangUp(ctx context.Context, client *framing.Conn) {
	if half, ok := client.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	client.SetReadDeadline(time.Now().Add(hangUpLimit))
	stop := context.AfterFunc(ctx, func() { client.SetReadDeadline(time.Now().Add(grace)) })
	defer stop()
	io.Copy(io.Discard, client.Conn)
}
