package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	originHeadSize = 32 << 10         // bytes; browsers take no more than 256 KB, and most sites send 1
	maxInterim     = 32               // answers of 1xx before the final one
	maxIdle        = 512              // connections kept for the next request, in all
	maxIdlePerHost = 64               // and to one server
	originIdle     = 30 * time.Second // before a kept connection is given up
)

// An originConn is the connection to an origin server: the template's c.
type originConn struct {
	net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	host    string
	timeout time.Duration // without progress
	used    bool          // it has carried a request before
	kept    time.Time     // since when it is idle
	sending atomic.Bool   // the body of a request is on its way
	taken   atomic.Bool   // all of that body has come from the client
	inHead  bool          // whose time is limited as a whole
	unwatch func() bool   // ends the wait for the end of the proxy

	readUntil, writeUntil time.Time // the deadlines that are set
}

// Read and Write end when nothing moves for the timeout.
func (c *originConn) Read(b []byte) (int, error) {
	until := time.Now().Add(c.timeout)
	if !c.inHead && until.Sub(c.readUntil) > c.timeout/20 {
		c.Conn.SetReadDeadline(until)
		c.readUntil = until
	}
	return c.Conn.Read(b)
}

func (c *originConn) Close() error {
	c.unwatch()
	return c.Conn.Close()
}

func (c *originConn) Write(b []byte) (int, error) { return c.out.Write(b) }

func (c *originConn) flush() error {
	until := time.Now().Add(c.timeout)
	if until.Sub(c.writeUntil) > c.timeout/20 {
		c.Conn.SetWriteDeadline(until)
		c.writeUntil = until
	}
	return c.out.Flush()
}

// origins keeps connections to servers for the requests to come.
type origins struct {
	mu    sync.Mutex
	idle  map[string][]*originConn // the one that was used last is the last
	count int
}

// take returns a kept connection that is still good, or nil.
func (o *origins) take(host string) *originConn {
	for {
		o.mu.Lock()
		kept := o.idle[host]
		if len(kept) == 0 {
			o.mu.Unlock()
			return nil
		}
		c := kept[len(kept)-1]
		o.drop(host, len(kept)-1)
		o.mu.Unlock()
		// A server that has hung up, or that has sent what nobody asked for, is
		// not to be asked over this connection.
		if time.Since(c.kept) < originIdle && quiet(c.Conn) {
			return c
		}
		c.Close()
	}
}

// keep puts a connection by that is free again.
func (o *origins) keep(c *originConn) {
	c.used, c.kept = true, time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.idle == nil || len(o.idle[c.host]) >= maxIdlePerHost || o.count >= maxIdle {
		c.Close()
		return
	}
	o.idle[c.host] = append(o.idle[c.host], c)
	o.count++
}

// drop takes the i-th connection to host out; called with mu held.
func (o *origins) drop(host string, i int) {
	kept := o.idle[host]
	kept[i] = nil
	o.idle[host] = append(kept[:i], kept[i+1:]...)
	if len(kept) == 1 {
		delete(o.idle, host)
	}
	o.count--
}

// expire closes the connections that nobody has needed for a while, until ctx
// is done, and then all.
func (o *origins) expire(ctx context.Context) {
	tick := time.NewTicker(originIdle / 2)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			ended = true
		}
		o.mu.Lock()
		for host, kept := range o.idle {
			for len(kept) > 0 && (ended || time.Since(kept[0].kept) > originIdle) {
				kept[0].Close()
				o.drop(host, 0)
				kept = o.idle[host]
			}
		}
		if ended {
			o.idle = nil // what comes back now is closed
		}
		o.mu.Unlock()
	}
}

// connect opens a connection to host, or takes one that was kept.
func (p *proxy) connect(ctx context.Context, host string, fresh bool) (*originConn, error) {
	if !fresh {
		if c := p.origins.take(host); c != nil {
			return c, nil
		}
	}
	conn, err := p.dialOrigin(ctx, host)
	if err != nil {
		return nil, err
	}
	c := &originConn{Conn: conn, host: host, timeout: p.timeout}
	c.in = bufio.NewReaderSize(c, originHeadSize)
	c.out = bufio.NewWriter(conn)
	c.unwatch = context.AfterFunc(ctx, func() { conn.Close() })
	return c, nil
}

