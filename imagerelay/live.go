package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// stillLimit is longer than a server has one client wait for another.
const stillLimit = 2 * turnLimit

var errSilent = errors.New("the server is silent")

// A liveConn is a connection to the server that remembers when it was last used
// with success. An image may stand still because the other client is slow, or
// another sender's turn; only if the server does not answer either is it over.
type liveConn struct {
	net.Conn
	addr    string
	timeout time.Duration
	used    atomic.Int64 // the time, in nanoseconds
	silent  atomic.Bool  // closed because the server is silent
}

func dial(ctx context.Context, addr string, timeout time.Duration) (*liveConn, error) {
	dialer := net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &liveConn{Conn: conn, addr: addr, timeout: timeout}, nil
}

func (c *liveConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.note(n, err)
}

func (c *liveConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.note(n, err)
}

// ReadFrom has the system copy from a file by itself, where it can.
func (c *liveConn) ReadFrom(file io.Reader) (int64, error) {
	n, err := io.Copy(c.Conn, file)
	return n, c.note(int(n), err)
}

func (c *liveConn) note(n int, err error) error {
	if n > 0 {
		c.used.Store(time.Now().UnixNano())
	}
	if err != nil && c.silent.Load() {
		return errSilent
	}
	return err
}

// watch closes the connection when nothing moves on it and the server does not
// answer on another one either, timeout in all; until stop is called.
func (c *liveConn) watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	c.used.Store(time.Now().UnixNano())
	go func() {
		defer close(ended)
		for {
			select {
			case <-time.After(c.timeout / 4):
			case <-ctx.Done():
				return
			}
			if time.Since(time.Unix(0, c.used.Load())) < c.timeout/2 {
				continue
			}
			still := time.Since(time.Unix(0, c.used.Load())) > stillLimit
			if err := c.probe(ctx); (err != nil || still) && ctx.Err() == nil {
				c.silent.Store(true)
				c.Close()
				return
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// probe asks the server for something that it answers at once.
func (c *liveConn) probe(ctx context.Context) error {
	other, err := dial(ctx, c.addr, c.timeout/4)
	if err != nil {
		return err
	}
	defer other.Close()
	stop := context.AfterFunc(ctx, func() { other.Close() })
	defer stop()
	_, err = ask(newConn(other), c.timeout/4, request{Role: "list"})
	return err
}
