package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func Example_members() {
	for member := range members([]string{`a, b="1, 2", ,c`, `"\",", d`}) {
		fmt.Println(member)
	}
	// Output:
	// a
	// b="1, 2"
	// c
	// "\","
	// d
}

func TestParseCacheControl(t *testing.T) {
	const s = time.Second
	none := parseCacheControl(nil)
	tests := []struct {
		lines []string
		want  func(cc *cacheControl)
	}{
		{[]string{"max-age=60"}, func(cc *cacheControl) { cc.maxAge = 60 * s }},
		{[]string{"MAX-age=60 , PUBLIC"}, func(cc *cacheControl) { cc.maxAge, cc.public = 60*s, true }},
		{[]string{`max-age="60"`}, func(cc *cacheControl) { cc.maxAge = 60 * s }},
		{[]string{`max-age="6\0"`}, func(cc *cacheControl) { cc.maxAge = 60 * s }},
		{[]string{"max-age=0060"}, func(cc *cacheControl) { cc.maxAge = 60 * s }},
		{[]string{"max-age='60'"}, func(cc *cacheControl) { cc.maxAge = 0 }},
		{[]string{"max-age=60.0"}, func(cc *cacheControl) { cc.maxAge = 0 }},
		{[]string{"max-age=-60"}, func(cc *cacheControl) { cc.maxAge = 0 }},
		{[]string{"max-age"}, func(cc *cacheControl) { cc.maxAge = 0 }},
		{[]string{"max-age="}, func(cc *cacheControl) { cc.maxAge = 0 }},
		{[]string{"max-age=60a, max-age=60"}, func(cc *cacheControl) { cc.maxAge = 0 }},
		{[]string{"max-age=60, max-age=30"}, func(cc *cacheControl) { cc.maxAge = 30 * s }},
		{[]string{"max-age=30", "max-age=60"}, func(cc *cacheControl) { cc.maxAge = 30 * s }},
		{[]string{"max-age=99999999999999999999999"}, func(cc *cacheControl) { cc.maxAge = forEver }},
		{[]string{`x="max-age=60, no-store", max-age=1`}, func(cc *cacheControl) { cc.maxAge = s }},
		{[]string{`x="a\", no-store"`}, func(cc *cacheControl) {}},
		{[]string{`x="a, no-store`}, func(cc *cacheControl) {}},
		{[]string{"no-storex, xno-store"}, func(cc *cacheControl) {}},
		{[]string{"No-Store, no-cache, private, must-revalidate, proxy-revalidate, must-understand"}, func(cc *cacheControl) {
			cc.noStore, cc.noCache, cc.private, cc.mustRevalidate, cc.proxyRevalidate, cc.mustUnderstand = true, true, true, true, true, true
		}},
		{[]string{`no-cache="set-cookie, x"`}, func(cc *cacheControl) { cc.noCacheFields = []string{"Set-Cookie", "X"} }},
		{[]string{`no-cache=x, no-cache`}, func(cc *cacheControl) { cc.noCacheFields, cc.noCache = []string{"X"}, true }},
		{[]string{`private=""`}, func(cc *cacheControl) { cc.private = true }},
		{[]string{`private="x", private="y"`}, func(cc *cacheControl) { cc.privateFields = []string{"X", "Y"} }},
		{[]string{"s-maxage=1, stale-while-revalidate=2, stale-if-error=3"}, func(cc *cacheControl) {
			cc.sMaxAge, cc.staleWhileRevalidate, cc.staleIfError = s, 2*s, 3*s
		}},
		{[]string{"max-stale"}, func(cc *cacheControl) { cc.maxStale = forEver }},
		{[]string{"max-stale, max-stale=5"}, func(cc *cacheControl) { cc.maxStale = 5 * s }},
		{[]string{"max-stale=x"}, func(cc *cacheControl) { cc.maxStale = 0 }},
		{[]string{"min-fresh=1, min-fresh=5"}, func(cc *cacheControl) { cc.minFresh = 5 * s }},
		{[]string{"min-fresh=x"}, func(cc *cacheControl) { cc.minFresh = forEver }},
		{[]string{"only-if-cached"}, func(cc *cacheControl) { cc.onlyIfCached = true }},
	}
	for _, test := range tests {
		want := none
		test.want(&want)
		if got := parseCacheControl(test.lines); !reflect.DeepEqual(got, want) {
			t.Errorf("parseCacheControl(%q) =\n%+v, want\n%+v", test.lines, got, want)
		}
	}
}

