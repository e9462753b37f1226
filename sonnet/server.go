package main

import (
	"context"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	maxClients  = 10000                  // at once; more of them wait to be accepted
	hangUpLimit = 5 * time.Second        // for the client to take the sonnet and hang up
	stopLimit   = 5 * time.Second        // for sonnets that are on their way when the server stops
	grace       = 200 * time.Millisecond // to hang up, for clients who have theirs when the server stops
)

type server struct {
	sonnets []string      // ready to be sent
	idle    time.Duration // how long a client may leave its sonnet untaken
}

// serve is the listing's loop. It accepts clients until ctx is done, and
// returns when the last of them is gone.
func (s *server) serve(ctx context.Context, serverSocket *net.TCPListener) {
	context.AfterFunc(ctx, func() { serverSocket.Close() }) // ends the wait in Accept
	var clients sync.WaitGroup
	defer clients.Wait()

	places := make(chan struct{}, maxClients)
	for {
		places <- struct{}{}
		connectionSocket, err := serverSocket.AcceptTCP()
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
			if err := s.reply(ctx, connectionSocket); err != nil {
				log.Print(err)
			}
			<-places
		})
	}
}

// reply is the exercise: it sends one of the sonnets and closes the connection.
func (s *server) reply(ctx context.Context, connectionSocket *net.TCPConn) error {
	defer connectionSocket.Close()
	connectionSocket.SetWriteDeadline(time.Now().Add(s.idle))
	stay := context.AfterFunc(ctx, func() {
		connectionSocket.SetWriteDeadline(time.Now().Add(stopLimit))
		connectionSocket.SetReadDeadline(time.Now().Add(grace))
	})
	defer stay()

	sonnet := s.sonnets[rand.IntN(len(s.sonnets))]
	if _, err := io.WriteString(connectionSocket, sonnet); err != nil {
		return err
	}
	s.hangUp(ctx, connectionSocket)
	return nil
}

// hangUp ends a connection so that the client gets the whole sonnet. Closing it
// over input that nobody has read would reset it (RFC 1122, section 4.2.2.13),
// and a client that has sent anything would lose the sonnet. So hangUp ends only
// our half and passes over what comes until the client hangs up too.
func (s *server) hangUp(ctx context.Context, connectionSocket *net.TCPConn) {
	connectionSocket.CloseWrite()
	connectionSocket.SetReadDeadline(time.Now().Add(min(s.idle, hangUpLimit)))
	if ctx.Err() != nil {
		connectionSocket.SetReadDeadline(time.Now().Add(grace)) // we may have moved the deadline that reply set
	}
	io.Copy(io.Discard, connectionSocket) // an error is no concern any more: the sonnet is sent
}
