package main

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// heuristicLimit is how long a response may be taken for fresh that does not
// say how long it is.
const heuristicLimit = 24 * time.Hour

// An entry is a response without its body: what decides whether and how long it
// may answer which requests. It never changes once it is in use.
type entry struct {
	url       string    // that the response is for
	selection selection // and the fields that chose it
	requested time.Time // when the request was sent
	received  time.Time // when the response arrived
	version   string    // of HTTP, "1.1"
	status    string    // "200 OK"
	code      int
	header    http.Header // without Content-Length
	length    int64       // of the body
	checksum  uint32      // of the body

	// What follows from these, see prepare.
	cc           cacheControl
	date         time.Time
	initialAge   time.Duration
	lifetime     time.Duration
	etag         string
	lastModified time.Time
	head         []byte // the fields as they are sent
}

// prepare works out what follows from the fields of the response.
func (e *entry) prepare() {
	e.cc = parseCacheControl(e.header["Cache-Control"])
	var ok bool
	if e.date, ok = parseDate(e.header.Get("Date"), e.received); !ok {
		e.date = e.received
	}
	// Its age when it arrived (section 4.2.3): what the caches on the way said
	// and the time that it was on its way, or what the clocks say, in the whole
	// seconds that a Date has.
	e.initialAge = max(0, e.received.Truncate(time.Second).Sub(e.date), parseAge(e.header["Age"])+e.received.Sub(e.requested))
	e.etag = e.header.Get("Etag")
	e.lastModified, _ = parseDate(e.header.Get("Last-Modified"), e.received)
	e.lifetime = e.freshnessLifetime()

	var head bytes.Buffer
	e.header.WriteSubset(&head, map[string]bool{"Age": true})
	e.head = head.Bytes()
}

// parseAge reads the first member of an Age field, which is not to be a list,
// and takes anything but a number as if it were not there (section 5.1).
func parseAge(lines []string) time.Duration {
	for member := range members(lines) {
		age, _ := parseSeconds(member)
		return age
	}
	return 0
}

// freshnessLifetime returns how long the response is fresh (section 4.2.1).
func (e *entry) freshnessLifetime() time.Duration {
	switch {
	case e.cc.sMaxAge >= 0:
		return e.cc.sMaxAge
	case e.cc.maxAge >= 0:
		return e.cc.maxAge
	}
	if lines, ok := e.header["Expires"]; ok {
		soonest := forEver
		for _, line := range lines {
			expires, ok := parseDate(line, e.received)
			if !ok {
				return 0
			}
			soonest = min(soonest, expires.Sub(e.date))
		}
		return max(0, soonest)
	}
	if e.lastModified.IsZero() || !(heuristicallyCacheable(e.code) || e.cc.public) {
		return 0
	}
	return min(heuristicLimit, max(0, e.date.Sub(e.lastModified)/10))
}

// heuristicallyCacheable reports whether RFC 9110, section 15.1, lists a status
// among those that may be stored without being asked to.
func heuristicallyCacheable(code int) bool {
	return slices.Contains([]int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}, code)
}

// understood reports whether a status has no rules for caches but those that
// this one keeps, as must-understand asks (section 5.2.2.3).
func understood(code int) bool {
	return heuristicallyCacheable(code) || slices.Contains([]int{201, 202, 302, 303, 307, 400, 401, 402, 403, 406, 408, 409,
		411, 412, 413, 415, 417, 421, 422, 426, 500, 502, 503, 504, 505}, code)
}

// age returns how old the response is by now.
func (e *entry) age(now time.Time) time.Duration {
	return e.initialAge + max(0, now.Sub(e.received))
}

// staleness returns for how long the response has not been fresh; it is
// negative while it still is.
func (e *entry) staleness(now time.Time) time.Duration {
	return e.age(now) - e.lifetime
}

// storable reports whether a shared cache may store the response to request
// (section 3), and whether that is of any use. It leaves out of the header what
// must not be stored.
func (e *entry) storable(request *message) bool {
	explicit := e.cc.sMaxAge >= 0 || e.cc.maxAge >= 0 || e.header["Expires"] != nil
	switch request.Method {
	case http.MethodGet:
	case http.MethodPost:
		// Its response answers a later GET if it says that it is what a GET
		// would have got (RFC 9110, section 9.3.3).
		location, ok := request.resolve(e.header.Get("Content-Location"))
		if !ok || location != e.url || !explicit || e.code != http.StatusOK {
			return false
		}
	default:
		return false
	}
	if e.code < 200 || e.code > 599 || e.code == http.StatusPartialContent || e.code == http.StatusNotModified {
		return false
	}
	understands := e.cc.mustUnderstand && understood(e.code)
	if request.cc.noStore || e.cc.private || e.cc.noStore && !understands || e.cc.mustUnderstand && !understands {
		return false
	}
	if e.forOneUser(request) {
		return false
	}
	if !explicit && !e.cc.public && e.cc.privateFields == nil && !heuristicallyCacheable(e.code) {
		return false
	}
	e.withhold()
	var ok bool
	if e.selection, ok = selecting(e.header, request.Header); !ok {
		return false
	}
	// Nothing is gained by what is stale at once and can't be validated.
	return e.lifetime > e.initialAge || e.etag != "" || !e.lastModified.IsZero() ||
		e.lifetime+max(0, e.cc.staleIfError, e.cc.staleWhileRevalidate) > e.initialAge
}

