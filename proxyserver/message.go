package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A message is a request, read and found to be one that a proxy can serve.
type message struct {
	*http.Request
	url     string // the whole address, in the one form that is the key of the cache
	host    string // to connect to, with the port
	target  string // what the origin server is asked for
	cc      cacheControl
	hasBody bool
}

// A refusal is an answer that the proxy gives itself, since it can't get one
// from the origin.
type refusal struct {
	code   int
	kind   string // of error, as RFC 9209 names them
	reason string // a sentence for the page
	err    error
}

func (r *refusal) Error() string {
	if r.err != nil {
		return r.reason + ": " + r.err.Error()
	}
	return r.reason
}

func refuse(code int, kind, format string, a ...any) *refusal {
	return &refusal{code: code, kind: kind, reason: fmt.Sprintf(format, a...)}
}

// A rawHead is what net/http does not tell of the head that it has parsed, or
// forgives: what one program on the way takes for the end of a message, and
// another not, is how requests are smuggled (RFC 9112, section 11.2).
type rawHead struct {
	lengths, encodings, hosts int  // lines of Content-Length, Transfer-Encoding, Host
	cacheControl              bool // a Cache-Control field, which net/http makes of Pragma
}

// inspect looks through the lines of a head that ends in an empty one. A line
// must end in CR LF, a name in a colon, and nothing may be folded; the error is
// the first that is not so, and what can be counted is counted all the same.
func inspect(head []byte) (raw rawHead, err error) {
	for n := 0; len(head) > 0; n++ {
		line, rest, found := bytes.Cut(head, []byte("\n"))
		head = rest
		line, cr := bytes.CutSuffix(line, []byte("\r"))
		if err == nil && (!found || !cr || bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, 0) >= 0) {
			err = errors.New("a line of its head does not end as it should")
		}
		if n == 0 || len(line) == 0 {
			continue
		}
		name, _, found := bytes.Cut(line, []byte(":"))
		if err == nil && (!found || !isToken(name)) {
			err = fmt.Errorf("%.40q is not a header field", line)
		}
		name = bytes.TrimRight(name, " \t")
		switch len(name) {
		case len("Content-Length"):
			if bytes.EqualFold(name, []byte("Content-Length")) {
				raw.lengths++
			}
		case len("Transfer-Encoding"):
			if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
				raw.encodings++
			}
		case len("Host"):
			if bytes.EqualFold(name, []byte("Host")) {
				raw.hosts++
			}
		case len("Cache-Control"):
			if bytes.EqualFold(name, []byte("Cache-Control")) {
				raw.cacheControl = true
			}
		}
	}
	return raw, err
}

func isToken(name []byte) bool {
	for _, c := range name {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return len(name) > 0
}

// endOfHead returns how long the head is that b begins with, or 0 if it is not
// there as a whole. A line feed alone ends a line too, for whoever forgives
// that; inspect does not.
func endOfHead(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		if at < len(b) && b[at] == '\n' {
			return at + 1
		}
		if at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n' {
			return at + 2
		}
	}
}

