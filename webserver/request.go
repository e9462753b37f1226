package main

import (
	"bytes"
	"math"
	"slices"
)

const (
	maxHead = 16 << 10 // bytes of a request's head
	maxLine = 8 << 10  // bytes of its first line: RFC 9112, section 3, asks for 8000 at least
)

// A request is the head of one (RFC 9112, section 3). The fields of the head
// are nil where the client sent none; the lines of a repeated field are joined
// by commas (RFC 9110, section 5.2).
type request struct {
	line        []byte // the first, for the log
	method      []byte
	path, query []byte // as they came, query with its question mark
	minor       byte   // '0' in HTTP/1.0, '1' in HTTP/1.1

	host, connection, expect           []byte
	length, transferEncoding           []byte
	ifMatch, ifNoneMatch               []byte
	ifModifiedSince, ifUnmodifiedSince []byte
	rangeField, ifRange                []byte

	contentLength   int64 // of the body
	chunked         bool  // the body comes in chunks, and tells its length at its end
	expectsContinue bool  // the client sends the body when it is told to
}

// headSize returns the length of the request head that in begins with, or 0 if
// its end has not come yet. Every line must end in CR LF; RFC 9112 lets a server
// take a bare LF for it, but where a proxy does not, a request can be hidden from
// the proxy.
func headSize(in []byte) (int, error) {
	begun := false // RFC 9112, section 2.2: empty lines before the first one are passed over
	for end := 0; ; {
		rest := in[end:]
		i := bytes.IndexByte(rest, '\r')
		complete := i >= 0 && i+1 < len(rest)
		switch {
		case !begun && (i > maxLine || i < 0 && len(rest) > maxLine):
			if !bytes.ContainsRune(rest[:maxLine], ' ') {
				return 0, &status{code: 501, why: "The method is longer than any."}
			}
			return 0, &status{code: 414, why: "The address is longer than 8 KB."}
		case !begun && i != 0 && len(rest) > 0 && !tokenChar[rest[0]]:
			return 0, badRequest("What came is not HTTP.") // but TLS, say
		case complete && rest[i+1] != '\n':
			return 0, badRequest("A CR is not the end of a line.")
		case complete && i == 0 && begun:
			return end + 2, nil
		case complete:
			begun = begun || i > 0
			end += i + 2
		case bytes.IndexByte(rest, '\n') >= 0:
			return 0, badRequest("A line does not end in CR LF.")
		case len(in) >= maxHead:
			return 0, &status{code: 431, why: "The head of the request is longer than 16 KB."}
		default:
			return 0, nil
		}
	}
}

// parse reads a head, of which headSize has found the end. What RFC 9112 calls an
// error is one, and never guessed at, for the same reason.
func (m *request) parse(head []byte) error {
	line, rest := cutLine(bytes.TrimLeft(head, "\r\n"))
	if err := m.parseRequestLine(line); err != nil {
		return err
	}
	for line, rest = cutLine(rest); len(line) > 0; line, rest = cutLine(rest) {
		if err := m.parseField(line); err != nil {
			return err
		}
	}
	if m.host == nil && m.minor != '0' {
		return badRequest("There is no Host field.")
	}
	if m.host != nil && !validHost(m.host) {
		return badRequest("The Host field is not a host.")
	}
	if m.expect != nil && m.minor != '0' {
		if m.expectsContinue = bytes.EqualFold(m.expect, []byte("100-continue")); !m.expectsContinue {
			return &status{code: 417, why: "The server meets no expectation but 100-continue."}
		}
	}
	return m.parseLength()
}

// cutLine returns the first line of head, without its CR LF, and what follows.
func cutLine(head []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(head, []byte("\r\n"))
	return line, rest
}

