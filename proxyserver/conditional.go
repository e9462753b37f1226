package main

import (
	"net/http"
	"strings"
)

// notModified reports whether the conditions of a request are such that a
// stored response is answered by 304: the client has it (RFC 9111, section
// 4.3.2).
func (e *entry) notModified(request http.Header) bool {
	if e.code != http.StatusOK {
		return false
	}
	if tags, ok := request["If-None-Match"]; ok {
		for tag := range members(tags) {
			if tag == "*" || e.etag != "" && opaque(tag) == opaque(e.etag) {
				return true
			}
		}
		return false
	}
	since, ok := parseDate(request.Get("If-Modified-Since"), e.received)
	if !ok {
		return false
	}
	if e.lastModified.IsZero() {
		return !e.date.After(since)
	}
	return !e.lastModified.After(since)
}

// opaque returns an entity tag without its mark of weakness, for the weak
// comparison (RFC 9110, section 8.8.3.2).
func opaque(tag string) string {
	return strings.TrimPrefix(tag, "W/")
}

// rangeApplies reports whether the If-Range of a request, if any, is of this
// very response: the strong comparison (RFC 9110, section 13.1.5).
func (e *entry) rangeApplies(request http.Header) bool {
	condition := request.Get("If-Range")
	switch {
	case condition == "":
		return true
	case strings.HasPrefix(condition, `"`):
		return condition == e.etag
	case strings.HasPrefix(condition, "W/"):
		return false
	}
	date, ok := parseDate(condition, e.received)
	// A Last-Modified is strong when it was a minute in the past.
	return ok && date.Equal(e.lastModified) && e.date.Sub(e.lastModified) >= 60e9
}

// validators are the conditions by which the origin can say that a stored
// response is still good.
func (e *entry) validators() http.Header {
	conditions := http.Header{}
	if e.etag != "" {
		conditions["If-None-Match"] = []string{e.etag}
	}
	if !e.lastModified.IsZero() {
		conditions["If-Modified-Since"] = []string{e.header.Get("Last-Modified")}
	}
	return conditions
}

// sameAs reports whether the answer to HEAD is about the same representation as
// the stored one (RFC 9111, section 4.3.5).
func (e *entry) sameAs(r *response) bool {
	for name, was := range map[string]string{"Etag": e.etag, "Last-Modified": e.header.Get("Last-Modified")} {
		if is := r.header.Get(name); is != "" && is != was {
			return false
		}
	}
	return r.code == e.code && (r.length < 0 || r.length == e.length)
}