// forOneUser reports whether the request says who asks, and the response does not
// say that it is for others too (section 3.5).
func (e *entry) forOneUser(request *message) bool {
	return request.Header["Authorization"] != nil && !e.cc.public && !e.cc.mustRevalidate && e.cc.sMaxAge < 0
}

// withhold leaves the fields out of the header that are not for all.
func (e *entry) withhold() {
	for _, fields := range [][]string{e.cc.privateFields, e.cc.noCacheFields} {
		for _, name := range fields {
			e.header.Del(name)
		}
	}
}

// neverStale reports whether the origin forbids to answer with this response
// once it is stale (section 4.2.4).
func (e *entry) neverStale() bool {
	return e.cc.mustRevalidate || e.cc.proxyRevalidate || e.cc.sMaxAge >= 0 || e.cc.noCache
}

// usable reports whether the response may answer a request with such directives
// without asking the origin, and if so, whether the origin is to be asked
// thereafter, because it is stale.
func (e *entry) usable(request *cacheControl, now time.Time) (usable, revalidate bool) {
	if e.cc.noCache || request.noCache {
		return false, false
	}
	age, staleness := e.age(now), e.staleness(now)
	if request.maxAge >= 0 && age > request.maxAge && !(request.maxStale >= 0 && staleness >= 0) {
		return false, false
	}
	if request.minFresh >= 0 && staleness > -request.minFresh {
		return false, false
	}
	switch {
	case staleness < 0:
		return true, false
	case e.neverStale():
		return false, false
	case staleness <= request.maxStale:
		return true, false
	case staleness <= e.cc.staleWhileRevalidate && request.maxAge < 0 && request.minFresh < 0:
		return true, true
	}
	return false, false
}

// usableOnError reports whether the response may still answer when the origin
// did not (code 0), or answered with an error (RFC 5861, section 4).
func (e *entry) usableOnError(code int, request *cacheControl, now time.Time) bool {
	if e.neverStale() || request.noCache {
		return false
	}
	allowed := max(e.cc.staleIfError, request.staleIfError)
	switch code {
	case 0:
		return allowed < 0 || e.staleness(now) <= allowed // a cache that is cut off may (section 4.2.4)
	case 500, 502, 503, 504:
		return e.staleness(now) <= allowed
	}
	return false
}

// notUpdated are the fields that a 304 does not change, since the stored body
// is of the old value (section 3.2). The ETag is there because it named the
// body that the 304 has confirmed.
var notUpdated = []string{"Content-Encoding", "Content-Length", "Content-Md5", "Content-Range", "Etag"}

// update returns the entry with the fields of a 304, or of the answer to HEAD,
// in place of its own (section 4.3.4).
func (e *entry) update(r *response) *entry {
	updated := *e
	updated.header = e.header.Clone()
	delete(updated.header, "Age")
	for name, lines := range r.header {
		if !slices.Contains(notUpdated, name) {
			updated.header[name] = slices.Clone(lines)
		}
	}
	updated.requested, updated.received = r.requested, r.received
	updated.prepare()
	if updated.cc.privateFields != nil || updated.cc.noCacheFields != nil {
		updated.withhold()
		updated.prepare()
	}
	return &updated
}

// stays reports whether what the answer to m has updated may stay in the store:
// it is for others too, and chosen by the same fields as before.
func (e *entry) stays(m *message) bool {
	fields, ok := selecting(e.header, m.Header)
	return ok && slices.Equal(fields, e.selection) && !e.cc.noStore && !e.cc.private && !e.forOneUser(m)
}

// appendAge appends the field that says how old the response is.
func (e *entry) appendAge(b []byte, now time.Time) []byte {
	b = append(b, "Age: "...)
	b = strconv.AppendInt(b, int64(e.age(now)/time.Second), 10)
	return append(b, "\r\n"...)
}