// dialOrigin connects to host, which is not to be the proxy itself.
func (p *proxy) dialOrigin(ctx context.Context, host string) (net.Conn, error) {
	start := time.Now()
	dialer := net.Dialer{Timeout: p.timeout, KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		after := time.Since(start).Round(time.Millisecond)
		var dns *net.DNSError
		var timeout net.Error
		switch name, _, _ := net.SplitHostPort(host); {
		case errors.As(err, &timeout) && timeout.Timeout():
			return nil, &refusal{http.StatusGatewayTimeout, "connection_timeout", fmt.Sprintf("Connecting to %s took longer than %v", host, after), err}
		case errors.As(err, &dns):
			return nil, &refusal{http.StatusBadGateway, "dns_error", fmt.Sprintf("Looking up the address of %s failed after %v", name, after), err}
		default:
			return nil, &refusal{http.StatusBadGateway, "connection_refused", fmt.Sprintf("Connecting to %s failed after %v", host, after), err}
		}
	}
	remote, ok1 := conn.RemoteAddr().(*net.TCPAddr)
	local, ok2 := conn.LocalAddr().(*net.TCPAddr)
	if ok1 && ok2 && remote.Port == p.port && remote.IP.Equal(local.IP) {
		conn.Close()
		return nil, refuse(http.StatusLoopDetected, "proxy_loop_detected", "%s is this proxy itself", host)
	}
	return conn, nil
}

// A response is the answer of an origin server, up to its body.
type response struct {
	conn      *originConn
	version   string // of HTTP, "1.1"
	status    string // "200 OK"
	code      int
	header    http.Header // that goes on to the client, and into the cache
	length    int64       // of the body, -1 if that is not known
	body      io.Reader
	requested time.Time
	received  time.Time

	reusable bool         // the connection, once the body has been read
	sending  <-chan error // how sending the request's body ended, if it was not at hand
}

// ask sends a request to its origin server and receives the head of the answer.
// conditions are the proxy's own, in place of the client's.
func (p *proxy) ask(ctx context.Context, tcpCliSock *client, m *message, conditions http.Header) (*response, error) {
	fresh := false
	for {
		c, err := p.connect(ctx, m.host, fresh)
		if err != nil {
			return nil, err
		}
		requested := time.Now()
		sending, err := p.send(c, tcpCliSock, m, conditions)
		var r *response
		if err == nil {
			r, err = p.receive(c, tcpCliSock, m)
		}
		if err == nil {
			r.requested, r.received, r.sending = requested, time.Now(), sending
			return r, nil
		}
		c.Close()
		if sending != nil {
			var clientErr *clientError
			var refused *refusal
			switch sendErr := tcpCliSock.stopSending(sending); {
			case errors.As(sendErr, &refused):
				return nil, refused
			case errors.As(sendErr, &clientErr) && !errors.Is(sendErr, os.ErrDeadlineExceeded):
				return nil, clientErr
			}
		}
		// A server may hang up just when a request comes over a kept connection.
		// It has not served it then, and may be asked again over a new one.
		if c.used && !fresh && m.replayable() && !errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
			fresh = true
			continue
		}
		return nil, explain(err, m.host, time.Since(requested))
	}
}

// explain says what went wrong between the request and its answer.
func explain(err error, host string, after time.Duration) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return err
	}
	after = after.Round(time.Millisecond)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{http.StatusGatewayTimeout, "http_response_timeout", fmt.Sprintf("%s was asked, and had not answered after %v", host, after), nil}
	case errors.Is(err, io.EOF):
		return &refusal{http.StatusBadGateway, "http_response_incomplete", fmt.Sprintf("%s was asked, and hung up without an answer after %v", host, after), nil}
	}
	return &refusal{http.StatusBadGateway, "http_protocol_error", fmt.Sprintf("%s was asked, and what came back after %v is not an answer", host, after), err}
}

