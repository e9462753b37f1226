package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"time"

	"socketlab/framing"
)

// The server copies an image portion by portion, and each has the idle time to
// go through. The portions are small while an image is slow, so that it is not
// broken off although it moves, and large while it is fast.
const (
	minPortion = 64 << 10        // bytes
	maxPortion = 16 << 20        // bytes
	fast       = time.Second / 5 // for one portion: the next may be twice as large
)

var (
	errLeft  = errors.New("the sender has not waited for its turn")
	errBroke = errors.New("the image broke off")
)

// A receiver is a client that waits for images. Its goroutine takes one offer
// after another from offers, so that one image at a time goes to it.
type receiver struct {
	name   string
	conn   *framing.Conn
	offers chan *transfer
	queue  chan struct{} // holds an item for each sender that has come for this receiver
	gone   chan struct{} // closed when it is not registered any more
}

// A transfer is one image on its way. Whoever has it has the connection of its
// sender, too.
type transfer struct {
	offer
	sender    *framing.Conn
	left      <-chan struct{} // closed if the sender has not waited for its turn
	stopWatch func()
	done      chan error // gets one value: why the sender's connection can't go on, or nil
}

// serveReceiver relays images to the receiver until it leaves. When one breaks
// off it returns, for the end of the connection is what tells the receiver.
func (s *server) serveReceiver(ctx context.Context, r *receiver) error {
	for ctx.Err() == nil {
		left, stopWatch := watch(r.conn)
		select {
		case t := <-r.offers:
			stopWatch()
			t.stopWatch()
			if isClosed(t.left) {
				t.done <- errLeft
				continue
			}
			verdict, err := s.relay(r, t)
			if err != nil {
				return err
			}
			log.Printf("%s to %s: %.80q, %d bytes: %s", t.From, r.name, t.Name, t.Size, verdict)
		case <-left:
			return nil
		case <-ctx.Done():
			stopWatch()
		}
	}
	return nil
}

// relay offers an image to the receiver and, if that wants it, passes it on. An
// error ends the receiver's connection.
func (s *server) relay(r *receiver, t *transfer) (verdict string, err error) {
	wanted, err := s.ask(r, t.offer)
	if err != nil {
		t.done <- s.tell(t.sender, refusal("%s has left: %v", r.name, err))
		return "", err
	}
	err = s.tell(t.sender, wanted)
	if err != nil || !wanted.OK {
		t.done <- err
		if !wanted.OK {
			err = nil // the receiver waits for nothing
		}
		return printable(wanted.Error), err
	}

	if err := s.copy(r.conn.Conn, t.sender.Conn, t.Size); err != nil {
		s.tell(t.sender, refusal("the image broke off on its way to %s: %v", r.name, err))
		t.done <- errBroke
		return "", err
	}
	saved, err := s.hear(r)
	if err != nil {
		t.done <- s.tell(t.sender, refusal("%s has left before it had saved the image: %v", r.name, err))
		return "", err
	}
	t.done <- s.tell(t.sender, saved)
	if !saved.OK {
		return printable(saved.Error), nil
	}
	return "saved", nil
}

// ask sends the offer to the receiver and returns its answer.
func (s *server) ask(r *receiver, offer offer) (answer, error) {
	if err := s.tell(r.conn, offer); err != nil {
		return answer{}, err
	}
	return s.hear(r)
}

// hear returns what the receiver answers.
func (s *server) hear(r *receiver) (answer, error) {
	r.conn.SetReadDeadline(time.Now().Add(s.idle))
	var a answer
	err := receiveMessage(r.conn, &a)
	return answer{OK: a.OK, Error: a.Error}, err
}

// copy copies size bytes from the sender to the receiver, and holds none of
// them: from one TCP socket to another, io.Copy has Linux move them inside the
// kernel, with splice(2). A receiver that is slow lets the buffers of the
// sockets fill, and TCP slows the sender.
func (s *server) copy(receiver, sender net.Conn, size int64) error {
	portion := int64(minPortion)
	for size > 0 {
		start := time.Now()
		sender.SetReadDeadline(start.Add(s.idle))
		receiver.SetWriteDeadline(start.Add(s.idle))
		n, err := io.CopyN(receiver, sender, min(size, portion))
		if err == io.EOF {
			return errors.New("the sender has left")
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errors.New("it stands still")
		}
		if err != nil {
			return err
		}
		size -= n
		if time.Since(start) < fast {
			portion = min(2*portion, maxPortion)
		} else {
			portion = minPortion
		}
	}
	return nil
}

// watch waits for a client that has nothing to say now, and closes left when it
// hangs up or says something all the same. Before the connection can be used
// again, stop has to be called.
func watch(client net.Conn) (left <-chan struct{}, stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	client.SetReadDeadline(time.Time{})
	go func() {
		defer close(ended)
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			close(over)
		}
	}()
	return over, func() {
		client.SetReadDeadline(time.Now()) // ends the wait in Read
		<-ended
	}
}

func isClosed(channel <-chan struct{}) bool {
	select {
	case <-channel:
		return true
	default:
		return false
	}
}
