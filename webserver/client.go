package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	headLimit   = 10 * time.Second       // for a request's head to arrive, or a body that is passed over
	writeLimit  = 30 * time.Second       // for a client to receive something
	serialIdle  = 5 * time.Second        // with -serial: browsers open connections that they may never use
	stopLimit   = 5 * time.Second        // for answers under way when the server stops
	grace       = 200 * time.Millisecond // of silence then, and the client has nothing under way
	hangUpLimit = 5 * time.Second        // for the client to take the last answer and hang up as well

	smallBuffer = 2 << 10  // bytes: a usual head, and all that an idle connection holds
	maxOutput   = 16 << 10 // bytes of answers that wait for each other, to leave in one write
	maxSkipped  = 64 << 10 // bytes of a body that are passed over; after a longer one the connection ends
	portion     = 1 << 20  // bytes of a large file sent at a time
)

// A client is the connection to one.
type client struct {
	conn      net.Conn
	ctx       context.Context // done when the server stops
	stay      func() bool     // has the end of ctx mean nothing any more
	server    *server
	keepAlive bool
	unread    bool      // the client sends what nobody will read
	now       time.Time // when the request had arrived

	message    request
	buffer, in []byte        // what has come and is not used yet is in, a part of buffer
	skip       int64         // bytes still to come of a body that nobody wants
	out        *bytes.Buffer // what leaves with the next flush, or nil
	sent       int64         // bytes of the answer's body
	status     int           // of the answer

	readMoved, writeMoved time.Time // when the deadlines were last moved
}

// outputs keeps buffers for clients that are being answered, so that the idle
// ones hold none.
var outputs = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 4<<10)) }}

func newClient(ctx context.Context, s *server, conn net.Conn) *client {
	c := &client{conn: conn, ctx: ctx, server: s, keepAlive: true, buffer: make([]byte, smallBuffer)}
	c.stay = context.AfterFunc(ctx, func() {
		conn.SetReadDeadline(time.Now().Add(grace))
		time.AfterFunc(stopLimit, func() { conn.Close() })
	})
	return c
}

// receive is the template's recv: it returns the next request. The request lies
// in the client's buffer, until receive is called again.
//
// Its error is a *status to answer with, or something that nobody can be told.
func (c *client) receive() (*request, error) {
	c.status, c.sent = 0, 0
	c.message = request{}
	if err := c.skipBody(); err != nil {
		return nil, err
	}

	size, err := headSize(c.in)
	if size == 0 && err == nil {
		size, err = c.receiveHead()
	}
	c.now = time.Now()
	if err != nil {
		c.message.line, _, _ = bytes.Cut(bytes.TrimLeft(c.in, "\r\n"), []byte("\r"))
		c.message.method, _, _ = bytes.Cut(c.message.line, []byte(" "))
		return c.refuse(err)
	}

	head := c.in[:size]
	c.in = c.in[size:]
	if err := c.message.parse(head); err != nil {
		return c.refuse(err)
	}
	m := &c.message
	if c.server.serial || c.ctx.Err() != nil || !m.wantsKeepAlive() {
		c.keepAlive = false
	}
	c.skip = m.contentLength
	if m.chunked || m.contentLength > maxSkipped || m.expectsContinue && m.contentLength > 0 {
		// Who waits for "100 Continue" and gets an answer may send the body or
		// not, so that nobody can tell where the next request would begin.
		c.keepAlive, c.unread = false, true
	}
	return m, nil
}

// refuse ends the connection after the answer to a head that is not a request:
// nobody can tell where the next would begin.
func (c *client) refuse(err error) (*request, error) {
	c.keepAlive = false
	_, c.unread = err.(*status)
	return &c.message, err
}