// send sends the request. A body that is not at hand yet goes out while the
// answer is awaited; sending then tells its end.
func (p *proxy) send(c *originConn, tcpCliSock *client, m *message, conditions http.Header) (sending <-chan error, err error) {
	for _, part := range []string{m.Method, " ", m.target, " HTTP/1.1\r\nHost: ", strings.TrimSuffix(m.host, ":80"), "\r\n"} {
		c.out.WriteString(part)
	}
	header := m.Header
	if conditions != nil {
		header = maps.Clone(header)
		for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
			delete(header, name)
		}
		for name, value := range conditions {
			header[name] = value
		}
	}
	header.Write(c.out)
	switch {
	case m.ContentLength > 0 || m.ContentLength == 0 && wantsBody(m.Method):
		fmt.Fprintf(c.out, "Content-Length: %d\r\n", m.ContentLength)
	case m.ContentLength < 0:
		c.out.WriteString("Transfer-Encoding: chunked\r\n")
	}
	c.out.WriteString("\r\n")
	if !m.hasBody {
		return nil, c.flush()
	}
	if m.ContentLength > 0 && m.ContentLength <= int64(tcpCliSock.in.Buffered()) {
		if _, err := io.Copy(c.out, m.Body); err != nil {
			return nil, err
		}
		return nil, c.flush()
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	c.sending.Store(true)
	c.taken.Store(false)
	go func() {
		err := tcpCliSock.sendBody(m, c)
		c.sending.Store(false)
		c.Conn.SetReadDeadline(time.Now().Add(c.timeout)) // the wait for the answer begins
		var refused *refusal
		var clientErr *clientError
		if errors.As(err, &refused) || errors.As(err, &clientErr) {
			c.Close() // the origin must not take what came for the whole
		}
		done <- err
	}()
	return done, nil
}

// wantsBody reports whether a request without a body is to say that it has none.
func wantsBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

var cr, crlf = []byte("\r"), []byte("\r\n")

// receive reads the head of the answer. Those of 1xx before it go on to the
// client.
func (p *proxy) receive(c *originConn, tcpCliSock *client, m *message) (*response, error) {
	for range maxInterim {
		n, err := c.awaitHead()
		if err != nil {
			return nil, err
		}
		head, err := c.in.Peek(n)
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(head, 0) >= 0 || bytes.Count(head, cr) != bytes.Count(head, crlf) {
			return nil, errors.New("there are control characters in its head")
		}
		raw, _ := inspect(head) // whose errors net/http forgives an old server
		answer, err := http.ReadResponse(c.in, m.Request)
		if err != nil {
			return nil, err
		}
		if raw.encodings > 0 && answer.ProtoMinor == 0 {
			return nil, errors.New("HTTP/1.0 has no transfer codings")
		}
		if answer.ProtoMajor != 1 || answer.StatusCode < 100 || answer.StatusCode == http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("%s %.60s", answer.Proto, answer.Status)
		}
		if !raw.cacheControl && answer.Header["Pragma"] != nil {
			delete(answer.Header, "Cache-Control")
		}
		if err := trimNames(answer.Header); err != nil {
			return nil, err
		}
		keepAlive := !answer.Close && raw.lengths+raw.encodings <= 1
		removeHopByHop(answer.Header)
		if answer.StatusCode < 200 {
			delete(answer.Header, "Content-Length") // of a body that it can't have
		}
		version := versions[min(answer.ProtoMinor, 1)]
		addVia(answer.Header, version, p.name)
		if answer.StatusCode < 200 {
			if tcpCliSock != nil && tcpCliSock.version > 0 {
				tcpCliSock.sendInterim(answer)
			}
			continue
		}

		r := &response{conn: c, version: version, status: cleanStatus(answer.Status), code: answer.StatusCode, header: answer.Header,
			length: answer.ContentLength, body: answer.Body}
		if m.Method == http.MethodHead {
			r.length = -1
			if lengths := answer.Header["Content-Length"]; len(lengths) == 1 && raw.encodings == 0 {
				if length, ok := parseOffset(lengths[0]); ok {
					r.length = length
				}
			}
		}
		if m.Method == http.MethodHead || r.code == http.StatusNoContent || r.code == http.StatusNotModified {
			r.body = nil
		}
		delete(r.header, "Content-Length")
		delete(r.header, "Trailer")
		untilClose := r.body != nil && r.length < 0 && len(answer.TransferEncoding) == 0
		r.reusable = keepAlive && !untilClose
		if _, ok := parseDate(r.header.Get("Date"), time.Now()); !ok {
			r.header["Date"] = []string{time.Now().UTC().Format(http.TimeFormat)}
		}
		return r, nil
	}
	return nil, fmt.Errorf("more than %d answers before the final one", maxInterim)
}