// FuzzCacheControl wants any field to be read without trouble, and a no-store
// that is put behind it to count, unless a quote was left open.
func FuzzCacheControl(f *testing.F) {
	for _, line := range []string{"max-age=60", `no-cache="a, b", private`, `x="\"`, ",,=,;", "max-age=99999999999999999999"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		cc := parseCacheControl([]string{line, "no-store"})
		if !cc.noStore {
			t.Errorf("no-store is lost behind %q", line)
		}
		for _, d := range []time.Duration{cc.maxAge, cc.sMaxAge, cc.maxStale, cc.minFresh, cc.staleIfError, cc.staleWhileRevalidate} {
			if d != -1 && (d < 0 || d > forEver) {
				t.Errorf("%q says %v", line, d)
			}
		}
		stricter := parseCacheControl([]string{line, "max-age=5"})
		if stricter.maxAge < 0 || stricter.maxAge > 5*time.Second {
			t.Errorf("max-age=5 behind %q is %v", line, stricter.maxAge)
		}
	})
}

func TestParseDate(t *testing.T) {
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	date := func(year, month, day int) time.Time {
		return time.Date(year, time.Month(month), day, 8, 49, 37, 0, time.UTC)
	}
	tests := []struct {
		date string
		want time.Time // zero for none
	}{
		{"Sun, 06 Nov 1994 08:49:37 GMT", date(1994, 11, 6)},
		{"SUN, 06 nov 1994 08:49:37 gmt", date(1994, 11, 6)},
		{"Mon, 06 Nov 1994 08:49:37 GMT", date(1994, 11, 6)}, // the wrong day
		{"Sunday, 06-Nov-94 08:49:37 GMT", date(1994, 11, 6)},
		{"Sunday, 06-Nov-75 08:49:37 GMT", date(2075, 11, 6)},
		{"Sunday, 06-Nov-77 08:49:37 GMT", date(1977, 11, 6)},
		{"Sunday, 06-Nov-26 08:49:37 GMT", date(2026, 11, 6)},
		{"Sun Nov  6 08:49:37 1994", date(1994, 11, 6)},
		{"Sun Nov 16 08:49:37 1994", date(1994, 11, 16)},
		{"Sun, 21 Nov 2286 08:49:37 GMT", date(2286, 11, 21)},
		{date: ""}, {date: "0"}, {date: "-1"}, {date: "now"},
		{date: "Sun, 06 Nov 1994 08:49:37 UTC"},
		{date: "Sun, 06 Nov 1994 08:49:37 AEST"},
		{date: "Sun, 06 Nov 1994 08:49:37 +0000"},
		{date: "Sun, 06 Nov 1994 08:49:37"},
		{date: "Sun, 06 Nov 94 08:49:37 GMT"},
		{date: "Sun 06 Nov 1994 08:49:37 GMT"},
		{date: "Sun, 06  Nov  1994 08:49:37 GMT"},
		{date: "Sun, 06-Nov-1994 08:49:37 GMT"},
		{date: "Sun, 06 Nov 1994 08.49.37 GMT"},
		{date: "Sun, 06 Nov 1994 8:49:37 GMT"},
		{date: "Sun, 6 Nov 1994 08:49:37 GMT"},
		{date: "Sun, 31 Feb 1994 08:49:37 GMT"},
		{date: "Sun, 06 Nov 1994 24:49:37 GMT"},
		{date: "Son, 06 Nov 1994 08:49:37 GMT"},
		{date: "Sunday, 06 Nov 1994 08:49:37 GMT"},
		{date: "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"},
		{date: "Sun Nov 6 08:49:37 1994"},
		{date: "Sun, 06 Nov 1994 08:49:37.5 GMT"},
	}
	for _, test := range tests {
		if got, ok := parseDate(test.date, now); !got.Equal(test.want) && ok || ok != !test.want.IsZero() {
			t.Errorf("parseDate(%q) = %v, %v, want %v", test.date, got, ok, test.want)
		}
	}
}

