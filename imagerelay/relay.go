package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
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
	errBroke = errors.New("the image has broken off")
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
			s.relaying.Add(1)
			verdict, err := s.relay(r, t)
			if s.relaying.Add(-1) == 0 {
				freePipes()
			}
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
		t.done <- s.tell(t.sender, refusal("%s %v", r.name, err))
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

	saved, err := s.pass(r, t)
	told := s.tell(t.sender, saved)
	if err != nil {
		t.done <- errBroke // and how much of the image is still to come, nobody knows
		return "", err
	}
	t.done <- told
	if !saved.OK {
		return printable(saved.Error), nil
	}
	return "saved", nil
}

// pass copies the image from the sender to the receiver, and returns what the
// sender is told then. It listens to the receiver all the while, so that one
// that leaves, or answers before it has the image, ends the copying.
func (s *server) pass(r *receiver, t *transfer) (answer, error) {
	r.conn.SetReadDeadline(time.Time{})
	var saved answer
	var hearErr error
	heard, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		saved, hearErr = hear(r)
		close(heard)
		t.sender.SetReadDeadline(time.Now())
		r.conn.SetWriteDeadline(time.Now())
	}()

	copyErr := s.copy(r.conn.Conn, t.sender.Conn, t.Size, heard)
	early := copyErr != nil && isClosed(heard)
	if copyErr == nil {
		r.conn.SetReadDeadline(time.Now().Add(s.idle))
	} else {
		r.conn.SetReadDeadline(time.Now())
	}
	<-ended

	switch {
	case early && hearErr == nil && !saved.OK:
		return saved, errBroke
	case early && hearErr == nil:
		return refusal("%s does not wait for the whole image", r.name), errBroke
	case errors.As(copyErr, new(*net.OpError)) && !early:
		// The receiver has reset the connection, and the error has its address;
		// or else the sender has, and does not hear this.
		return refusal("%s has left", r.name), copyErr
	case copyErr != nil && !early:
		return refusal("the image has broken off: %v", copyErr), copyErr
	case hearErr != nil:
		return refusal("%s %v", r.name, hearErr), hearErr
	}
	return saved, nil
}

// ask sends the offer to the receiver and returns its answer.
func (s *server) ask(r *receiver, offer offer) (answer, error) {
	if err := s.tell(r.conn, offer); err != nil {
		return answer{}, errors.New("has left")
	}
	r.conn.SetReadDeadline(time.Now().Add(s.idle))
	return hear(r)
}

// hear returns what the receiver answers.
func hear(r *receiver) (a answer, err error) {
	err = receiveMessage(r.conn, &a)
	switch {
	case err == nil:
		a = answer{OK: a.OK, Error: a.Error[:min(len(a.Error), maxError)]}
		if !a.OK && a.Error == "" {
			a.Error = r.name + " gives no reason"
		}
	case errors.Is(err, errNonsense):
		err = errors.New("answers nonsense")
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errors.New("does not answer")
	default:
		err = errors.New("has left")
	}
	return a, err
}

// copy copies size bytes from the sender to the receiver, and holds none of
// them: from one TCP socket to another, io.Copy has Linux move them inside the
// kernel, with splice(2). A receiver that is slow lets the buffers of the
// sockets fill, and TCP slows the sender.
func (s *server) copy(receiver, sender net.Conn, size int64, heard <-chan struct{}) error {
	portion := int64(minPortion)
	for size > 0 {
		start := time.Now()
		sender.SetReadDeadline(start.Add(s.idle))
		receiver.SetWriteDeadline(start.Add(s.idle))
		if isClosed(heard) {
			return errBroke // or else we have moved the deadlines that pass set
		}
		n, err := io.CopyN(receiver, sender, min(size, portion))
		switch {
		case err == io.EOF:
			return errors.New("the sender has left")
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("it has not moved for %v", s.idle)
		case err != nil:
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

// freePipes has package net close the pipes through which splice has moved
// images. It keeps them for the next ones until the garbage collector has passed
// twice, and a server that is idle has no garbage for hours.
func freePipes() {
	runtime.GC()
	runtime.GC()
}

func isClosed(channel <-chan struct{}) bool {
	select {
	case <-channel:
		return true
	default:
		return false
	}
}