// awaitHead waits until the head of an answer is there as a whole, and returns
// its length.
func (c *originConn) awaitHead() (int, error) {
	c.inHead = true
	defer func() { c.inHead = false }()
	c.readUntil = time.Now().Add(c.timeout)
	c.Conn.SetReadDeadline(c.readUntil)
	for {
		b, _ := c.in.Peek(c.in.Buffered())
		if len(b) >= 5 && string(b[:5]) != "HTTP/" {
			return 0, fmt.Errorf("it begins with %.40q", b)
		}
		if n := endOfHead(b); n > 0 {
			return n, nil
		}
		if len(b) == originHeadSize {
			return 0, fmt.Errorf("its head is longer than %d bytes", originHeadSize)
		}
		if _, err := c.in.Peek(len(b) + 1); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && c.sending.Load() {
				c.Conn.SetReadDeadline(time.Now().Add(c.timeout))
				continue
			}
			if len(b) > 0 && err == io.EOF {
				err = errors.New("it ends in its head")
			}
			return 0, err
		}
	}
}

// trimNames takes the space away that some servers have before the colon (RFC
// 9112, section 5.1). Where that hides how long the body is, there is no telling
// who on the way has taken it for what.
func trimNames(header http.Header) error {
	for name, lines := range header {
		trimmed := strings.TrimRight(name, " \t")
		if trimmed == name {
			continue
		}
		trimmed = http.CanonicalHeaderKey(trimmed)
		if trimmed == "Content-Length" || trimmed == "Transfer-Encoding" {
			return fmt.Errorf("a space after the name %s", trimmed)
		}
		delete(header, name)
		header[trimmed] = append(header[trimmed], lines...)
	}
	return nil
}

// finish gives the connection back when the body was read to its end, and
// closes it otherwise. What the client still sends then is not wanted.
func (p *proxy) finish(r *response, tcpCliSock *client, whole bool) {
	switch {
	case r.sending == nil:
	case r.conn.taken.Load(): // the rest is on its way, if the server still wants it
		if !whole {
			r.conn.Close()
		}
		enough := time.AfterFunc(lingerTimeout, func() { r.conn.Conn.Close() })
		defer enough.Stop()
		if err := <-r.sending; err != nil {
			whole = false
			tcpCliSock.closing, tcpCliSock.unread = true, true
		}
	default: // the answer was there before the end of the question
		whole = false
		r.conn.Close()
		tcpCliSock.stopSending(r.sending)
	}
	if whole && r.reusable && r.conn.in.Buffered() == 0 {
		p.origins.keep(r.conn)
	} else {
		r.conn.Close()
	}
}

// sendInterim passes an answer of 1xx on.
func (c *client) sendInterim(answer *http.Response) {
	c.begin(answer.Status)
	c.begun = false // the final answer is still to come
	c.fields(answer.Header)
	c.out = append(c.out, "\r\n"...)
	c.write(c.out)
}

// cleanStatus returns a status as it may stand in a line.
func cleanStatus(status string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, status)
}
