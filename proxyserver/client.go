package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// What a client may take of the proxy, which is what the web server allows.
const (
	headSize      = 16 << 10         // bytes of a head
	headTimeout   = 10 * time.Second // for a head to arrive, once it has begun
	idleTimeout   = 60 * time.Second // between requests
	stallTimeout  = 30 * time.Second // without progress, for a body in either direction
	lingerTimeout = 2 * time.Second  // to hang up after an answer that is the last
	bufferSize    = 32 << 10         // bytes of a body that are passed on at a time
)

// buffers lends what a body needs on its way: for the collector, the buffers
// would be by far the most that passes through here.
var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// A client is the connection to one client: the template's tcpCliSock, with
// what has been received and what is about to be sent.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	out     []byte // the head of an answer, and its body if that is short
	version int    // the minor version of HTTP that the client speaks

	closing bool   // after the answer
	unread  bool   // there may be input that nobody has read
	begun   bool   // an answer has begun, so that no error page can be sent
	outcome string // for the log: the status, and where the answer comes from

	idle                  atomic.Bool // no request has begun
	unwanted              atomic.Bool // what is left of a request's body
	readUntil, writeUntil time.Time   // the deadlines that are set
}

func newClient(conn net.Conn) *client {
	return &client{conn: conn, in: bufio.NewReaderSize(conn, headSize), version: 1}
}

// setReadDeadline allows so long for what is read next. Moving a deadline costs
// something, so one that is nearly right stays.
func (c *client) setReadDeadline(timeout time.Duration) {
	until := time.Now().Add(timeout)
	if d := until.Sub(c.readUntil); d > timeout/20 || d < 0 {
		c.conn.SetReadDeadline(until)
		c.readUntil = until
	}
}

func (c *client) setWriteDeadline() {
	until := time.Now().Add(stallTimeout)
	if until.Sub(c.writeUntil) > stallTimeout/20 {
		c.conn.SetWriteDeadline(until)
		c.writeUntil = until
	}
}

// receive reads the next request up to its body. io.EOF means that there is
// none.
func (c *client) receive(ctx context.Context) (*message, error) {
	c.begun, c.closing, c.unread, c.version = false, false, false, 1
	c.setReadDeadline(idleTimeout)
	c.idle.Store(true)
	if ctx.Err() != nil && c.in.Buffered() == 0 {
		return nil, io.EOF // our deadline may have come after letGo's
	}
	for {
		// An empty line before a request is passed over (RFC 9112, section 2.2).
		b, err := c.in.Peek(1)
		if err != nil {
			return nil, io.EOF
		}
		if b[0] != '\r' && b[0] != '\n' {
			break
		}
		c.in.Discard(1)
	}
	c.idle.Store(false)
	late := false
	for {
		b, _ := c.in.Peek(c.in.Buffered())
		if n := endOfHead(b); n > 0 {
			m, err := parseMessage(c.in, n)
			if err != nil {
				c.closing, c.unread = true, true
				return nil, err
			}
			c.version = m.ProtoMinor
			c.closing = m.Close || c.version == 0 || ctx.Err() != nil
			return m, nil
		}
		if len(b) == headSize {
			c.closing, c.unread = true, true
			return nil, refuse(http.StatusRequestHeaderFieldsTooLarge, "http_request_error", "The head of the request is longer than %d bytes", headSize)
		}
		if !late {
			late = true
			c.setReadDeadline(headTimeout)
		}
		if _, err := c.in.Peek(len(b) + 1); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
				c.closing, c.unread = true, true
				return nil, refuse(http.StatusRequestTimeout, "http_request_error", "The head of the request did not arrive within %v", headTimeout)
			}
			return nil, io.EOF
		}
	}
}

// letGo ends the connection if nothing is asked or answered over it.
func (c *client) letGo() {
	if c.idle.Load() {
		c.conn.SetReadDeadline(time.Now())
	}
}