// received is when the responses of these tests arrive.
var received = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func at(offset time.Duration) string { return received.Add(offset).Format(http.TimeFormat) }

// newEntry makes an entry of a response with these fields.
func newEntry(code int, fields ...string) *entry {
	e := &entry{url: "http://a:80/", requested: received, received: received, version: "1.1", status: fmt.Sprint(code, " Status"), code: code, header: http.Header{}}
	e.header.Set("Date", at(0))
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if name == "Date" {
			e.header.Del(name)
		}
		e.header.Add(name, value)
	}
	e.prepare()
	return e
}

func TestFreshness(t *testing.T) {
	const s = time.Second
	tests := []struct {
		code   int
		fields []string
		want   time.Duration // for which it is still fresh
	}{
		{200, []string{"Cache-Control: max-age=60"}, 60 * s},
		{200, []string{"Cache-Control: max-age=60, s-maxage=30"}, 30 * s},
		{200, []string{"Cache-Control: s-maxage=90", "Cache-Control: max-age=60"}, 90 * s},
		{200, []string{"Cache-Control: max-age=60", "Expires: " + at(time.Hour)}, 60 * s},
		{200, []string{"Cache-Control: max-age=60", "Expires: 0"}, 60 * s},
		{200, []string{"Cache-Control: max-age=x", "Expires: " + at(time.Hour)}, 0},
		{200, []string{"Expires: " + at(time.Hour)}, time.Hour},
		{200, []string{"Expires: " + at(-time.Hour)}, 0},
		{200, []string{"Expires: 0"}, 0},
		{200, []string{"Expires: " + at(time.Hour), "Expires: " + at(time.Minute)}, time.Minute},
		{200, []string{"Expires: " + at(time.Hour), "Expires: 0"}, 0},
		{200, []string{"Expires: " + at(0), "Date: " + at(-time.Hour)}, 0}, // an hour, and it is that old
		{200, []string{"Expires: " + at(time.Hour), "Date: rubbish"}, time.Hour},
		{200, []string{"Cache-Control: max-age=60", "Age: 20"}, 40 * s},
		{200, []string{"Cache-Control: max-age=60", "Age: 20, 50"}, 40 * s},
		{200, []string{"Cache-Control: max-age=60", "Age: 20", "Age: 50"}, 40 * s},
		{200, []string{"Cache-Control: max-age=60", "Age: -20"}, 60 * s},
		{200, []string{"Cache-Control: max-age=60", "Age: 20.0"}, 60 * s},
		{200, []string{"Cache-Control: max-age=60", "Age: x, 20"}, 60 * s},
		{200, []string{"Cache-Control: max-age=60", "Age: 2147483648"}, 60*s - forEver},
		{200, []string{"Cache-Control: max-age=60", "Age: 99999999999999999999"}, 60*s - forEver},
		{200, []string{"Cache-Control: max-age=60", "Date: " + at(-20*s)}, 40 * s},
		{200, []string{"Cache-Control: max-age=60", "Date: " + at(20*s)}, 60 * s}, // a clock that is ahead
		{200, []string{"Last-Modified: " + at(-1000*s)}, 100 * s},
		{200, []string{"Last-Modified: " + at(-10000*time.Hour)}, heuristicLimit},
		{200, []string{"Last-Modified: " + at(1000*s)}, 0},
		{200, []string{"Last-Modified: rubbish"}, 0},
		{200, nil, 0},
		{201, []string{"Last-Modified: " + at(-1000*s)}, 0},
		{404, []string{"Last-Modified: " + at(-1000*s)}, 100 * s},
		{599, []string{"Last-Modified: " + at(-1000*s)}, 0},
		{599, []string{"Last-Modified: " + at(-1000*s), "Cache-Control: public"}, 100 * s},
	}
	for _, test := range tests {
		if got := -newEntry(test.code, test.fields...).staleness(received); got != test.want {
			t.Errorf("%d with %q is fresh for %v, want %v", test.code, test.fields, got, test.want)
		}
	}
}

