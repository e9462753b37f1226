package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"time"
)

// sendStored answers m from the store: with the whole, a part of it, or the news
// that the client has it.
func (c *client) sendStored(m *message, l *lookup) error {
	e := l.stored.entry
	status := l.detail
	if l.usable {
		status = fmt.Sprintf("; hit; ttl=%d", int64(e.lifetime/time.Second)-int64(e.age(l.now)/time.Second)) + status
	}
	if e.notModified(m.Header) {
		c.begin("304 Not Modified")
		for _, name := range []string{"Cache-Control", "Content-Location", "Date", "Etag", "Expires", "Last-Modified", "Vary", "Via"} {
			for _, value := range e.header[name] {
				c.field(name, value)
			}
		}
		c.ageField(e, l.now)
		c.cacheStatus(status)
		return c.endWithoutBody()
	}
	if m.Header["Range"] != nil && m.Method == http.MethodGet && e.code == http.StatusOK && e.rangeApplies(m.Header) {
		if spans, ok := parseRange(m.Header.Get("Range"), e.length); ok {
			return c.sendRanges(l, spans, status)
		}
	}
	c.begin(e.status)
	c.out = append(c.out, e.head...)
	c.ageField(e, l.now)
	c.cacheStatus(status)
	switch {
	case e.code == http.StatusNoContent:
		return c.endWithoutBody()
	case m.Method == http.MethodHead:
		c.lengthField(e.length)
		return c.endWithoutBody()
	}
	w := c.endHeadWithBody(e.length)
	return w.sendSpan(l, span{0, e.length})
}

// sendSpan sends a part of a stored body.
func (w *bodyWriter) sendSpan(l *lookup, s span) error {
	if l.stored.body == nil && s.length > 0 {
		return w.sendFile(l.file, l.stored.offset+s.start, s.length)
	}
	if _, err := w.Write(l.stored.body[s.start : s.start+s.length]); err != nil {
		return err
	}
	return w.flush()
}

// sendRanges answers with parts of a stored body.
func (c *client) sendRanges(l *lookup, spans []span, status string) error {
	e := l.stored.entry
	if len(spans) == 0 {
		c.begin("416 Range Not Satisfiable")
		c.field("Date", time.Now().UTC().Format(http.TimeFormat))
		c.field("Content-Range", fmt.Sprintf("bytes */%d", e.length))
		c.cacheStatus(status)
		c.lengthField(0)
		return c.endWithoutBody()
	}
	c.begin("206 Partial Content")
	if len(spans) == 1 {
		c.out = append(c.out, e.head...)
		c.ageField(e, l.now)
		c.cacheStatus(status)
		c.field("Content-Range", spans[0].contentRange(e.length))
		return c.endHeadWithBody(spans[0].length).sendSpan(l, spans[0])
	}
	header := e.header.Clone()
	delete(header, "Age")
	delete(header, "Content-Type")
	boundary := rand.Text()
	heads, end, length := multipart(spans, e.length, e.header.Get("Content-Type"), boundary)
	c.fields(header)
	c.ageField(e, l.now)
	c.cacheStatus(status)
	c.field("Content-Type", "multipart/byteranges; boundary="+boundary)
	w := c.endHeadWithBody(length)
	for i, s := range spans {
		if _, err := io.WriteString(w, heads[i]); err != nil {
			return err
		}
		if err := w.sendSpan(l, s); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, end)
	return err
}

func (c *client) ageField(e *entry, now time.Time) {
	c.out = e.appendAge(c.out, now)
}

// cacheStatus says where the answer comes from (RFC 9211).
func (c *client) cacheStatus(status string) {
	c.outcome += status
	c.field("Cache-Status", "socketlab"+status)
}

// endWithoutBody ends and sends an answer that has no body.
func (c *client) endWithoutBody() error {
	c.endHead()
	return (&bodyWriter{c: c}).flush()
}

// sendFilling answers m with what is on its way into the store; shared is
// whether another request has brought it.
func (c *client) sendFilling(m *message, f *filling, shared bool, status string) error {
	c.begin(f.status)
	if shared {
		c.out = append(c.out, f.head...)
		c.ageField(f.entry, time.Now())
	} else {
		c.fields(f.response.header)
	}
	c.cacheStatus(status)
	if f.response.body == nil {
		return c.endWithoutBody()
	}
	w := c.endHeadWithBody(f.response.length)
	if err := f.copyTo(w); err != nil {
		return err
	}
	return w.Close()
}

// sendResponse answers with what the origin server sends.
func (c *client) sendResponse(m *message, r *response, status string) error {
	c.begin(r.status)
	c.fields(r.header)
	c.cacheStatus(status)
	if r.body == nil {
		if m.Method == http.MethodHead && r.length >= 0 {
			c.lengthField(r.length)
		}
		return c.endWithoutBody()
	}
	w := c.endHeadWithBody(r.length)
	if r.conn.in.Buffered() == 0 && r.length != 0 {
		if err := w.flush(); err != nil { // the body may take its time
			return &clientError{err}
		}
	}
	if err := copyBody(w, r.body); err != nil {
		return err
	}
	return w.Close()
}
