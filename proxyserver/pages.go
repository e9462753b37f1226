package main

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"
)

// sendPage sends an error of the proxy's own, with a page that says what failed.
// Proxy-Status (RFC 9209) tells programs that it is not the origin's.
func (c *client) sendPage(m *message, refused *refusal) error {
	if m == nil || m.hasBody {
		c.closing, c.unread = true, true
	}
	status := fmt.Sprintf("%d %s", refused.code, http.StatusText(refused.code))
	page := errorPage(m, status, refused)
	c.begin(status)
	c.field("Content-Type", "text/html; charset=utf-8")
	c.field("Cache-Control", "no-store")
	c.field("Date", time.Now().UTC().Format(http.TimeFormat))
	proxyStatus := "socketlab"
	if refused.kind != "" {
		proxyStatus += "; error=" + refused.kind
	}
	c.field("Proxy-Status", proxyStatus)
	if refused.code == http.StatusNotImplemented && m != nil {
		c.field("Allow", "GET, HEAD, POST")
	}
	if m != nil && m.Method == http.MethodHead {
		c.lengthField(int64(len(page)))
		return c.endWithoutBody()
	}
	w := c.endHeadWithBody(int64(len(page)))
	_, err := w.Write([]byte(page))
	return err
}

func errorPage(m *message, status string, refused *refusal) string {
	var page strings.Builder
	fmt.Fprintf(&page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>%s</title></head>\n<body>\n<h1>%s</h1>\n",
		status, status)
	fmt.Fprintf(&page, "<p>%s.</p>\n", escape(refused.reason))
	if refused.err != nil {
		fmt.Fprintf(&page, "<p>The reason: <code>%s</code></p>\n", escape(refused.err.Error()))
	}
	if m != nil {
		fmt.Fprintf(&page, "<p>You asked for <code>%s %s</code></p>\n", escape(m.Method), escape(m.RequestURI))
	}
	page.WriteString("<hr><p>This page is from the proxy, socketlab's proxyserver, and not from the server that you asked.</p>\n</body>\n</html>\n")
	return page.String()
}

// escape makes text from the network fit to stand in a page.
func escape(s string) string { return html.EscapeString(printable(s)) }

// printable takes control characters out of text from the network, and what is
// too long for a line.
func printable(s string) string {
	const enough = 1000
	if len(s) > enough {
		s = s[:enough] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