// parseRequestLine reads METHOD TARGET VERSION.
func (m *request) parseRequestLine(line []byte) error {
	m.line = line
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(rest, []byte(" "))
	if !isToken(method) {
		return badRequest("The request does not begin with a method.")
	}
	m.method = method
	v, ok := bytes.CutPrefix(version, []byte("HTTP/"))
	if !ok || len(v) != 3 || !isDigit(v[0]) || v[1] != '.' || !isDigit(v[2]) {
		return badRequest("The first line is not METHOD TARGET HTTP/1.1.")
	}
	if v[0] != '1' {
		return &status{code: 505, why: "The server talks HTTP/1.1."}
	}
	m.minor = v[2]
	return m.parseTarget(target)
}

// parseTarget reads a target in one of its four forms (RFC 9112, section 3.2).
func (m *request) parseTarget(target []byte) error {
	for _, b := range target {
		if b <= ' ' || b == '#' || b == 0x7f {
			return badRequest("The address has a character that it can't have.")
		}
	}
	path := target
	switch {
	case string(m.method) == "CONNECT":
		if !validHost(target) || !bytes.ContainsRune(target, ':') {
			return badRequest("The target of CONNECT is not HOST:PORT.")
		}
		return nil
	case string(m.method) == "OPTIONS" && string(target) == "*":
		return nil
	case !bytes.HasPrefix(target, []byte("/")): // http://HOST/PATH: a client takes us for a proxy
		scheme, rest, _ := bytes.Cut(target, []byte("://"))
		end := bytes.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		isHTTP := bytes.EqualFold(scheme, []byte("http")) || bytes.EqualFold(scheme, []byte("https"))
		if !isHTTP || end == 0 || !validHost(rest[:end]) {
			return badRequest("The address does not begin with a slash.")
		}
		path = rest[end:]
	}
	m.path = path
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		m.path, m.query = path[:i], path[i:]
	}
	if len(m.path) == 0 {
		m.path = []byte("/")
	}
	return nil
}

// parseField reads NAME: VALUE.
func (m *request) parseField(line []byte) error {
	if line[0] == ' ' || line[0] == '\t' {
		return badRequest("A field is folded over two lines.")
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) {
		return badRequest("A line of the head is not NAME: VALUE.")
	}
	for _, b := range value {
		if b < ' ' && b != '\t' || b == 0x7f {
			return badRequest("A field has a control character.")
		}
	}
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for len(value) > 0 && (value[len(value)-1] == ' ' || value[len(value)-1] == '\t') {
		value = value[:len(value)-1]
	}

	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			name[i] = b + 'a' - 'A'
		}
	}
	var field *[]byte
	switch string(name) {
	case "host":
		if m.host != nil {
			return badRequest("There is more than one Host field.")
		}
		field = &m.host
	case "connection":
		field = &m.connection
	case "content-length":
		field = &m.length
	case "expect":
		field = &m.expect
	case "if-match":
		field = &m.ifMatch
	case "if-modified-since":
		field = &m.ifModifiedSince
	case "if-none-match":
		field = &m.ifNoneMatch
	case "if-range":
		field = &m.ifRange
	case "if-unmodified-since":
		field = &m.ifUnmodifiedSince
	case "range":
		field = &m.rangeField
	case "transfer-encoding":
		field = &m.transferEncoding
	default:
		return nil
	}
	if *field != nil {
		value = slices.Concat(*field, []byte(", "), value)
	}
	*field = value
	return nil
}

// parseLength finds how long the body is (RFC 9112, section 6.3).
func (m *request) parseLength() error {
	if m.transferEncoding != nil {
		if m.length != nil || m.minor == '0' {
			return badRequest("The length of the body is given in two ways, or in one that HTTP/1.0 has not.")
		}
		known := true
		for coding := range list(m.transferEncoding) {
			if m.chunked {
				return badRequest("The body is encoded after it is chunked.")
			}
			m.chunked = bytes.EqualFold(coding, []byte("chunked"))
			known = known && m.chunked
		}
		if !known {
			return &status{code: 501, why: "The server knows no transfer coding but chunked."}
		}
		if !m.chunked {
			return badRequest("The Transfer-Encoding is empty.")
		}
	}
	if m.length != nil {
		var ok bool
		if m.contentLength, ok = parseNumber(m.length); !ok || m.contentLength == math.MaxInt64 {
			return badRequest("The Content-Length is not a number.")
		}
	}
	return nil
}

