package main

import (
	"bytes"
	"fmt"
	"time"
)

// maxRanges in one request. RFC 9110, section 14.2, has a server ignore requests
// that ask for suspiciously many.
const maxRanges = 64

// A byteRange is a part of a file.
type byteRange struct{ start, length int64 }

// contentRange returns the field that says so, with its CR LF.
func (r byteRange) contentRange(size int64) string {
	return fmt.Sprintf("Content-Range: bytes %d-%d/%d\r\n", r.start, r.start+r.length-1, size)
}

// ranges returns the parts of f that the client wants, none if it wants all.
func (m *request) ranges(f *file, now time.Time) ([]byteRange, error) {
	if m.rangeField == nil || string(m.method) != "GET" || !m.ifRangeHolds(f, now) {
		return nil, nil
	}
	return parseRange(m.rangeField, f.size)
}

// parseRange reads a Range field (RFC 9110, section 14.1.1). One that is not
// valid, or asks for more than the whole file, counts as none. If all that it
// asks for lies behind the end of the file, the status is 416.
func parseRange(field []byte, size int64) ([]byteRange, error) {
	unit, set, ok := bytes.Cut(field, []byte("="))
	if !ok || !bytes.EqualFold(unit, []byte("bytes")) {
		return nil, nil
	}
	var ranges []byteRange
	asked, total := 0, int64(0)
	for member := range list(set) {
		first, last, ok := bytes.Cut(member, []byte("-"))
		start, hasFirst := parseNumber(first)
		end, hasLast := parseNumber(last)
		if !ok || len(first) > 0 != hasFirst || len(last) > 0 != hasLast {
			return nil, nil
		}
		switch {
		case hasFirst && hasLast && start > end, !hasFirst && !hasLast:
			return nil, nil
		case !hasFirst: // the last so many bytes
			start, end = max(size-end, 0), size-1
		case !hasLast:
			end = size - 1
		}
		asked++
		if start < size {
			r := byteRange{start, min(end, size-1) - start + 1}
			ranges = append(ranges, r)
			total += r.length
		}
		if asked > maxRanges || total > size {
			return nil, nil
		}
	}
	if len(ranges) == 0 && asked > 0 {
		return nil, &status{
			code: 416, why: "The file is shorter than that.",
			fields: fmt.Sprintf("Content-Range: bytes */%d\r\n", size),
		}
	}
	return ranges, nil
}
