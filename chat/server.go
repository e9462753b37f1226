package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"socketlab/framing"
)

const (
	maxLine        = 4096                   // bytes of a message from a client
	maxNameless    = 1000                   // connections at once that are not members, or not any more
	handshakeLimit = 10 * time.Second       // for a newcomer to send a name
	hangUpLimit    = 5 * time.Second        // to take the last lines and hang up as well
	grace          = 200 * time.Millisecond // to hang up, when the server stops
)

// keepAlive finds out within a minute that a client's machine is gone, which
// sends nothing, not even the end of the stream.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

type server struct {
	room *room
	rate int           // messages a second from one client, or 0 for any
	idle time.Duration // how long a client may be silent
}

// serve accepts clients until ctx is done, and returns when the last of them is
// gone and the room is closed.
func (s *server) serve(ctx context.Context, listener net.Listener) {
	context.AfterFunc(ctx, func() { listener.Close() }) // ends the wait in Accept
	var room, clients sync.WaitGroup
	room.Go(s.room.run)
	defer room.Wait()
	defer close(s.room.actions)
	defer clients.Wait()

	places := make(chan struct{}, s.room.max+maxNameless)
	for {
		places <- struct{}{}
		conn, err := listener.Accept()
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
			s.serveClient(ctx, conn)
			<-places
		})
	}
}

// serveClient serves one client from its arrival to its departure: this
// goroutine receives, and a second one sends.
func (s *server) serveClient(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stay := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) }) // ends the wait for a line
	defer stay()

	m := newMember(conn)
	var sending sync.WaitGroup
	sending.Go(m.send)
	m.bidFarewell(s.converse(ctx, m))

	// Closing a connection over input that nobody has read would reset it, and
	// the client would lose what it was told last. So the sending ends first, and
	// what still comes is passed over until the client hangs up too.
	conn.SetWriteDeadline(time.Now().Add(hangUpLimit))
	sending.Wait()
	conn.SetReadDeadline(time.Now().Add(hangUpLimit))
	if ctx.Err() != nil {
		conn.SetReadDeadline(time.Now().Add(grace))
	}
	io.Copy(io.Discard, conn)
}

// converse is the protocol: a name, and then line after line. It returns why
// the client leaves, which is nil if it wanted to.
func (s *server) converse(ctx context.Context, m *member) error {
	name, err := m.receive(ctx, handshakeLimit)
	if err != nil {
		return m.reason(ctx, err, handshakeLimit)
	}
	if err := s.room.join(m, name); err != nil {
		return err
	}
	var pace pace
	for {
		line, err := m.receive(ctx, s.idle)
		if err != nil && err != framing.ErrNotText {
			err = m.reason(ctx, err, s.idle)
			s.room.leave(m, err)
			return err
		}
		if pause := pace.count(time.Now(), s.rate); pause > 0 {
			m.tell(fmt.Sprintf("! not more than %d messages a second: yours wait their turn", s.rate))
			sleep(ctx, pause)
		}
		command, rest := parseLine(printable(line))
		switch {
		case err == framing.ErrNotText:
			m.tell("! your line is not UTF-8 text")
		case command == "/quit":
			s.room.leave(m, nil)
			return nil
		case command != "" || strings.TrimSpace(rest) != "":
			s.room.actions <- func() { s.room.obey(m, command, rest) }
		}
	}
}

// Why a client has to leave.
var (
	errStopping = errors.New("the server is stopping")
	errSlow     = errors.New("too slow to read what is said")
	errLost     = errors.New("connection lost")
	errTooLong  = fmt.Errorf("a line has at most %d bytes", maxLine)
)

// reason says in the words of the room why nothing can be received any more.
func (m *member) reason(ctx context.Context, err error, patience time.Duration) error {
	switch {
	case err == io.EOF:
		return nil
	case m.queue.overflowed():
		return errSlow
	case errors.Is(err, framing.ErrTooLong):
		return errTooLong
	case errors.Is(err, framing.ErrNotText): // before there is a name
		return errName
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return errStopping
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("silent for %v", patience)
	}
	return errLost
}

// sleep waits, but not for longer than ctx lasts.
func sleep(ctx context.Context, pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}
