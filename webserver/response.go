package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// httpTime is the form of a date in HTTP (RFC 9110, section 5.6.7).
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// startHead writes what every answer begins with.
func (c *client) startHead(m *request, code int) (*bytes.Buffer, error) {
	if c.out != nil && c.out.Len() > maxOutput {
		if err := c.flush(); err != nil {
			return nil, err
		}
	}
	c.status = code
	out := c.output()
	out.WriteString("HTTP/1.1 ")
	writeNumber(out, int64(code))
	out.WriteByte(' ')
	out.WriteString(reasons[code])
	out.WriteString("\r\nDate: ")
	out.Write(time.Now().UTC().AppendFormat(out.AvailableBuffer(), httpTime))
	out.WriteString("\r\n")
	if !c.keepAlive {
		out.WriteString("Connection: close\r\n")
	} else if m.minor == '0' {
		out.WriteString("Connection: keep-alive\r\n")
	}
	return out, nil
}

// endHead writes what every head with a body ends with.
func endHead(out *bytes.Buffer, contentType string, length int64) {
	out.WriteString("Content-Type: ")
	out.WriteString(contentType)
	out.WriteString("\r\nContent-Length: ")
	writeNumber(out, length)
	out.WriteString("\r\n\r\n")
}

func writeNumber(out *bytes.Buffer, n int64) {
	out.Write(strconv.AppendInt(out.AvailableBuffer(), n, 10))
}

// sendFile is the template's "send the header line, send the content": all of f,
// or the ranges of it that the client wants.
func (c *client) sendFile(m *request, f *file, ranges []byteRange) error {
	code := 200
	if len(ranges) > 0 {
		code = 206
	}
	out, err := c.startHead(m, code)
	if err != nil {
		return err
	}
	out.WriteString(f.validators)
	out.WriteString("Accept-Ranges: bytes\r\n")

	whole := byteRange{0, f.size}
	switch {
	case string(m.method) == "HEAD":
		endHead(out, f.contentType, f.size)
		return nil
	case len(ranges) == 0:
		endHead(out, f.contentType, f.size)
		return c.sendRange(f, whole)
	case len(ranges) == 1:
		out.WriteString(ranges[0].contentRange(f.size))
		endHead(out, f.contentType, ranges[0].length)
		return c.sendRange(f, ranges[0])
	}
	return c.sendRanges(out, f, ranges)
}

// sendRanges sends several ranges as the parts of one body (RFC 9110, section
// 14.6).
func (c *client) sendRanges(out *bytes.Buffer, f *file, ranges []byteRange) error {
	boundary := fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) // in no file
	last := "\r\n--" + boundary + "--\r\n"
	length := int64(len(last))
	heads := make([]string, len(ranges))
	for i, r := range ranges {
		heads[i] = "\r\n--" + boundary + "\r\nContent-Type: " + f.contentType + "\r\n" + r.contentRange(f.size) + "\r\n"
		length += int64(len(heads[i])) + r.length
	}
	endHead(out, "multipart/byteranges; boundary="+boundary, length)
	for i, r := range ranges {
		if err := c.sendBytes([]byte(heads[i])); err != nil {
			return err
		}
		if err := c.sendRange(f, r); err != nil {
			return err
		}
	}
	return c.sendBytes([]byte(last))
}

func (c *client) sendRange(f *file, r byteRange) error {
	if f.source == nil {
		return c.sendBytes(f.content[r.start : r.start+r.length])
	}
	if err := c.flush(); err != nil {
		return err
	}
	return c.push(r.length, func(sent int64) (int64, error) {
		// What was read is not always sent, if the client was too slow for it.
		if _, err := f.source.Seek(r.start+sent, io.SeekStart); err != nil {
			return 0, err
		}
		n, err := io.CopyN(c.conn, f.source, min(r.length-sent, portion)) // by sendfile, where the system has it
		c.sent += n
		if err == io.EOF {
			err = errors.New("the file is shorter than it was") // the client sees by the length that it is not whole
		}
		return n, err
	})
}

// sendBytes puts a small part of a body into the output, and sends a large one.
func (c *client) sendBytes(b []byte) error {
	c.sent += int64(len(b))
	out := c.output()
	if out.Len()+len(b) <= maxOutput {
		out.Write(b)
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	return c.write(b)
}
