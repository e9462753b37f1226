package main

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzRequest holds what the rest of the server relies on, for any input.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nHEAD http://a:80/%41%2e?b HTTP/1.0\r\nConnection: keep-alive\r\nRange: bytes=0-1\r\n\r\nrest",
		"POST * HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: gzip, chunked\r\nExpect: 100-continue\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		size, err := headSize(in)
		if err != nil || size == 0 {
			return
		}
		for end := range size {
			if early, _ := headSize(in[:end]); early != 0 {
				t.Fatalf("headSize finds the end of a head of %d bytes after %d", size, early)
			}
		}
		head := bytes.Clone(in[:size])
		var m request
		if m.parse(head) != nil {
			return
		}
		if bytes.IndexByte(bytes.ReplaceAll(head, []byte("\r\n"), nil), '\r') >= 0 || bytes.Count(head, []byte("\n")) != bytes.Count(head, []byte("\r\n")) {
			t.Errorf("%q has a bare CR or LF", head)
		}
		if m.contentLength < 0 || m.chunked && m.length != nil || m.minor != '0' && m.host == nil {
			t.Errorf("%q is parsed as %+v", head, m)
		}
		filename, err := m.filename()
		if err == nil && strings.Contains(filename, "\x00") {
			t.Errorf("%q names the file %q", head, filename)
		}
		matches(m.ifMatch, `"a"`, false)
		parseDate(m.ifRange)
		m.wantsKeepAlive()
	})
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-1", "bytes=-5,3-", "bytes=0-0, 99-, -18446744073709551616", "Bytes=,1-2"} {
		f.Add([]byte(seed), int64(10))
	}
	f.Fuzz(func(t *testing.T, field []byte, size int64) {
		if size < 0 {
			return
		}
		ranges, err := parseRange(field, size)
		total := int64(0)
		for _, r := range ranges {
			if r.start < 0 || r.length <= 0 || r.length > size-r.start {
				t.Errorf("parseRange(%q, %d) has %+v", field, size, r)
			}
			total += r.length
		}
		if total > size || total < 0 || len(ranges) > maxRanges || err != nil && ranges != nil {
			t.Errorf("parseRange(%q, %d) = %v, %v", field, size, ranges, err)
		}
	})
}
