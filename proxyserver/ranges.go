package main

import (
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
)

// maxRanges is how many ranges one answer has: more of them are asked for only
// to make work, and get the whole.
const maxRanges = 16

// A span is some of the bytes of a body.
type span struct{ start, length int64 }

func (s span) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.start, s.start+s.length-1, size)
}

// parseRange returns the parts of a body of so many bytes that a Range field
// asks for (RFC 9110, section 14.1.2). None at all is not satisfiable; not ok is
// a field to be passed over.
func parseRange(field string, size int64) (spans []span, ok bool) {
	unit, list, found := strings.Cut(field, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, false
	}
	var all int64
	n := 0
	for spec := range members([]string{list}) {
		if n++; n > maxRanges {
			return nil, false
		}
		first, last, found := strings.Cut(spec, "-")
		if !found {
			return nil, false
		}
		var s span
		if first == "" {
			suffix, ok := parseOffset(last)
			if !ok {
				return nil, false
			}
			s.length = min(suffix, size)
			s.start = size - s.length
		} else {
			start, ok := parseOffset(first)
			end := size - 1
			if ok && last != "" {
				end, ok = parseOffset(last)
				if ok && end < start {
					return nil, false
				}
				end = min(end, size-1)
			}
			if !ok {
				return nil, false
			}
			s = span{start, end - start + 1}
		}
		if s.length > 0 && s.start < size {
			spans = append(spans, s)
			all += s.length
		}
	}
	if n == 0 || all > size && len(spans) > 1 {
		return nil, false // ranges that overlap are an attack, or a mistake
	}
	return spans, true
}

// parseOffset reads digits, more than which is more than any file has.
func parseOffset(digits string) (int64, bool) {
	for _, digit := range []byte(digits) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(digits, 10, 63)
	if err != nil && digits != "" {
		return 1<<62 - 1, true
	}
	return n, err == nil
}

// multipart returns the heads of the parts of an answer with several ranges,
// its end, and the length of the whole (RFC 9110, section 14.6).
func multipart(spans []span, size int64, contentType, boundary string) (heads []string, end string, length int64) {
	for _, s := range spans {
		var head strings.Builder
		fmt.Fprintf(&head, "\r\n--%s\r\n", boundary)
		if contentType != "" {
			fmt.Fprintf(&head, "Content-Type: %s\r\n", textproto.TrimString(contentType))
		}
		fmt.Fprintf(&head, "Content-Range: %s\r\n\r\n", s.contentRange(size))
		heads = append(heads, head.String())
		length += int64(head.Len()) + s.length
	}
	end = "\r\n--" + boundary + "--\r\n"
	return heads, end, length + int64(len(end))
}
