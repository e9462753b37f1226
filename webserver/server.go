package main

import (
	"context"
	"io"
	"io/fs"
	"log"
	"net"
	"sync"
	"time"
)

// maxClients at once; more of them wait to be accepted.
const maxClients = 10000

type server struct {
	files  fs.FS         // what is served
	serial bool          // one connection at a time
	idle   time.Duration // how long a client may send no request
	log    io.Writer     // for a line of each request, or nil
	cache  cache
}

// serve is the template's loop. It accepts clients until ctx is done, and
// returns when the last of them is gone.
func (s *server) serve(ctx context.Context, serverSocket net.Listener) {
	context.AfterFunc(ctx, func() { serverSocket.Close() }) // ends the wait in Accept
	var clients sync.WaitGroup
	defer clients.Wait()

	places := make(chan struct{}, maxClients)
	if s.serial {
		places = make(chan struct{}, 1)
	}
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

// serveClient answers one request after another, until the client or an error
// ends it.
func (s *server) serveClient(ctx context.Context, connectionSocket net.Conn) {
	c := newClient(ctx, s, connectionSocket)
	defer c.close()

	for c.keepAlive {
		message, err := c.receive()
		if err == nil {
			err = s.answer(c, message)
		}
		if err != nil {
			err = c.sendStatus(message, err)
		}
		c.logRequest(message)
		if err != nil {
			return // there is nobody to answer any more
		}
	}
}

// answer is the template's try: find the file that the message names, and send
// it. An error is what the client gets instead.
func (s *server) answer(c *client, message *request) error {
	filename, err := message.filename()
	if err != nil {
		return err
	}
	f, err := s.open(filename, message.query)
	if err != nil {
		return err
	}
	defer f.close()

	if err := message.checkConditions(f); err != nil {
		return err
	}
	ranges, err := message.ranges(f, c.now)
	if err != nil {
		return err
	}
	return c.sendFile(message, f, ranges)
}
