package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// A file of the store can be looked at with less. It is a first line of fixed
// length, the head, and the body:
//
//	socketlab cache 1 <head length> <head checksum> <body length> <body checksum>
//	<url>
//	<when it was requested> <when it was received>
//	<version> <status>
//	<the fields that selected it, each value after an equals sign>
//
//	<the fields of the response>
//
//	<body>
//
// The checksum of the head is over the body's length and checksum too, so that
// no single number can be damaged and not be noticed.
const (
	firstLine       = "socketlab cache 1 %08x %08x %016x %08x\n"
	firstLineLength = 62
	maxHead         = 256 << 10 // bytes; no response has a head that long
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli) // processors have an instruction for it

var errDamaged = errors.New("not a whole file of the store")

// fileHead returns all that comes before the body in the file of e.
func (e *entry) fileHead() []byte {
	var b bytes.Buffer
	b.Write(make([]byte, firstLineLength))
	fmt.Fprintf(&b, "%s\n%s %s\n%s %s\n", e.url, e.requested.UTC().Format(time.RFC3339Nano),
		e.received.UTC().Format(time.RFC3339Nano), e.version, e.status)
	for _, field := range e.selection {
		fmt.Fprintf(&b, "%s: %s\n", field.name, field.value)
	}
	b.WriteString("\n")
	e.header.Write(&b)
	b.WriteString("\n")

	head := b.Bytes()[firstLineLength:]
	copy(b.Bytes(), fmt.Sprintf(firstLine, len(head), e.headChecksum(head), e.length, e.checksum))
	return b.Bytes()
}

func (e *entry) headChecksum(head []byte) uint32 {
	sum := crc32.Checksum(head, castagnoli)
	return crc32.Update(sum, castagnoli, fmt.Appendf(nil, "%d %d", e.length, e.checksum))
}

// readHead reads a file of the store up to its body, and returns where that
// begins. A file that is not exactly as it was written is an error.
func readHead(file io.Reader) (e *entry, offset int64, err error) {
	line := make([]byte, firstLineLength)
	if _, err := io.ReadFull(file, line); err != nil {
		return nil, 0, errDamaged
	}
	e = new(entry)
	var headLength, headChecksum uint32
	n, err := fmt.Sscanf(string(line), firstLine, &headLength, &headChecksum, &e.length, &e.checksum)
	if n != 4 || err != nil || headLength > maxHead || e.length < 0 ||
		string(line) != fmt.Sprintf(firstLine, headLength, headChecksum, e.length, e.checksum) {
		return nil, 0, errDamaged
	}
	head := make([]byte, headLength)
	if _, err := io.ReadFull(file, head); err != nil || e.headChecksum(head) != headChecksum {
		return nil, 0, errDamaged
	}
	if err := e.parseHead(head); err != nil {
		return nil, 0, errDamaged
	}
	e.prepare()
	return e, firstLineLength + int64(headLength), nil
}

func (e *entry) parseHead(head []byte) error {
	lines := textproto.NewReader(bufio.NewReader(bytes.NewReader(head)))
	var err error
	if e.url, err = lines.ReadLine(); err != nil {
		return err
	}
	times, err := lines.ReadLine()
	if err != nil {
		return err
	}
	requested, received, _ := strings.Cut(times, " ")
	if e.requested, err = time.Parse(time.RFC3339Nano, requested); err != nil {
		return err
	}
	if e.received, err = time.Parse(time.RFC3339Nano, received); err != nil {
		return err
	}
	status, err := lines.ReadLine()
	if err != nil {
		return err
	}
	e.version, e.status, _ = strings.Cut(status, " ")
	code, _, _ := strings.Cut(e.status, " ")
	if e.code, err = strconv.Atoi(code); err != nil || e.code < 200 || e.code > 599 {
		return errDamaged
	}
	for {
		field, err := lines.ReadLine()
		if err != nil {
			return err
		}
		if field == "" {
			break
		}
		name, value, _ := strings.Cut(field, ": ")
		e.selection = append(e.selection, struct{ name, value string }{name, value})
	}
	fields, err := lines.ReadMIMEHeader()
	e.header = http.Header(fields)
	return err
}
