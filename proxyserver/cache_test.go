package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCache has for each case what an origin says to the first request and what
// comes of the second.
func TestCache(t *testing.T) {
	fresh := say("Cache-Control: max-age=60", `ETag: "a"`, "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT")
	stale := say("Cache-Control: max-age=0", `ETag: "a"`)
	status := func(status, fields string) string {
		return "HTTP/1.1 " + status + "\r\nContent-Length: 4\r\n" + fields + "\r\nbody"
	}
	const notModified = "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=60\r\nX-New: 1\r\n\r\n"
	tests := []struct {
		about         string
		first, second string // what the origin says
		fields        []string
		want          string // Cache-Status of the second answer
		status        int
		body          string
	}{
		{"fresh", fresh, "", nil, "hit; ttl=60", 200, "body"},
		{"nothing said", say(), say(), nil, "fwd=miss", 200, "body"},
		{"no-store", say("Cache-Control: no-store, max-age=60"), say(), nil, "fwd=miss", 200, "body"},
		{"private", say("Cache-Control: private, max-age=60"), say(), nil, "fwd=miss", 200, "body"},
		{"private for a field", say(`Cache-Control: private="X-A", max-age=60`, "X-A: 1"), "", nil, "hit; ttl=60", 200, "body"},
		{"any status", status("299 Whatever", "Cache-Control: max-age=60\r\n"), "", nil, "hit; ttl=60", 299, "body"},
		{"an error", status("599 Whatever", "Cache-Control: max-age=60\r\n"), "", nil, "hit; ttl=60", 599, "body"},
		{"an impossible status", status("600 Whatever", "Cache-Control: max-age=60\r\n"), say(), nil, "fwd=miss", 200, "body"},
		{"no content", "HTTP/1.1 204 No Content\r\nCache-Control: max-age=60\r\n\r\n", "", nil, "hit; ttl=60", 204, ""},
		{"a part", status("206 Partial Content", "Cache-Control: max-age=60\r\nContent-Range: bytes 0-3/9\r\n"), say(), nil, "fwd=miss", 200, "body"},
		{"chunks", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", "", nil, "hit; ttl=60", 200, "body"},
		{"until close", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nbody" + hangUp, "", nil, "hit; ttl=60", 200, "body"},

		{"validated", stale, notModified, nil, "fwd=stale; fwd-status=304", 200, "body"},
		{"changed", stale, status("200 OK", "ETag: \"b\"\r\n"), nil, "fwd=stale; fwd-status=200; stored", 200, "body"},
		{"validated, asked for", fresh, notModified, []string{"Cache-Control: no-cache"}, "fwd=request; fwd-status=304", 200, "body"},
		{"validated, asked for by HTTP/1.0", fresh, notModified, []string{"Pragma: no-cache"}, "fwd=request; fwd-status=304", 200, "body"},
		{"max-age=0", fresh, notModified, []string{"Cache-Control: max-age=0"}, "fwd=request; fwd-status=304", 200, "body"},
		{"min-fresh", fresh, notModified, []string{"Cache-Control: min-fresh=100"}, "fwd=request; fwd-status=304", 200, "body"},
		{"max-stale", stale, "", []string{"Cache-Control: max-stale"}, "hit; ttl=0", 200, "body"},
		{"only-if-cached", fresh, "", []string{"Cache-Control: only-if-cached"}, "hit; ttl=60", 200, "body"},
		{"only-if-cached, not", stale, "", []string{"Cache-Control: only-if-cached"}, "", 504, "!"},
		{"a 304 about something else", stale, "HTTP/1.1 304 Not Modified\r\nETag: \"b\"\r\n\r\n", nil, "fwd=miss", 304, ""},

		{"the client has it", fresh, "", []string{`If-None-Match: "b", W/"a"`}, "hit; ttl=60", 304, ""},
		{"the client has something", fresh, "", []string{`If-None-Match: *`}, "hit; ttl=60", 304, ""},
		{"the client has another", fresh, "", []string{`If-None-Match: "b"`, "If-Modified-Since: Fri, 02 Jan 2026 00:00:00 GMT"}, "hit; ttl=60", 200, "body"},
		{"the client has it since", fresh, "", []string{"If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT"}, "hit; ttl=60", 304, ""},
		{"the client has an older one", fresh, "", []string{"If-Modified-Since: Wed, 31 Dec 2025 23:59:59 GMT"}, "hit; ttl=60", 200, "body"},
		{"the client has it, validated", stale, notModified, []string{`If-None-Match: "a"`}, "fwd=stale; fwd-status=304", 304, ""},
		{"for the origin to decide", fresh, say(), []string{`If-Match: "a"`}, "fwd=bypass", 200, "body"},

		{"a range", fresh, "", []string{"Range: bytes=1-2"}, "hit; ttl=60", 206, "od"},
		{"a range to the end", fresh, "", []string{"Range: bytes=1-"}, "hit; ttl=60", 206, "ody"},
		{"a range from the end", fresh, "", []string{"Range: bytes=-1"}, "hit; ttl=60", 206, "y"},
		{"a range too far", fresh, "", []string{"Range: bytes=4-"}, "hit; ttl=60", 416, ""},
		{"a range of what the client has", fresh, "", []string{"Range: bytes=1-2", `If-Range: "a"`}, "hit; ttl=60", 206, "od"},
		{"a range of another", fresh, "", []string{"Range: bytes=1-2", `If-Range: "b"`}, "hit; ttl=60", 200, "body"},
		{"a range, weakly", fresh, "", []string{"Range: bytes=1-2", `If-Range: W/"a"`}, "hit; ttl=60", 200, "body"},
		{"not a range", fresh, "", []string{"Range: lines=1-2"}, "hit; ttl=60", 200, "body"},
		{"a range, validated", stale, notModified, []string{"Range: bytes=1-2"}, "fwd=stale; fwd-status=304", 206, "od"},

		{"stale, and the origin fails", stale, hangUp, nil, "fwd=stale", 200, "body"},
		{"stale, and the origin answers with an error", stale, status("503 No", ""), nil, "fwd=stale; fwd-status=503", 503, "body"},
		{"stale-if-error", say("Cache-Control: max-age=0, stale-if-error=60"), status("503 No", ""), nil, "fwd=stale; fwd-status=503", 200, "body"},
		{"stale-if-error, and no answer", say("Cache-Control: max-age=0, stale-if-error=60"), hangUp, nil, "fwd=stale", 200, "body"},
		{"must-revalidate", say("Cache-Control: max-age=0, must-revalidate, stale-if-error=60", `ETag: "a"`), hangUp, nil, "", 504, "!"},
		{"proxy-revalidate", say("Cache-Control: max-age=0, proxy-revalidate, stale-if-error=60", `ETag: "a"`), hangUp, nil, "", 504, "!"},
		{"s-maxage", say("Cache-Control: s-maxage=0, stale-if-error=60", `ETag: "a"`), hangUp, nil, "", 504, "!"},
		{"no-cache", say("Cache-Control: no-cache, stale-if-error=60", `ETag: "a"`), hangUp, nil, "", 504, "!"},
		{"stale-while-revalidate", say("Cache-Control: max-age=0, stale-while-revalidate=60", `ETag: "a"`), notModified, nil, "hit; ttl=0", 200, "body"},
	}
	addr := startProxy(t, &proxy{}, t.TempDir())
	for _, test := range tests {
		var asked atomic.Int64
		o := startOrigin(t, func(string) string {
			if asked.Add(1) == 1 {
				return test.first
			}
			return test.second
		})
		get(t, addr, o.url("/"))
		a := get(t, addr, o.url("/"), test.fields...)
		if a.cache() != test.want || a.status != test.status || a.body != test.body && test.body != "!" || a.broken != nil {
			t.Errorf("%s: %d, %q, %s; want %d, %q, %s", test.about, a.status, a.body, a.cache(), test.status, test.body, test.want)
		}
		if a.header.Get("X-A") != "" {
			t.Errorf("%s: a private field has come back", test.about)
		}
		if test.second == notModified && strings.HasPrefix(test.want, "fwd") {
			if a.status == 200 && a.header.Get("X-New") != "1" {
				t.Errorf("%s: the fields of the 304 are missing: %v", test.about, a.header)
			}
			if a := get(t, addr, o.url("/")); a.cache() != "hit; ttl=60" || a.header.Get("X-New") != "1" || a.body != "body" {
				t.Errorf("%s, thereafter: %+v", test.about, a)
			}
		}
	}
}

// TestOtherNotModified has an origin say of one representation that it has not
// changed, when it was asked about another: it has to be asked again.
func TestOtherNotModified(t *testing.T) {
	o := startOrigin(t, func(request string) string {
		if strings.Contains(request, "If-None-Match") {
			return "HTTP/1.1 304 Not Modified\r\nETag: \"b\"\r\n\r\n"
		}
		return say("Cache-Control: max-age=60", `ETag: "a"`)
	})
	p := &proxy{}
	addr := startProxy(t, p, t.TempDir())
	get(t, addr, o.url("/"))
	stored := p.cache.find("http://" + o.listener.Addr().String() + "/")[0]
	stale := *stored.entry
	stale.requested, stale.received = stale.requested.Add(-time.Hour), stale.received.Add(-time.Hour)
	stale.header = stale.header.Clone()
	stale.header.Set("Date", stale.received.UTC().Format(http.TimeFormat))
	stale.prepare()
	if err := p.cache.put(&stale, stored.body); err != nil {
		t.Fatal(err)
	}
	if a := get(t, addr, o.url("/")); a.status != 200 || a.body != "body" || a.cache() != "fwd=miss; stored" || len(o.requests()) != 3 {
		t.Errorf("got %+v; the origin got %q", a, o.requests())
	}
}

// TestInvalidatedWhileValidated has a POST change what the server is just being
// asked about. What it says of the time before must not come back.
func TestInvalidatedWhileValidated(t *testing.T) {
	asked, changed := make(chan struct{}), make(chan struct{})
	var count atomic.Int64
	o := startOrigin(t, func(request string) string {
		switch {
		case strings.HasPrefix(request, "POST"):
			return say()
		case strings.Contains(request, "If-None-Match"):
			close(asked)
			<-changed
			return "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=60\r\n\r\n"
		case count.Add(1) == 1:
			return say("Cache-Control: max-age=0", `ETag: "a"`)
		}
		return "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew"
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	get(t, addr, o.url("/"))
	answered := make(chan answer)
	go func() { answered <- get(t, addr, o.url("/")) }()
	<-asked
	talk(t, addr, request("POST", o.url("/"), "Content-Length: 0"))
	close(changed)
	<-answered
	if a := get(t, addr, o.url("/")); a.body != "new" {
		t.Errorf("after the POST: %d, %q, %s", a.status, a.body, a.cache())
	}
}

// TestVaryUpdate has a 304 say that there are variants after all.
func TestVaryUpdate(t *testing.T) {
	for _, vary := range []string{"Foo", "*"} {
		var asked atomic.Int64
		o := startOrigin(t, func(string) string {
			switch asked.Add(1) {
			case 1:
				return say("Cache-Control: max-age=60", `ETag: "a"`)
			case 2:
				return "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=60\r\nVary: " + vary + "\r\n\r\n"
			}
			return "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\ntwo"
		})
		addr := startProxy(t, &proxy{}, t.TempDir())
		get(t, addr, o.url("/"), "Foo: 1")
		if a := get(t, addr, o.url("/"), "Foo: 1", "Cache-Control: no-cache"); a.body != "body" {
			t.Errorf("%s, validated: %+v", vary, a)
		}
		if a := get(t, addr, o.url("/"), "Foo: 2"); a.body != "two" {
			t.Errorf("%s, another variant: %+v", vary, a)
		}
	}
}

// TestPrivateUpdate has what is stored updated by answers that say what is not
// for all.
func TestPrivateUpdate(t *testing.T) {
	for _, test := range []struct{ method, control, field string }{
		{"GET", "max-age=60", "Authorization: Basic YTpi"},
		{"HEAD", "max-age=60", "Authorization: Basic YTpi"},
		{"GET", `max-age=60, private="X-Secret"`, "A: b"},
		{"GET", `max-age=60, no-cache="X-Secret"`, "A: b"},
		{"GET", "max-age=60, private", "A: b"},
		{"HEAD", `max-age=60, private="X-Secret"`, "A: b"},
		{"HEAD", "max-age=60, private", "A: b"},
		{"HEAD", "max-age=60, no-store", "A: b"},
	} {
		var asked atomic.Int64
		o := startOrigin(t, func(request string) string {
			secret := "ETag: \"a\"\r\nX-Secret: 1\r\nCache-Control: " + test.control + "\r\n\r\n"
			switch {
			case asked.Add(1) != 2:
				return say("Cache-Control: max-age=60", `ETag: "a"`)
			case test.method == "HEAD":
				return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + secret
			}
			return "HTTP/1.1 304 Not Modified\r\n" + secret
		})
		addr := startProxy(t, &proxy{}, t.TempDir())
		get(t, addr, o.url("/"))
		talk(t, addr, request(test.method, o.url("/"), "Cache-Control: no-cache", test.field))
		if a := get(t, addr, o.url("/")); a.body != "body" || a.header.Get("X-Secret") != "" || strings.Contains(a.header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s, %s: %+v", test.method, test.control, a)
		}
	}
}

// TestInvalidatedWhileFetched has a POST change what the server is just being
// asked for.
func TestInvalidatedWhileFetched(t *testing.T) {
	asked, changed := make(chan struct{}), make(chan struct{})
	var count atomic.Int64
	o := startOrigin(t, func(request string) string {
		if !strings.HasPrefix(request, "POST") && count.Add(1) == 1 {
			close(asked)
			<-changed
			return "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nold"
		}
		return say("Cache-Control: max-age=60")
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	answered := make(chan answer)
	go func() { answered <- get(t, addr, o.url("/")) }()
	<-asked
	talk(t, addr, request("POST", o.url("/"), "Content-Length: 0"))
	close(changed)
	<-answered
	if a := get(t, addr, o.url("/")); a.body != "body" {
		t.Errorf("after the POST: %d, %q, %s", a.status, a.body, a.cache())
	}
}

// TestReplacedWhileValidated has a response replaced by a shorter one while its
// server is asked whether it is still good, and says so.
func TestReplacedWhileValidated(t *testing.T) {
	long := say("Cache-Control: max-age=0", `ETag: "a"`)
	long = strings.Replace(long, "Content-Length: 4\r\n", fmt.Sprintf("Content-Length: %d\r\n", hotBody+4), 1)
	long += strings.Repeat("x", hotBody)
	asked, replaced := make(chan struct{}), make(chan struct{})
	var count atomic.Int64
	o := startOrigin(t, func(request string) string {
		switch n := count.Add(1); {
		case n == 1:
			return long
		case n == 2:
			close(asked)
			<-replaced
			return "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"
		}
		return say("Cache-Control: max-age=60", `ETag: "b"`)
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	if a := get(t, addr, o.url("/")); len(a.body) != hotBody+4 || a.broken != nil {
		t.Fatalf("%d, %d bytes, %v", a.status, len(a.body), a.broken)
	}
	answered := make(chan answer)
	go func() { answered <- get(t, addr, o.url("/")) }()
	<-asked
	if a := get(t, addr, o.url("/"), "Cache-Control: no-cache"); a.body != "body" {
		t.Errorf("meanwhile: %d, %.20q", a.status, a.body)
	}
	close(replaced)
	if a := <-answered; a.status != 200 || a.body != "body" || a.broken != nil {
		t.Errorf("%d, %.20q, %v; want 200 and the body that came last", a.status, a.body, a.broken)
	}
}

// TestCacheKey has requests that are for the same thing, and that are not.
func TestCacheKey(t *testing.T) {
	o := startOrigin(t, func(string) string { return say("Cache-Control: max-age=60", "Vary: Accept-Language, X-V") })
	addr := startProxy(t, &proxy{}, t.TempDir())
	base := o.url("/")
	get(t, addr, base+"a?b=c", "Accept-Language: en, de", "X-V: 1")
	tests := []struct {
		hit    bool
		url    string
		fields []string
	}{
		{true, "a?b=c", []string{"Accept-Language: en, de", "X-V: 1"}},
		{true, "a?b=c", []string{"accept-language:  EN ,De", "x-v:1", "Cookie: a"}},
		{true, "a?b=c", []string{"Accept-Language: en", "Accept-Language: de", "X-V: 1"}},
		{false, "a?b=c", []string{"Accept-Language: en, de", "X-V: 2"}},
		{false, "a?b=c", []string{"Accept-Language: en, de"}},
		{false, "a?b=c", []string{"Accept-Language: en, de", "X-V:"}},
		{false, "a?b=C", []string{"Accept-Language: en, de", "X-V: 1"}},
		{false, "a", []string{"Accept-Language: en, de", "X-V: 1"}},
		{false, "A?b=c", []string{"Accept-Language: en, de", "X-V: 1"}},
		{false, "%61?b=c", []string{"Accept-Language: en, de", "X-V: 1"}},
		{false, "../../../../etc/passwd", nil},
	}
	for _, test := range tests {
		if a := get(t, addr, base+test.url, test.fields...); strings.HasPrefix(a.cache(), "hit") != test.hit {
			t.Errorf("GET %s with %q: %s, want a hit: %v", test.url, test.fields, a.cache(), test.hit)
		}
	}
	if a := get(t, addr, strings.Replace(base, "http://", "HTTP://", 1)+"a?b=c", "Accept-Language: en, de", "X-V: 1"); !strings.HasPrefix(a.cache(), "hit") {
		t.Errorf("the scheme in capitals: %s", a.cache())
	}
}

func TestInvalidation(t *testing.T) {
	for _, test := range []struct {
		about, method, said string
		gone                bool
	}{
		{"POST", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"a redirect", "POST", "HTTP/1.1 303 See Other\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", true},
		{"a failure", "POST", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", false},
		{"PUT", "PUT", "HTTP/1.1 204 No Content\r\n\r\n", true},
		{"a method of nobody", "BREW", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"OPTIONS", "OPTIONS", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
	} {
		o := startOrigin(t, func(request string) string {
			if strings.HasPrefix(request, "GET") {
				return say("Cache-Control: max-age=60")
			}
			return test.said
		})
		addr := startProxy(t, &proxy{allMethods: true}, t.TempDir())
		get(t, addr, o.url("/"))
		get(t, addr, o.url("/other"))
		talk(t, addr, request(test.method, o.url("/")))
		if a := get(t, addr, o.url("/")); strings.HasPrefix(a.cache(), "hit") == test.gone {
			t.Errorf("%s: %s", test.about, a.cache())
		}
		redirected := strings.Contains(test.said, "/other")
		if a := get(t, addr, o.url("/other")); strings.HasPrefix(a.cache(), "hit") == redirected {
			t.Errorf("%s, the Location: %s", test.about, a.cache())
		}
	}
}

// TestInvalidationElsewhere has an answer name what is not its own.
func TestInvalidationElsewhere(t *testing.T) {
	victim := startOrigin(t, func(string) string { return say("Cache-Control: max-age=60") })
	attacker := startOrigin(t, func(string) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLocation: " + victim.url("/") + "\r\nContent-Location: " + victim.url("/") + "\r\n\r\n"
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	get(t, addr, victim.url("/"))
	talk(t, addr, request("POST", attacker.url("/")))
	if a := get(t, addr, victim.url("/")); !strings.HasPrefix(a.cache(), "hit") {
		t.Errorf("one origin has removed what is of another: %s", a.cache())
	}
}

func TestHead(t *testing.T) {
	said := say("Cache-Control: max-age=60", `ETag: "a"`, "X: 1")
	o := startOrigin(t, func(request string) string {
		if strings.HasPrefix(request, "HEAD") {
			return strings.TrimSuffix(said, "body")
		}
		return said
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	head := func(fields ...string) answer { return talk(t, addr, request("HEAD", o.url("/"), fields...))[0] }
	if a := head(); a.cache() != "fwd=miss" || a.header.Get("Content-Length") != "4" {
		t.Errorf("HEAD of what is not stored: %+v", a)
	}
	if a := head(); a.cache() != "fwd=miss" {
		t.Errorf("the answer to HEAD was stored: %+v", a)
	}
	get(t, addr, o.url("/"))
	if a := head(); !strings.HasPrefix(a.cache(), "hit") || a.header.Get("Content-Length") != "4" || a.body != "" {
		t.Errorf("HEAD of what is stored: %+v", a)
	}
	said = say("Cache-Control: max-age=60", `ETag: "a"`, "X: 2")
	head("Cache-Control: no-cache")
	if a := get(t, addr, o.url("/")); !strings.HasPrefix(a.cache(), "hit") || a.header.Get("X") != "2" || a.body != "body" {
		t.Errorf("after HEAD has updated it: %+v", a)
	}
	said = say("Cache-Control: max-age=60", `ETag: "b"`, "X: 3")
	head("Cache-Control: no-cache")
	if a := get(t, addr, o.url("/")); a.cache() != "fwd=miss; stored" || a.header.Get("X") != "3" {
		t.Errorf("after HEAD has shown that it has changed: %+v", a)
	}
}

func TestAuthorization(t *testing.T) {
	for _, test := range []struct {
		control string
		hit     bool
	}{
		{"max-age=60", false}, {"max-age=60, public", true}, {"max-age=60, must-revalidate", true}, {"s-maxage=60", true},
		{"max-age=60, proxy-revalidate", false},
	} {
		o := startOrigin(t, func(string) string { return say("Cache-Control: " + test.control) })
		addr := startProxy(t, &proxy{}, t.TempDir())
		get(t, addr, o.url("/"), "Authorization: Basic YTpi")
		if a := get(t, addr, o.url("/")); strings.HasPrefix(a.cache(), "hit") != test.hit {
			t.Errorf("%s: %s", test.control, a.cache())
		}
	}
}

func TestMultipart(t *testing.T) {
	body := strings.Repeat("0123456789", 100_000) // more than is kept in memory
	o := startOrigin(t, func(string) string {
		return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=60\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	get(t, addr, o.url("/"))
	a := get(t, addr, o.url("/"), "Range: bytes=0-2,500000-500003,-1")
	_, boundary, _ := strings.Cut(a.header.Get("Content-Type"), "multipart/byteranges; boundary=")
	part := func(which, what string) string {
		return "\r\n--" + boundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes " + which + "/1000000\r\n\r\n" + what
	}
	if want := part("0-2", "012") + part("500000-500003", "0123") + part("999999-999999", "9") + "\r\n--" + boundary + "--\r\n"; a.status != 206 || a.body != want {
		t.Errorf("got %d, %q, want %q", a.status, a.body, want)
	}
}

// TestCollapse has many clients ask for the same thing at the same time.
func TestCollapse(t *testing.T) {
	const clients = 100
	for _, size := range []int{4, 3 * inMemory} {
		body := strings.Repeat("x", size)
		asked := make(chan string, clients)
		goOn := make(chan bool)
		o := startOrigin(t, func(request string) string {
			asked <- request
			<-goOn
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n%s", size, body)
		})
		p := &proxy{}
		addr := startProxy(t, p, t.TempDir())
		var all sync.WaitGroup
		sent := make(chan bool, clients)
		for range clients {
			all.Go(func() {
				conn := dial(t, addr)
				defer conn.Close()
				io.WriteString(conn, request("GET", o.url("/")))
				sent <- true
				if a, err := readAnswer(bufio.NewReader(conn), "GET"); err != nil || a.body != body {
					t.Errorf("got %d bytes, %v, %v; want %d", len(a.body), a.broken, err, size)
				}
			})
		}
		for range clients {
			<-sent
		}
		<-asked
		close(goOn)
		all.Wait()
		if n := len(asked); n > 0 {
			t.Errorf("%d bytes: the origin was asked %d times more", size, n)
		}
	}
}

// TestCollapseNot has an answer that is for one client only: the others ask for
// themselves, all at once.
func TestCollapseNot(t *testing.T) {
	const clients = 20
	var asked atomic.Int64
	everybody := make(chan bool)
	first := make(chan bool)
	o := startOrigin(t, func(string) string {
		switch asked.Add(1) {
		case 1:
			<-first
		case clients:
			close(everybody)
			fallthrough
		default:
			<-everybody
		}
		return say("Cache-Control: private, max-age=60")
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			if a := get(t, addr, o.url("/")); a.body != "body" || a.cache() != "fwd=miss" {
				t.Errorf("got %+v", a)
			}
		})
	}
	close(first)
	all.Wait()
}

// TestCollapseFailure has an origin that is silent: it is silent for all at once.
func TestCollapseFailure(t *testing.T) {
	const clients = 40
	asked := make(chan string, clients)
	over := make(chan bool)
	o := startOrigin(t, func(request string) string {
		asked <- request
		<-over
		return ""
	})
	t.Cleanup(func() { close(over) })
	addr := startProxy(t, &proxy{timeout: time.Second}, t.TempDir())
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			if a := get(t, addr, o.url("/")); a.status != http.StatusGatewayTimeout {
				t.Errorf("got %+v, want status 504", a)
			}
		})
	}
	all.Wait()
	if n := len(asked); n > clients/2 {
		t.Errorf("the origin was asked %d times", n)
	}
}

// TestEndlessBody has a body of unknown length that is larger than the cache: it
// must not push out what is there.
func TestEndlessBody(t *testing.T) {
	o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\n")
		if request.URL.Path == "/large" {
			conn.Write(make([]byte, 3<<20))
		}
		io.WriteString(conn, "body")
	})
	addr, stop := startStoppable(t, &proxy{}, t.TempDir(), 1<<20)
	t.Cleanup(stop)
	get(t, addr, o.url("/small"))
	if a := get(t, addr, o.url("/large")); len(a.body) != 3<<20+len("body") {
		t.Errorf("the large body came as %d bytes", len(a.body))
	}
	if a := get(t, addr, o.url("/small")); !strings.HasPrefix(a.cache(), "hit") {
		t.Errorf("after a body larger than the cache, a small one is %q", a.cache())
	}
}

// TestSlowLeader has the client that asked first not read: the others must not
// wait for it.
func TestSlowLeader(t *testing.T) {
	const size = 32 << 20
	var asked atomic.Int64
	o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
		for in := bufio.NewReader(conn); ; {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			asked.Add(1)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n", size)
			conn.Write(make([]byte, size))
		}
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	leader := dial(t, addr)
	io.WriteString(leader, request("GET", o.url("/")))
	leaderIn := bufio.NewReader(leader)
	leaderIn.Peek(1) // its answer has begun, and that is all it reads for now
	if a := get(t, addr, o.url("/")); len(a.body) != size || a.broken != nil || asked.Load() != 1 {
		t.Errorf("the second client got %d bytes, %v; the origin was asked %d times", len(a.body), a.broken, asked.Load())
	}
	if a, err := readAnswer(leaderIn, "GET"); err != nil || len(a.body) != size || a.broken != nil {
		t.Errorf("the first client got %d bytes, %v, %v", len(a.body), a.broken, err)
	}
}

// TestLeaderLeaves has the client that asked first hang up: the others still get
// what they asked for.
func TestLeaderLeaves(t *testing.T) {
	const half = 1 << 20
	goOn := make(chan bool)
	var asked atomic.Int64
	o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		asked.Add(1)
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n", 2*half)
		conn.Write(make([]byte, half))
		<-goOn
		conn.Write(make([]byte, half))
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	leader, second := dial(t, addr), dial(t, addr)
	io.WriteString(leader, request("GET", o.url("/")))
	bufio.NewReader(leader).Peek(1)
	io.WriteString(second, request("GET", o.url("/")))
	secondIn := bufio.NewReader(second)
	secondIn.Peek(1)
	leader.Close()
	close(goOn)
	if a, err := readAnswer(secondIn, "GET"); err != nil || len(a.body) != 2*half || a.broken != nil || asked.Load() != 1 {
		t.Errorf("the second client got %d bytes, %v, %v; the origin was asked %d times", len(a.body), a.broken, err, asked.Load())
	}
}

// TestRevalidateInBackground has stale-while-revalidate, and an origin that
// takes its time.
func TestRevalidateInBackground(t *testing.T) {
	var asked atomic.Int64
	goOn := make(chan bool)
	o := startOrigin(t, func(string) string {
		if asked.Add(1) == 1 {
			return say("Cache-Control: max-age=0, stale-while-revalidate=60")
		}
		<-goOn
		return "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew"
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	get(t, addr, o.url("/"))
	for range 5 {
		if a := get(t, addr, o.url("/")); a.body != "body" || !strings.HasPrefix(a.cache(), "hit") {
			t.Errorf("got %+v", a)
		}
	}
	close(goOn)
	for range 1000 {
		if a := get(t, addr, o.url("/")); a.body == "new" {
			if n := asked.Load(); n != 2 {
				t.Errorf("the origin was asked %d times, want 2", n)
			}
			return
		}
	}
	t.Error("the new answer never came")
}

// TestSlowInBackground has a body come slowly in the background. Nobody waits
// for its end who may not have it.
func TestSlowInBackground(t *testing.T) {
	var asked atomic.Int64
	begun, goOn := make(chan bool), make(chan bool)
	o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			if _, err := readRequest(in, conn); err != nil {
				return
			}
			switch asked.Add(1) {
			case 1:
				io.WriteString(conn, say("Cache-Control: max-age=0, stale-while-revalidate=60"))
			case 2:
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 8\r\n\r\nslow")
				close(begun)
				<-goOn
				io.WriteString(conn, "slow")
			default:
				io.WriteString(conn, say("Cache-Control: max-age=60"))
			}
		}
	})
	addr := startProxy(t, &proxy{timeout: 2 * time.Second}, t.TempDir())
	get(t, addr, o.url("/"))
	get(t, addr, o.url("/")) // which sends for the new one
	<-begun
	start := time.Now()
	if a := get(t, addr, o.url("/"), "Cache-Control: max-age=0"); a.body != "body" || time.Since(start) > time.Second {
		t.Errorf("got %q, %s after %v", a.body, a.cache(), time.Since(start))
	}
	close(goOn)
}

// TestRestart has what is stored found again, and in the right order thrown out.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	body := strings.Repeat("x", 90<<10)
	o := startOrigin(t, func(string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	})
	const limit = 400 << 10 // four of them
	run := func(work func(addr string)) {
		addr, stop := startStoppable(t, &proxy{}, dir, limit)
		work(addr)
		stop()
		var size int64
		files, _ := os.ReadDir(dir)
		for _, file := range files {
			if info, err := file.Info(); err == nil {
				size += info.Size()
			}
			if strings.HasPrefix(file.Name(), "partial") {
				t.Errorf("%s is left", file.Name())
			}
		}
		if size > limit {
			t.Errorf("the cache has %d bytes, its limit is %d", size, limit)
		}
	}
	hit := func(addr, path string) bool {
		a := get(t, addr, o.url(path))
		if a.body != body {
			t.Fatalf("%s: %d bytes, %v", path, len(a.body), a.broken)
		}
		return strings.HasPrefix(a.cache(), "hit")
	}
	run(func(addr string) {
		for i := range 5 {
			hit(addr, fmt.Sprint("/", i))
		}
	})
	// The first is gone. The second is about to be, and is used just in time.
	files, _ := filepath.Glob(filepath.Join(dir, "*-*"))
	for _, file := range files { // all as old as an hour, in the order of their making
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		os.Chtimes(file, info.ModTime().Add(-time.Hour), info.ModTime().Add(-time.Hour))
	}
	run(func(addr string) {
		if !hit(addr, "/1") {
			t.Error("the second was forgotten at the restart")
		}
	})
	run(func(addr string) {
		hit(addr, "/5")
		for path, want := range map[string]bool{"/1": true, "/3": true, "/4": true, "/5": true} {
			if hit(addr, path) != want {
				t.Errorf("%s is not there", path)
			}
		}
		if hit(addr, "/2") {
			t.Error("/2 is there, and was used least")
		}
	})
}

// TestDamage changes each byte of a stored file, cuts it short and makes it
// longer: what comes then must be a miss, and never a wrong answer.
func TestDamage(t *testing.T) {
	for _, size := range []int{10, hotBody + 10} {
		dir := t.TempDir()
		body := strings.Repeat("body", size/4+1)[:size]
		o := startOrigin(t, func(string) string {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nX: y\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		})
		addr, stop := startStoppable(t, &proxy{}, dir, 10<<20)
		get(t, addr, o.url("/"))
		stop()
		files, _ := filepath.Glob(filepath.Join(dir, "*-*"))
		if len(files) != 1 {
			t.Fatalf("%d files are stored", len(files))
		}
		whole, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		damaged := [][]byte{nil, whole[:1], whole[:firstLineLength], whole[:len(whole)/2], whole[:len(whole)-1], append(bytes.Clone(whole), 'x')}
		step := max(1, len(whole)/100)
		for at := 0; at < len(whole); at += step {
			other := bytes.Clone(whole)
			other[at] ^= 1
			damaged = append(damaged, other)
		}
		s, err := openStore(dir, 10<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		url := "http://" + o.listener.Addr().String() + "/"
		for _, content := range append(damaged, whole) {
			if err := os.WriteFile(files[0], content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.scan(); err != nil {
				t.Fatal(err)
			}
			found := s.find(url)
			good := len(found) == 1
			if good && found[0].body == nil {
				file, err := s.open(found[0])
				if good = err == nil; good {
					file.Close()
				}
			}
			if want := bytes.Equal(content, whole); good != want {
				t.Fatalf("a file of %d bytes (%d when whole), differing at %d: found %v", len(content), len(whole), differs(content, whole), good)
			}
			s.invalidate(url)
		}
	}
}

func differs(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// TestDamageWhileRunning damages a file that was found whole before.
func TestDamageWhileRunning(t *testing.T) {
	dir := t.TempDir()
	body := strings.Repeat("x", hotBody+1)
	o := startOrigin(t, func(string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	})
	addr := startProxy(t, &proxy{}, dir)
	get(t, addr, o.url("/"))
	if a := get(t, addr, o.url("/")); !strings.HasPrefix(a.cache(), "hit") {
		t.Fatal(a.cache())
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*-*"))
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-100] ^= 1
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := get(t, addr, o.url("/")); a.body != body || a.cache() != "fwd=miss; stored" {
		t.Errorf("the answer is %s, and right: %v", a.cache(), a.body == body)
	}
	os.Remove(files[0])
	if a := get(t, addr, o.url("/")); a.body != body || a.cache() != "fwd=miss; stored" {
		t.Errorf("with the file gone, the answer is %s, and right: %v", a.cache(), a.body == body)
	}
}

// TestTooLarge has bodies that the cache has no room for.
func TestTooLarge(t *testing.T) {
	body := strings.Repeat("0123456789", 100_000)
	for _, length := range []string{"Content-Length: 1000000\r\n", ""} {
		o := startOrigin(t, func(string) string {
			return "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n" + length + "\r\n" + body + hangUp
		})
		addr, stop := startStoppable(t, &proxy{}, t.TempDir(), 512<<10)
		for range 2 {
			if a := get(t, addr, o.url("/")); a.body != body || a.broken != nil || strings.HasPrefix(a.cache(), "hit") {
				t.Errorf("%q: %d bytes, %v, %s", length, len(a.body), a.broken, a.cache())
			}
		}
		stop()
	}
}

// TestStoreFails takes the directory away, as a disk that is full would.
func TestStoreFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	for _, size := range []int{4, 3 * inMemory} {
		body := strings.Repeat("x", size)
		o := startOrigin(t, func(string) string {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n%s", size, body)
		})
		addr, stop := startStoppable(t, &proxy{}, dir, 10<<20)
		if err := os.RemoveAll(dir); err != nil {
			t.Skip(err)
		}
		for range 2 {
			if a := get(t, addr, o.url("/")); a.body != body || a.broken != nil || strings.HasPrefix(a.cache(), "hit") || size == 4 && a.cache() != "fwd=miss" {
				t.Errorf("%d bytes: got %d, %v, %s", size, len(a.body), a.broken, a.cache())
			}
		}
		stop()
	}
}