// TestAge has a response that was long on its way (section 4.2.3).
func TestAge(t *testing.T) {
	e := newEntry(200, "Age: 10")
	e.requested = received.Add(-3 * time.Second)
	e.prepare()
	if got, want := e.age(received.Add(5*time.Second)), 18*time.Second; got != want {
		t.Errorf("age = %v, want %v: 10 s when it was sent, 3 s on its way, 5 s here", got, want)
	}
	e = newEntry(200, "Age: 10", "Date: "+at(-20*time.Second))
	if got, want := e.age(received.Add(5*time.Second)), 25*time.Second; got != want {
		t.Errorf("age = %v, want %v: 20 s by its Date, 5 s here", got, want)
	}
	if got := e.age(received.Add(-time.Hour)); got < 0 {
		t.Errorf("age = %v when the clock is set back", got)
	}
	e = newEntry(200, "Date: "+at(0))
	e.requested, e.received = received.Add(900*time.Millisecond), received.Add(900*time.Millisecond)
	e.prepare()
	if got := e.age(e.received); got != 0 {
		t.Errorf("age = %v when it has just come, since a Date tells no fractions of a second", got)
	}
}

func newMessage(method string, fields ...string) *message {
	m := &message{Request: &http.Request{Method: method, Header: http.Header{}, URL: &url.URL{Scheme: "http", Host: "a"}}, url: "http://a:80/", host: "a:80"}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		m.Header.Add(name, value)
	}
	m.cc = requestControl(m.Header)
	return m
}

func TestStorable(t *testing.T) {
	get := newMessage("GET")
	auth := newMessage("GET", "Authorization: Basic x")
	post := newMessage("POST")
	const fresh = "Cache-Control: max-age=60"
	tests := []struct {
		m      *message
		code   int
		fields []string
		want   bool
	}{
		{get, 200, []string{fresh}, true},
		{get, 200, nil, false},
		{get, 200, []string{"Etag: x"}, true},
		{get, 200, []string{"Cache-Control: max-age=0"}, false},
		{get, 200, []string{"Cache-Control: max-age=0, stale-if-error=5"}, true},
		{get, 299, []string{fresh}, true},
		{get, 302, []string{"Etag: x"}, false},
		{get, 302, []string{"Etag: x", "Cache-Control: public"}, true},
		{get, 206, []string{fresh}, false},
		{get, 304, []string{fresh}, false},
		{get, 600, []string{fresh}, false},
		{get, 200, []string{fresh + ", no-store"}, false},
		{get, 200, []string{fresh + ", private"}, false},
		{get, 200, []string{fresh + `, private="x"`}, true},
		{get, 200, []string{fresh + ", no-store, must-understand"}, true},
		{get, 599, []string{fresh + ", must-understand"}, false},
		{get, 599, []string{fresh + ", no-store, must-understand"}, false},
		{get, 200, []string{fresh, "Vary: *"}, false},
		{get, 200, []string{fresh, "Vary: a, *"}, false},
		{get, 200, []string{fresh, "Vary: ", "Vary: *"}, false},
		{get, 200, []string{fresh, "Set-Cookie: a"}, true},
		{newMessage("GET", "Cache-Control: no-store"), 200, []string{fresh}, false},
		{newMessage("HEAD"), 200, []string{fresh}, false},
		{newMessage("PUT"), 200, []string{fresh}, false},
		{auth, 200, []string{fresh}, false},
		{auth, 200, []string{fresh + ", public"}, true},
		{auth, 200, []string{fresh + ", must-revalidate"}, true},
		{auth, 200, []string{"Cache-Control: s-maxage=60"}, true},
		{post, 200, []string{fresh}, false},
		{post, 200, []string{fresh, "Content-Location: /"}, true},
		{post, 200, []string{fresh, "Content-Location: http://a/"}, true},
		{post, 200, []string{fresh, "Content-Location: /other"}, false},
		{post, 200, []string{fresh, "Content-Location: http://b/"}, false},
		{post, 201, []string{fresh, "Content-Location: /"}, false},
		{post, 200, []string{"Last-Modified: " + at(-time.Hour), "Content-Location: /"}, false},
	}
	for _, test := range tests {
		if got := newEntry(test.code, test.fields...).storable(test.m); got != test.want {
			t.Errorf("%s %v, %d with %q: storable = %v", test.m.Method, test.m.Header, test.code, test.fields, got)
		}
	}
}

