package main

import (
	"net"
	"strconv"
)

// logRequest writes the line for a request and its answer, in the Common Log
// Format: client, identity, user, time, request line, status, bytes of the body.
func (c *client) logRequest(m *request) {
	if c.server.log == nil || c.status == 0 {
		return // or there was no request
	}
	host, _, err := net.SplitHostPort(c.conn.RemoteAddr().String())
	if err != nil {
		host = "-"
	}
	line := append(make([]byte, 0, 200), host...)
	line = c.now.AppendFormat(append(line, " - - ["...), "02/Jan/2006:15:04:05 -0700")
	line = append(line, `] "`...)
	line = appendEscaped(line, m.line)
	line = strconv.AppendInt(append(line, `" `...), int64(c.status), 10)
	line = append(line, ' ')
	if c.sent > 0 {
		line = strconv.AppendInt(line, c.sent, 10)
	} else {
		line = append(line, '-')
	}
	c.server.log.Write(append(line, '\n'))
}

// appendEscaped appends what a client sent so that it can neither end the line
// nor the quotation, nor recolour a terminal.
func appendEscaped(line, text []byte) []byte {
	for _, b := range text {
		if b < ' ' || b >= 0x7f || b == '"' || b == '\\' {
			line = append(line, '\\', 'x', "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
		} else {
			line = append(line, b)
		}
	}
	return line
}
