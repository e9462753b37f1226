package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

const (
	stopLimit   = 5 * time.Second        // to finish, for clients who are talking when the server stops
	grace       = 200 * time.Millisecond // of silence then, and the client has nothing to finish
	hangUpLimit = 5 * time.Second        // to take the answer and hang up as well
)

// serveClient serves one client from its arrival to its departure.
func (s *server) serveClient(ctx context.Context, connectionSocket *net.TCPConn) {
	defer connectionSocket.Close()
	addr := connectionSocket.RemoteAddr()
	s.service.Printf("client %v connected", addr)

	served := context.AfterFunc(ctx, func() {
		connectionSocket.SetReadDeadline(time.Now().Add(grace))
		time.AfterFunc(stopLimit, func() { connectionSocket.Close() })
	})
	defer served()

	switch err := s.talk(s, ctx, connectionSocket); {
	case err == nil || err == io.EOF:
		s.service.Printf("client %v disconnected", addr)
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
		s.service.Printf("client %v disconnected by us, after %v of silence", addr, s.idle)
	case ctx.Err() != nil:
		s.service.Printf("client %v disconnected by us, because the server stops", addr)
	default:
		s.service.Printf("client %v disconnected: %v", addr, err)
	}
}

// setDeadline gives the client time for what it sends or receives next: idle,
// but when the server is stopping only a moment, which the clients that are in
// the middle of something do not need.
func (s *server) setDeadline(ctx context.Context, connectionSocket *net.TCPConn) {
	connectionSocket.SetDeadline(time.Now().Add(s.idle))
	if ctx.Err() != nil {
		connectionSocket.SetReadDeadline(time.Now().Add(grace))
	}
}

// hangUp ends a connection so that the client gets the whole answer. Closing it
// over input that nobody has read would reset it (RFC 1122, section 4.2.2.13),
// and a client that is still sending would lose the answer. So hangUp ends only
// our half and passes over what still comes until the client hangs up too.
func (s *server) hangUp(ctx context.Context, connectionSocket *net.TCPConn) error {
	if err := connectionSocket.CloseWrite(); err != nil {
		return err
	}
	connectionSocket.SetReadDeadline(time.Now().Add(hangUpLimit))
	if ctx.Err() != nil {
		connectionSocket.SetReadDeadline(time.Now().Add(grace))
	}
	io.Copy(io.Discard, connectionSocket) // an error is no concern any more: the answer is sent
	return nil
}