func TestUsable(t *testing.T) {
	const s = time.Second
	tests := []struct {
		response           string
		age                time.Duration
		request            string
		usable, revalidate bool
	}{
		{"max-age=60", 59 * s, "", true, false},
		{"max-age=60", 60 * s, "", false, false},
		{"max-age=60", 30 * s, "no-cache", false, false},
		{"max-age=60, no-cache", 30 * s, "", false, false},
		{`max-age=60, no-cache="x"`, 30 * s, "", true, false},
		{"max-age=60, immutable", 61 * s, "", false, false},
		{"max-age=60", 30 * s, "max-age=30", true, false},
		{"max-age=60", 31 * s, "max-age=30", false, false},
		{"max-age=60", 30 * s, "min-fresh=30", true, false},
		{"max-age=60", 31 * s, "min-fresh=30", false, false},
		{"max-age=60", 90 * s, "max-stale", true, false},
		{"max-age=60", 90 * s, "max-stale=30", true, false},
		{"max-age=60", 91 * s, "max-stale=30", false, false},
		{"max-age=60, must-revalidate", 61 * s, "max-stale", false, false},
		{"max-age=60, proxy-revalidate", 61 * s, "max-stale", false, false},
		{"s-maxage=60", 61 * s, "max-stale", false, false},
		{"max-age=60, stale-while-revalidate=30", 90 * s, "", true, true},
		{"max-age=60, stale-while-revalidate=30", 91 * s, "", false, false},
		{"max-age=60, stale-while-revalidate=30, must-revalidate", 61 * s, "", false, false},
		{"max-age=60, stale-while-revalidate=30", 61 * s, "max-age=60", false, false},
	}
	for _, test := range tests {
		cc := parseCacheControl([]string{test.request})
		usable, revalidate := newEntry(200, "Cache-Control: "+test.response).usable(&cc, received.Add(test.age))
		if usable != test.usable || revalidate != test.revalidate {
			t.Errorf("%q after %v for %q: usable = %v, %v", test.response, test.age, test.request, usable, revalidate)
		}
	}
}

func TestUsableOnError(t *testing.T) {
	tests := []struct {
		response string
		code     int
		request  string
		want     bool
	}{
		{"max-age=60", 0, "", true},
		{"max-age=60", 503, "", false},
		{"max-age=60, stale-if-error=40", 503, "", true},
		{"max-age=60, stale-if-error=39", 503, "", false},
		{"max-age=60, stale-if-error=39", 0, "", false},
		{"max-age=60, stale-if-error=40", 404, "", false},
		{"max-age=60, stale-if-error=40", 501, "", false},
		{"max-age=60", 500, "stale-if-error=40", true},
		{"max-age=60, stale-if-error=40, must-revalidate", 0, "", false},
		{"max-age=60, stale-if-error=40", 0, "no-cache", false},
	}
	for _, test := range tests {
		cc := parseCacheControl([]string{test.request})
		if got := newEntry(200, "Cache-Control: "+test.response).usableOnError(test.code, &cc, received.Add(100*time.Second)); got != test.want {
			t.Errorf("%q when the origin says %d, for %q: usable = %v", test.response, test.code, test.request, got)
		}
	}
}

func TestUpdate(t *testing.T) {
	e := newEntry(200, "Cache-Control: max-age=60", "Age: 50", "Content-Type: a", "Content-Encoding: gzip", "X-Old: 1", "X-Two: 1", "X-Two: 2", `Etag: "a"`)
	later := received.Add(time.Minute)
	u := e.update(&response{requested: later, received: later, header: http.Header{
		"Cache-Control": {"max-age=90"}, "Content-Encoding": {"br"}, "X-Two": {"3"}, "X-New": {"4"}, "Date": {at(time.Minute)}, "Etag": {`W/"a"`}}})
	if u.staleness(later) != -90*time.Second {
		t.Errorf("after the update it is fresh for %v", -u.staleness(later))
	}
	for name, want := range map[string][]string{"Content-Encoding": {"gzip"}, "X-Old": {"1"}, "X-Two": {"3"}, "X-New": {"4"}, "Etag": {`"a"`}, "Age": nil} {
		if !slices.Equal(u.header[name], want) {
			t.Errorf("after the update %s is %q, want %q", name, u.header[name], want)
		}
	}
	if e.header.Get("X-New") != "" {
		t.Error("the entry that is in use has changed")
	}
}