// wantsKeepAlive reports whether the client wants to go on after the answer
// (RFC 9112, section 9.3).
func (m *request) wantsKeepAlive() bool {
	keepAlive := m.minor != '0'
	for option := range list(m.connection) {
		if bytes.EqualFold(option, []byte("close")) {
			return false
		}
		if bytes.EqualFold(option, []byte("keep-alive")) {
			keepAlive = true
		}
	}
	return keepAlive
}

// filename is the template's message.split()[1][1:], decoded, for methods that
// get a file.
func (m *request) filename() (string, error) {
	switch string(m.method) {
	case "GET", "HEAD":
	case "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return "", &status{code: 405, why: "Files can be read here, and nothing else.", fields: "Allow: GET, HEAD\r\n"}
	default:
		return "", &status{code: 501, why: "The server does not know the method."}
	}

	path := m.path[1:]
	if bytes.IndexByte(path, '%') < 0 {
		return string(path), nil
	}
	filename := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		b := path[i]
		if b == '%' {
			if i+2 >= len(path) || unhex(path[i+1]) < 0 || unhex(path[i+2]) < 0 {
				return "", badRequest("A percent sign in the address is not followed by two hexadecimal digits.")
			}
			b = byte(unhex(path[i+1])<<4 | unhex(path[i+2]))
			i += 2
			if b == 0 {
				return "", badRequest("The address has a zero byte.")
			}
			if b == '/' {
				return "", errNotFound // no name has a slash in it
			}
		}
		filename = append(filename, b)
	}
	return string(filename), nil
}

// list returns the members of a field that is a list (RFC 9110, section 5.6.1).
func list(value []byte) func(yield func(member []byte) bool) {
	return func(yield func([]byte) bool) {
		for member := range bytes.SplitSeq(value, []byte(",")) {
			if member = bytes.Trim(member, " \t"); len(member) > 0 && !yield(member) {
				return
			}
		}
	}
}

// parseNumber returns the number that digits are. One that is too large is
// math.MaxInt64.
func parseNumber(digits []byte) (number int64, ok bool) {
	for _, b := range digits {
		if !isDigit(b) {
			return 0, false
		}
		if number > (math.MaxInt64-9)/10 {
			number = math.MaxInt64
			continue
		}
		number = number*10 + int64(b-'0')
	}
	return number, len(digits) > 0
}

// validHost reports whether host can stand in a Host field: a name or an
// address, and a port (RFC 9110, section 7.2).
func validHost(host []byte) bool {
	var port []byte
	if end := bytes.IndexByte(host, ']'); len(host) > 0 && host[0] == '[' && end > 1 { // IPv6
		port = host[end+1:]
		host = host[1:end]
		for _, b := range host {
			if unhex(b) < 0 && b != ':' && b != '.' {
				return false
			}
		}
		if len(port) > 0 && port[0] != ':' {
			return false
		}
		port = bytes.TrimPrefix(port, []byte(":"))
	} else {
		host, port, _ = bytes.Cut(host, []byte(":"))
		for _, b := range host {
			if !tokenChar[b] && bytes.IndexByte([]byte("(),;="), b) < 0 || b == '^' || b == '`' || b == '|' || b == '#' {
				return false
			}
		}
	}
	_, isNumber := parseNumber(port)
	return isNumber || len(port) == 0
}

// tokenChar holds the characters of a token (RFC 9110, section 5.6.2).
var tokenChar = func() (table [256]bool) {
	for _, b := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		table[b] = true
	}
	return table
}()

func isToken(b []byte) bool {
	for _, char := range b {
		if !tokenChar[char] {
			return false
		}
	}
	return len(b) > 0
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func unhex(b byte) int {
	switch {
	case isDigit(b):
		return int(b - '0')
	case 'a' <= b && b <= 'f':
		return int(b - 'a' + 10)
	case 'A' <= b && b <= 'F':
		return int(b - 'A' + 10)
	}
	return -1
}