// write sends b, as long as the client takes some of it now and then.
func (c *client) write(b []byte) error {
	for {
		c.setWriteDeadline()
		n, err := c.conn.Write(b)
		b = b[n:]
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// begin prepares the head of an answer in c.out, which goes out with the
// beginning of the body. The fields are to be appended to it, and end called.
func (c *client) begin(status string) {
	c.begun, c.outcome = true, status
	c.out = append(c.out[:0], "HTTP/1.1 "...)
	c.out = append(c.out, status...)
	c.out = append(c.out, "\r\n"...)
}

func (c *client) field(name, value string) {
	c.out = append(c.out, name...)
	c.out = append(c.out, ": "...)
	c.out = append(c.out, value...)
	c.out = append(c.out, "\r\n"...)
}

func (c *client) fields(header http.Header) {
	w := headWriter{c}
	header.Write(w)
}

// A headWriter appends to the head.
type headWriter struct{ c *client }

func (w headWriter) Write(p []byte) (int, error) {
	w.c.out = append(w.c.out, p...)
	return len(p), nil
}

func (w headWriter) WriteString(s string) (int, error) {
	w.c.out = append(w.c.out, s...)
	return len(s), nil
}

// lengthField appends a Content-Length.
func (c *client) lengthField(length int64) {
	c.out = append(c.out, "Content-Length: "...)
	c.out = strconv.AppendInt(c.out, length, 10)
	c.out = append(c.out, "\r\n"...)
}

// endHead ends the head.
func (c *client) endHead() {
	if c.closing {
		c.out = append(c.out, "Connection: close\r\n"...)
	}
	c.out = append(c.out, "\r\n"...)
}

// A bodyWriter sends a body behind the head in c.out: as it is, or in chunks if
// nobody knows how long it will be. Only Close makes it whole.
type bodyWriter struct {
	c       *client
	chunked bool
}

// endHeadWithBody ends the head and returns the writer of a body of so many
// bytes, or -1 for a body whose end is to be seen when it is there. A client of
// HTTP/1.0 sees that by the end of the connection.
func (c *client) endHeadWithBody(length int64) *bodyWriter {
	w := &bodyWriter{c: c}
	switch {
	case length >= 0:
		c.lengthField(length)
	case c.version == 0:
		c.closing = true
	default:
		c.out = append(c.out, "Transfer-Encoding: chunked\r\n"...)
		w.chunked = true
	}
	c.endHead()
	return w
}

func (w *bodyWriter) Write(b []byte) (int, error) {
	c := w.c
	if len(b) == 0 {
		return 0, nil
	}
	if w.chunked {
		c.out = strconv.AppendInt(c.out, int64(len(b)), 16)
		c.out = append(c.out, "\r\n"...)
	}
	c.out = append(c.out, b...)
	if w.chunked {
		c.out = append(c.out, "\r\n"...)
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (w *bodyWriter) flush() error {
	if len(w.c.out) == 0 {
		return nil
	}
	err := w.c.write(w.c.out)
	if cap(w.c.out) > 2*bufferSize {
		w.c.out = nil
	}
	w.c.out = w.c.out[:0]
	return err
}

// Close says that the body is whole.
func (w *bodyWriter) Close() error {
	if w.chunked {
		w.c.out = append(w.c.out, "0\r\n\r\n"...)
	}
	return w.flush()
}

// sendFile sends so many bytes of a file from offset on, which on Linux never
// pass through this program.
func (w *bodyWriter) sendFile(file *os.File, offset, length int64) error {
	if err := w.flush(); err != nil {
		return err
	}
	for length > 0 {
		if _, err := file.Seek(offset, io.SeekStart); err != nil {
			return err
		}
		w.c.setWriteDeadline()
		n, err := io.CopyN(w.c.conn, file, min(length, 1<<20))
		offset += n
		length -= n
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
	}
	return nil
}

// breakOff ends an answer that is not whole so that the client sees it: without
// the last chunk, short of the length; and where only the end of the connection
// would tell, by a reset.
func (c *client) breakOff() {
	c.closing, c.unread = true, false
	if tcp, ok := c.conn.(*net.TCPConn); ok && c.version == 0 {
		tcp.SetLinger(0)
	}
}

// hangUp ends the connection. If there is input that nobody has read, closing
// it would reset it, and the client would lose the answer: so first only our
// half is ended, and what still comes is passed over.
func (c *client) hangUp() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && c.unread && half.CloseWrite() == nil {
		c.conn.SetReadDeadline(time.Now().Add(lingerTimeout))
		io.Copy(io.Discard, io.LimitReader(c.conn, 64<<20))
	}
	c.conn.Close()
}

// sendBody passes the body of a request on to the origin, with the framing that
// it came in.
func (c *client) sendBody(m *message, to *originConn) error {
	out := io.Writer(to)
	var chunks io.WriteCloser
	if m.ContentLength < 0 {
		chunks = httputil.NewChunkedWriter(to)
		out = chunks
	}
	buffer := *buffers.Get().(*[]byte)
	defer buffers.Put(&buffer)
	for {
		c.setReadDeadline(stallTimeout)
		if c.unwanted.Load() {
			return &clientError{os.ErrDeadlineExceeded} // our deadline may have come after stopSending's
		}
		n, err := m.Body.Read(buffer)
		if err == io.EOF {
			to.taken.Store(true) // before the origin can answer
		}
		if n > 0 {
			if _, err := out.Write(buffer[:n]); err != nil {
				return err
			}
			if err := to.flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		var network net.Error
		if err != nil && err != io.ErrUnexpectedEOF && !errors.As(err, &network) {
			return &refusal{http.StatusBadRequest, "http_request_error", "The body of the request is not in chunks as it says", err}
		}
		if err != nil {
			return &clientError{err}
		}
	}
	if chunks != nil {
		chunks.Close()
		io.WriteString(to, "\r\n")
		return to.flush()
	}
	return nil
}

// stopSending ends what sendBody does, and returns what came of it. The rest of
// the body stays where it is, so there can be no further request.
func (c *client) stopSending(sending <-chan error) error {
	c.closing, c.unread = true, true
	c.unwanted.Store(true)
	c.conn.SetReadDeadline(time.Now())
	return <-sending
}

// A clientError ends the connection to the client: there is no one to answer.
type clientError struct{ error }

func (e *clientError) Unwrap() error { return e.error }
