package main

import (
	"bytes"
	"time"
)

var errChanged = &status{code: 412, why: "The file is not as it was when you last had it."}

// checkConditions evaluates the conditions of the request in the order of RFC
// 9110, section 13.2.2, the last of which is that of ranges. It returns a status
// of 412 or 304 if the client does not want the file.
func (m *request) checkConditions(f *file) error {
	if m.ifMatch != nil {
		if !matches(m.ifMatch, f.etag, false) {
			return errChanged
		}
	} else if since, ok := parseDate(m.ifUnmodifiedSince); ok && f.modTime.After(since) {
		return errChanged
	}

	if m.ifNoneMatch != nil {
		if matches(m.ifNoneMatch, f.etag, true) {
			return &status{code: 304, fields: f.validators}
		}
	} else if since, ok := parseDate(m.ifModifiedSince); ok && !f.modTime.IsZero() && !f.modTime.After(since) {
		return &status{code: 304, fields: f.validators}
	}
	return nil
}

// ifRangeHolds reports whether the client, which has some ranges of a file, has
// them of f (RFC 9110, section 13.1.5).
func (m *request) ifRangeHolds(f *file, now time.Time) bool {
	if m.ifRange == nil {
		return true
	}
	if date, ok := parseDate(m.ifRange); ok {
		// A file can change twice in a second, so that a time says which it is
		// only when that second is over.
		return date.Equal(f.modTime) && now.Sub(f.modTime) > time.Second
	}
	return string(m.ifRange) == f.etag
}

// matches reports whether a list of entity tags, or the star for any, has etag
// in it. A weak tag counts only if weakly is true.
func matches(tags []byte, etag string, weakly bool) bool {
	if string(tags) == "*" {
		return true
	}
	for {
		tags = bytes.TrimLeft(tags, " \t,")
		tag, weak := bytes.CutPrefix(tags, []byte("W/"))
		if len(tag) == 0 || tag[0] != '"' {
			return false // the end of the list, or not a tag
		}
		end := bytes.IndexByte(tag[1:], '"')
		if end < 0 {
			return false
		}
		if string(tag[:end+2]) == etag && (weakly || !weak) {
			return true
		}
		tags = tag[end+2:]
	}
}

// parseDate reads a date in one of the three forms of RFC 9110, section 5.6.7.
func parseDate(field []byte) (date time.Time, ok bool) {
	if field == nil {
		return date, false
	}
	for _, form := range []string{httpTime, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if date, err := time.Parse(form, string(field)); err == nil {
			return date, true
		}
	}
	return date, false
}
