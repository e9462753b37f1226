package main

import (
	"context"
	"log"
	"net"
	"sync"
	"time"
)

const (
	maxSentence = 1024  // bytes: what the listing receives, and a portion of the echo
	maxClients  = 10000 // at once; more of them wait to be accepted
)

type server struct {
	talk    mode          // what is said with each client
	idle    time.Duration // how long a client may be silent
	service *log.Logger   // for service messages
}

// A mode says with one client all that there is to say.
type mode func(s *server, ctx context.Context, connectionSocket *net.TCPConn) error

var modes = map[string]mode{"upper": (*server).reply, "echo": (*server).echo, "thanks": (*server).thank}

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
			s.serveClient(ctx, connectionSocket)
			<-places
		})
	}
}

// reply is the rest of the listing: receive once, answer in upper case, close.
func (s *server) reply(ctx context.Context, connectionSocket *net.TCPConn) error {
	sentence := make([]byte, maxSentence)
	s.setDeadline(ctx, connectionSocket)
	n, err := connectionSocket.Read(sentence)
	if err != nil {
		return err
	}
	s.service.Printf("received %d bytes from %v", n, connectionSocket.RemoteAddr())

	capitalizedSentence := upper(sentence[:n])
	if _, err := connectionSocket.Write(capitalizedSentence); err != nil {
		return err
	}
	s.service.Printf("sent %d bytes to %v", n, connectionSocket.RemoteAddr())
	if n < maxSentence {
		return nil // it has room for more, so nothing is left unread: see hangUp
	}
	return s.hangUp(ctx, connectionSocket)
}