// parseMessage reads the request whose head is the next n bytes of in.
func parseMessage(in *bufio.Reader, n int) (*message, error) {
	head, err := in.Peek(n)
	if err != nil {
		return nil, err
	}
	raw, err := inspect(head)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "http_request_error", "This is not an HTTP request", err}
	}
	request, err := http.ReadRequest(in)
	if err != nil {
		if strings.Contains(err.Error(), "transfer encoding") && raw.encodings == 1 {
			return nil, &refusal{http.StatusNotImplemented, "http_request_error", "The only transfer coding that the proxy knows is chunked", err}
		}
		return nil, &refusal{http.StatusBadRequest, "http_request_error", "This is not an HTTP request", err}
	}
	if !raw.cacheControl && request.Header["Pragma"] != nil {
		delete(request.Header, "Cache-Control")
	}
	bad := func(format string, a ...any) (*message, error) {
		return nil, refuse(http.StatusBadRequest, "http_request_error", format, a...)
	}
	switch {
	case request.ProtoMajor != 1:
		return nil, refuse(http.StatusHTTPVersionNotSupported, "http_request_error", "The proxy speaks HTTP/1.1 and HTTP/1.0, not %s", request.Proto)
	case raw.lengths > 1 || raw.encodings > 1 || raw.lengths+raw.encodings > 1:
		return bad("The request tells the length of its body more than once")
	case raw.encodings > 0 && request.ProtoMinor == 0:
		return bad("HTTP/1.0 has no transfer codings")
	case raw.hosts > 1 || raw.hosts == 0 && request.ProtoMinor > 0:
		return bad("The request has %d Host fields, not one", raw.hosts)
	}
	m := &message{Request: request, hasBody: request.ContentLength != 0}
	if request.Method == http.MethodConnect {
		m.host, m.target = request.RequestURI, request.RequestURI
		if host, port, err := net.SplitHostPort(m.host); err != nil || host == "" || !isPort(port) {
			return bad("CONNECT wants host:port, not %.100q", m.host)
		}
		return m, nil
	}
	if request.URL.Scheme == "" || request.URL.Host == "" {
		return bad("This is a proxy, not a web server: it is asked for whole addresses, like http://example.com/, by clients that are set to use it, like curl -x")
	}
	if !strings.EqualFold(request.URL.Scheme, "http") {
		return bad("The proxy fetches what begins with http://, not %.20s://; for https a client uses CONNECT", request.URL.Scheme)
	}
	if request.URL.User != nil || strings.Contains(request.RequestURI, "#") {
		return bad("The address must have neither a user nor a fragment")
	}
	var ok bool
	if m.host, m.url, m.target, ok = splitURL(request.URL, request.RequestURI); !ok {
		return bad("%.100q is not a host with a port", request.URL.Host)
	}
	if m.target == "/" && request.Method == http.MethodOptions && request.URL.Path == "" {
		m.target = "*"
	}
	// ReadRequest has taken the body's length and the Host away from the fields.
	delete(request.Header, "Content-Length")
	if request.ProtoMinor == 0 {
		delete(request.Header, "Expect") // which it knows nothing of
	}
	m.cc = requestControl(request.Header)
	removeHopByHop(request.Header)
	return m, nil
}

// splitURL returns what is in an address: where to connect to, the key for the
// cache, and the rest as it was written, for the origin.
func splitURL(u *url.URL, raw string) (host, key, target string, ok bool) {
	name, port := strings.ToLower(u.Hostname()), cmp.Or(strings.TrimLeft(u.Port(), "0"), "80")
	if name == "" || !isPort(port) || strings.Trim(u.Port(), "0") == "" && u.Port() != "" {
		return "", "", "", false
	}
	host = net.JoinHostPort(name, port)
	_, target, _ = strings.Cut(raw, "://")
	if slash := strings.IndexAny(target, "/?"); slash < 0 {
		target = "/"
	} else if target = target[slash:]; target[0] == '?' {
		target = "/" + target
	}
	return host, "http://" + host + target, target, true
}

func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// resolve returns the key of the cache for a reference in an answer to m, if it
// is of the same origin.
func (m *message) resolve(reference string) (string, bool) {
	if reference == "" {
		return "", false
	}
	u, err := m.URL.Parse(reference)
	if err != nil || !strings.EqualFold(u.Scheme, "http") || u.Host == "" {
		return "", false
	}
	u.Fragment, u.RawFragment = "", ""
	host, key, _, ok := splitURL(u, u.String())
	return key, ok && host == m.host
}

// plain reports whether m asks for a whole representation, and for no more.
func (m *message) plain() bool {
	return m.Method == http.MethodGet && !m.hasBody && m.Header["Range"] == nil && m.Header["Authorization"] == nil &&
		m.Header["If-None-Match"] == nil && m.Header["If-Modified-Since"] == nil && !m.conditionForOrigin()
}

// conditionForOrigin reports whether m has a condition that only the origin may
// decide (RFC 9111, section 4.3.2).
func (m *message) conditionForOrigin() bool {
	return m.Header["If-Match"] != nil || m.Header["If-Unmodified-Since"] != nil
}

// replayable reports whether m may be sent again when a connection that was
// kept turns out to be closed (RFC 9110, section 9.2.2).
func (m *message) replayable() bool {
	if m.hasBody {
		return false
	}
	switch m.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}