// receiveHead waits until a head is in c.in, and returns its size. First it sends
// the answers that wait, because the client may wait for them.
func (c *client) receiveHead() (size int, err error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	c.moveReadDeadline()
	arriving := false
	for size == 0 && err == nil {
		if !arriving && len(bytes.TrimLeft(c.in, "\r\n")) > 0 {
			arriving = true
			c.setReadDeadline(headLimit)
			c.readMoved = time.Time{} // to be moved again for the next request
		}
		if err = c.fill(); err == nil {
			size, err = headSize(c.in)
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && arriving && c.ctx.Err() == nil {
		err = &status{code: 408, why: "The request did not arrive in time."}
	}
	return size, err
}

// skipBody passes over the body of the request before.
func (c *client) skipBody() error {
	arriving := false
	for {
		n := min(c.skip, int64(len(c.in)))
		c.skip -= n
		c.in = c.in[n:]
		if c.skip == 0 {
			return nil
		}
		if !arriving {
			arriving = true
			if err := c.flush(); err != nil {
				return err
			}
			c.setReadDeadline(headLimit)
			c.readMoved = time.Time{}
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// fill receives more into c.in.
func (c *client) fill() error {
	switch {
	case len(c.in) == 0:
		if len(c.buffer) > smallBuffer {
			c.buffer = make([]byte, smallBuffer)
		}
		c.in = c.buffer[:0]
	case len(c.in) == cap(c.in):
		buffer := c.buffer
		if len(buffer) < maxHead {
			buffer = make([]byte, maxHead)
		}
		c.in = buffer[:copy(buffer, c.in)]
		c.buffer = buffer
	}
	n, err := c.conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if n > 0 {
		return nil
	}
	return err
}

// moveReadDeadline gives the client time for its next request. Moving a deadline
// at each of them would cost more than to be a sixtieth inexact.
func (c *client) moveReadDeadline() {
	limit := c.server.idle
	if c.server.serial {
		limit = min(limit, serialIdle)
	}
	if now := time.Now(); now.Sub(c.readMoved) > limit/60 {
		c.setReadDeadline(limit)
		c.readMoved = now
	}
}

func (c *client) setReadDeadline(limit time.Duration) {
	c.conn.SetReadDeadline(time.Now().Add(limit))
	if c.ctx.Err() != nil {
		c.conn.SetReadDeadline(time.Now().Add(grace))
	}
}

// output is where an answer is written to.
func (c *client) output() *bytes.Buffer {
	if c.out == nil {
		c.out = outputs.Get().(*bytes.Buffer)
	}
	return c.out
}

// flush sends what has been written to the output.
func (c *client) flush() error {
	if c.out == nil {
		return nil
	}
	err := c.write(c.out.Bytes())
	c.out.Reset()
	outputs.Put(c.out)
	c.out = nil
	return err
}

func (c *client) write(b []byte) error {
	return c.push(int64(len(b)), func(sent int64) (int64, error) {
		n, err := c.conn.Write(b[sent:])
		return int64(n), err
	})
}

// push calls send for what is left of n bytes, until all are sent or the client
// has received nothing for writeLimit.
func (c *client) push(n int64, send func(sent int64) (int64, error)) error {
	const windows = 3 // in which the client is seen to receive or not
	missed := 0
	for sent := int64(0); sent < n; {
		if now := time.Now(); now.Sub(c.writeMoved) > writeLimit/windows/60 {
			c.conn.SetWriteDeadline(now.Add(writeLimit / windows))
			c.writeMoved = now
		}
		more, err := send(sent)
		sent += more
		if missed++; more > 0 {
			missed = 0
		}
		if err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || missed == windows) {
			return err
		}
	}
	return nil
}

// close ends the connection so that the client gets the whole answer. Closing it
// over input that nobody has read would reset it (RFC 1122, section 4.2.2.13),
// and a client that is still sending would lose the answer. So close then ends
// only our half, and passes over what still comes until the client hangs up too.
func (c *client) close() {
	defer c.stay()
	defer c.conn.Close()
	err := c.flush()
	socket, ok := c.conn.(*net.TCPConn)
	if err != nil || !ok || !c.unread && c.skip == 0 && len(c.in) == 0 {
		return
	}
	if socket.CloseWrite() == nil {
		c.setReadDeadline(hangUpLimit)
		io.Copy(io.Discard, socket) // an error is no concern any more: the answer is sent
	}
}