func TestParseRange(t *testing.T) {
	tests := []struct {
		field string
		want  []span
		ok    bool
	}{
		{"bytes=0-0", []span{{0, 1}}, true},
		{"Bytes = 0-4 , 6-", []span{{0, 5}, {6, 4}}, true},
		{"bytes=-3", []span{{7, 3}}, true},
		{"bytes=-99", []span{{0, 10}}, true},
		{"bytes=5-99", []span{{5, 5}}, true},
		{"bytes=5-99999999999999999999", []span{{5, 5}}, true},
		{"bytes=99999999999999999999-", nil, true},
		{"bytes=10-", nil, true},
		{"bytes=-0", nil, true},
		{"bytes=10-, 3-3", []span{{3, 1}}, true},
		{"bytes=5-4", nil, false},
		{"bytes=", nil, false},
		{"bytes=,", nil, false},
		{"bytes=-", nil, false},
		{"bytes=a-b", nil, false},
		{"bytes=1", nil, false},
		{"bytes=+1-2", nil, false},
		{"bytes=1--2", nil, false},
		{"bytes=--2", nil, false},
		{"lines=1-2", nil, false},
		{"", nil, false},
		{"bytes=0-,0-,0-,0-", nil, false},
		{"bytes=" + strings.Repeat("0-0,", maxRanges+1), nil, false},
	}
	for _, test := range tests {
		if got, ok := parseRange(test.field, 10); !slices.Equal(got, test.want) || ok != test.ok {
			t.Errorf("parseRange(%.40q, 10) = %v, %v, want %v, %v", test.field, got, ok, test.want, test.ok)
		}
	}
	if got, ok := parseRange("bytes=0-", 0); len(got) > 0 || !ok {
		t.Errorf("parseRange of nothing = %v, %v", got, ok)
	}
}

// TestFile writes an entry and reads it back, with bytes that are no UTF-8.
func TestFile(t *testing.T) {
	e := newEntry(404, "Cache-Control: max-age=60", "X: a", "X: b", "Y: \xff\xfe \"q\"")
	e.selection = selection{{"Accept", "=a,b"}, {"X-None", ""}, {"X-Empty", "="}}
	e.status, e.length, e.checksum = "404 Not Found: no", 4, 123
	e.prepare()
	got, offset, err := readHead(bytes.NewReader(e.fileHead()))
	if err != nil || offset != int64(len(e.fileHead())) {
		t.Fatalf("readHead = %d, %v", offset, err)
	}
	if !reflect.DeepEqual(got, e) {
		t.Errorf("wrote\n%+v, read\n%+v", e, got)
	}
}

// FuzzFile reads files that are not of the store. Those that are read all the
// same must be written again as they were.
func FuzzFile(f *testing.F) {
	e := newEntry(200, "Cache-Control: max-age=60")
	e.selection = selection{{"Accept", "=a"}}
	f.Add(e.fileHead())
	f.Add([]byte("socketlab cache 1 00000000 00000000 0000000000000000 00000000\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		e, offset, err := readHead(bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Errorf("readHead: %v", err)
			}
			return
		}
		if offset > int64(len(file)) || e.length < 0 || e.code < 200 {
			t.Errorf("readHead = %+v, %d", e, offset)
		}
	})
}

// FuzzInspect wants of every head that passes that net/http reads the same
// number of fields from it.
func FuzzInspect(f *testing.F) {
	for _, head := range []string{"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "a\r\nb: c\r\n d\r\n\r\n", "\r\n\r\n", "a\nb\n\n"} {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		n := endOfHead(head)
		if n > len(head) || n < 0 {
			t.Fatalf("endOfHead(%q) = %d", head, n)
		}
		if n == 0 {
			return
		}
		if _, err := inspect(head[:n]); err == nil && bytes.Contains(head[:n], []byte("\n ")) {
			t.Errorf("inspect(%q) lets a folded line pass", head[:n])
		}
	})
}
