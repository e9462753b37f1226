package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/netip"
	"sync"
	"time"

	"socketlab/framing"
)

const (
	// maxMessage, in bytes, has room for two passwords of 1024 bytes of which
	// every one is escaped as six.
	maxMessage      = 16 << 10
	maxClients      = 1000 // at once; more of them wait to be accepted
	maxFromOnePlace = 500  // of these, so that one address does not take all

	handshakeLimit = 10 * time.Second       // for TLS to begin
	stopLimit      = 5 * time.Second        // to finish, for requests under way when the server stops
	grace          = 200 * time.Millisecond // of silence then, and there is none
	hangUpLimit    = time.Second            // to take the last answer and hang up as well
)

type server struct {
	store    *store
	hashing  *hashing
	guessing *guessing
	clients  crowd

	iterations  int           // of a password's hash
	minPassword int           // characters
	session     time.Duration // how long a session lasts
	idle        time.Duration // how long it may be unused
	connIdle    time.Duration // how long a client may be silent
}

// run serves clients until ctx is done, and returns when the file is up to date.
func (s *server) run(ctx context.Context, serverSocket net.Listener) {
	served, stop := context.WithCancel(context.Background())
	var tidying sync.WaitGroup
	tidying.Go(func() { s.tidy(served) })
	s.serve(ctx, serverSocket)
	stop()
	tidying.Wait()
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
			s.serveClient(ctx, connectionSocket)
			<-places
		})
	}
}

// serveClient serves one client from its arrival to its departure.
func (s *server) serveClient(ctx context.Context, connectionSocket net.Conn) {
	defer connectionSocket.Close()
	stay := context.AfterFunc(ctx, func() {
		connectionSocket.SetReadDeadline(time.Now().Add(grace))
		time.AfterFunc(stopLimit, func() { connectionSocket.Close() })
	})
	defer stay()
	addr := addressOf(connectionSocket)
	if !s.clients.enter(addr) {
		connectionSocket.SetDeadline(time.Now().Add(hangUpLimit))
		send(framing.NewConn(connectionSocket), failure(errBusy))
		hangUp(connectionSocket)
		return
	}
	defer s.clients.leave(addr)
	if secure, ok := connectionSocket.(*tls.Conn); ok {
		secure.SetDeadline(time.Now().Add(handshakeLimit))
		if secure.HandshakeContext(ctx) != nil {
			return
		}
	}
	if err := s.converse(ctx, connectionSocket, addr); errors.Is(err, framing.ErrTooLong) {
		hangUp(connectionSocket)
	}
}

// converse answers request after request until the client hangs up or falls
// silent, or until a message is so long that nobody knows where the next begins.
func (s *server) converse(ctx context.Context, connectionSocket net.Conn, addr netip.Addr) error {
	conn := framing.NewConn(buffered{connectionSocket, bufio.NewReaderSize(connectionSocket, 512)})
	conn.MaxSize = maxMessage
	for {
		conn.SetDeadline(time.Now().Add(s.connIdle))
		if ctx.Err() != nil { // the deadline above has replaced the one that says so
			conn.SetReadDeadline(time.Now().Add(grace))
		}
		message, err := conn.Receive()
		if errors.Is(err, framing.ErrTooLong) {
			send(conn, failure(err))
		}
		if err != nil {
			return err
		}
		a := s.answer(message, addr)
		conn.SetWriteDeadline(time.Now().Add(s.connIdle)) // the request and its hash have used up some of the one above
		if err := send(conn, a); err != nil {
			return err
		}
	}
}

// A buffered connection receives a short message, prefix and all, in one system
// call, and not in two.
type buffered struct {
	net.Conn
	reader *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }

func send(conn *framing.Conn, a answer) error {
	message, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return conn.Send(message)
}

// hangUp ends a connection so that the last answer arrives: closing it over
// bytes that nobody has read would reset it, and the answer could be lost.
func hangUp(connectionSocket net.Conn) {
	if half, ok := connectionSocket.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		connectionSocket.SetReadDeadline(time.Now().Add(hangUpLimit))
		io.Copy(io.Discard, connectionSocket)
	}
}

// addressOf returns the IP address of the other side: 127.0.0.1 also where it
// came to a socket of IPv6, as ::ffff:127.0.0.1.
func addressOf(connectionSocket net.Conn) netip.Addr {
	addr, ok := connectionSocket.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return addr.AddrPort().Addr().Unmap()
}

// A crowd counts the clients from each place.
type crowd struct {
	mu    sync.Mutex
	count map[netip.Prefix]int
}

func (c *crowd) enter(addr netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[netip.Prefix]int{}
	}
	if c.count[place(addr)] >= maxFromOnePlace {
		return false
	}
	c.count[place(addr)]++
	return true
}

func (c *crowd) leave(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[place(addr)]--; c.count[place(addr)] == 0 {
		delete(c.count, place(addr))
	}
}
