package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// endsHere reports whether m is to be answered by the proxy that it has come to,
// because it has gone as far as it may (RFC 9110, section 7.6.2). If it goes on,
// one step less is left to it.
func (m *message) endsHere() bool {
	if m.Method != http.MethodOptions && m.Method != http.MethodTrace {
		return false
	}
	left, ok := parseOffset(m.Header.Get("Max-Forwards"))
	if !ok {
		return false
	}
	if left > 0 {
		m.Header.Set("Max-Forwards", strconv.FormatInt(left-1, 10))
	}
	return left == 0
}

// sendOwn answers OPTIONS with what the proxy does, and TRACE with what has come.
func (c *client) sendOwn(m *message, allMethods bool) error {
	if m.hasBody {
		c.closing, c.unread = true, true
	}
	var body bytes.Buffer
	c.begin("200 OK")
	c.field("Date", time.Now().UTC().Format(http.TimeFormat))
	if m.Method == http.MethodTrace {
		fmt.Fprintf(&body, "%s %s %s\r\n", m.Method, m.RequestURI, m.Proto)
		header := m.Header.Clone()
		for _, secret := range []string{"Authorization", "Cookie"} {
			delete(header, secret) // RFC 9110, section 9.3.8
		}
		header.Write(&body)
		body.WriteString("\r\n")
		c.field("Content-Type", "message/http")
	} else if !allMethods {
		c.field("Allow", "GET, HEAD, POST")
	}
	w := c.endHeadWithBody(int64(body.Len()))
	if _, err := w.Write(body.Bytes()); err != nil {
		return err
	}
	return w.Close()
}
