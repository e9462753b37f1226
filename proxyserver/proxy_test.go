package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// startProxy runs p on a free port until the test is over.
func startProxy(tb testing.TB, p *proxy, dir string) (addr string) {
	tb.Helper()
	addr, stop := startStoppable(tb, p, dir, 64<<20)
	tb.Cleanup(stop)
	return addr
}

// startStoppable runs p on a free port until stop is called, which waits for its
// end.
func startStoppable(tb testing.TB, p *proxy, dir string, size int64) (addr string, stop func()) {
	tb.Helper()
	if p.timeout == 0 {
		p.timeout = 10 * time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, stdout := io.Pipe()
	ended := make(chan struct{})
	go func() {
		err := p.run(ctx, "127.0.0.1:0", dir, size, stdout)
		stdout.CloseWithError(err)
		close(ended)
	}()
	if _, err := fmt.Fscanf(ready, "The server is ready to receive on %s\n", &addr); err != nil {
		cancel()
		tb.Fatal(err)
	}
	return addr, func() { cancel(); <-ended }
}

// hangUp, at the end of what an origin says, has it close the connection, and
// reset has it break it.
const (
	hangUp = "\x00hang up"
	reset  = "\x00reset"
)

// An origin is a server that says exactly what a test has it say.
type origin struct {
	listener net.Listener
	clients  sync.WaitGroup

	mu          sync.Mutex
	seen        []string // requests, with their bodies
	connections []net.Conn
}

// startOrigin starts an origin that answers each request with what answer
// returns for it.
func startOrigin(tb testing.TB, answer func(request string) string) *origin {
	tb.Helper()
	return startRawOrigin(tb, func(o *origin, conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			request, err := readRequest(in, conn)
			if err != nil {
				return
			}
			o.mu.Lock()
			o.seen = append(o.seen, request)
			o.mu.Unlock()
			said := answer(request)
			said, hang := strings.CutSuffix(said, hangUp)
			said, rst := strings.CutSuffix(said, reset)
			if _, err := io.WriteString(conn, said); err != nil || hang {
				return
			}
			if rst {
				conn.(*net.TCPConn).SetLinger(0)
				return
			}
		}
	})
}

// startRawOrigin starts an origin that serves each connection as told.
func startRawOrigin(tb testing.TB, serve func(o *origin, conn net.Conn)) *origin {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	o := &origin{listener: listener}
	tb.Cleanup(o.stop)
	o.clients.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.connections = append(o.connections, conn)
			o.mu.Unlock()
			o.clients.Go(func() {
				defer conn.Close()
				serve(o, conn)
			})
		}
	})
	return o
}

// stop ends the origin, which is a dead host thereafter.
func (o *origin) stop() {
	o.listener.Close()
	o.mu.Lock()
	for _, conn := range o.connections {
		conn.Close()
	}
	o.mu.Unlock()
	o.clients.Wait()
}

func (o *origin) url(path string) string { return "http://" + o.listener.Addr().String() + path }

func (o *origin) requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.seen...)
}

func (o *origin) connected() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.connections)
}

// readRequest reads a request as it came, but a chunked body without its chunks.
func readRequest(in *bufio.Reader, conn net.Conn) (string, error) {
	var request strings.Builder
	length, chunked := 0, false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		request.WriteString(line)
		if line == "\r\n" {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case strings.EqualFold(name, "Content-Length"):
			length, _ = strconv.Atoi(value)
		case strings.EqualFold(name, "Transfer-Encoding"):
			chunked = true
		case strings.EqualFold(name, "Expect"):
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}
	}
	if chunked {
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return "", err
			}
			size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
			if err != nil {
				return "", err
			}
			chunk := make([]byte, size+2)
			if _, err := io.ReadFull(in, chunk); err != nil {
				return "", err
			}
			request.Write(chunk[:size])
			if size == 0 {
				return request.String(), nil
			}
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(in, body)
	request.Write(body)
	return request.String(), err
}

func dial(tb testing.TB, addr string) *net.TCPConn {
	tb.Helper()
	client, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(20 * time.Second))
	return client.(*net.TCPConn)
}

// An answer is a response as a client gets it.
type answer struct {
	status  int
	header  http.Header
	body    string
	broken  error // what kept the body from being whole
	interim []int
}

// cache returns what the Cache-Status says. A second may have passed since the
// response was stored.
func (a answer) cache() string {
	status := strings.TrimPrefix(a.header.Get("Cache-Status"), "socketlab; ")
	return strings.NewReplacer("ttl=59", "ttl=60", "ttl=-1", "ttl=0").Replace(status)
}

// talk sends requests over one connection, one by one, and returns the answers.
func talk(tb testing.TB, addr string, requests ...string) []answer {
	tb.Helper()
	conn := dial(tb, addr)
	defer conn.Close()
	in := bufio.NewReader(conn)
	var answers []answer
	for _, request := range requests {
		if _, err := io.WriteString(conn, request); err != nil {
			tb.Fatalf("sending %.100q: %v", request, err)
		}
		method, _, _ := strings.Cut(request, " ")
		a, err := readAnswer(in, method)
		if err != nil {
			tb.Fatalf("the answer to %.100q: %v", request, err)
		}
		answers = append(answers, a)
	}
	return answers
}

func readAnswer(in *bufio.Reader, method string) (a answer, err error) {
	for {
		response, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return a, err
		}
		if response.StatusCode < 200 {
			a.interim = append(a.interim, response.StatusCode)
			continue
		}
		body, err := io.ReadAll(response.Body)
		a.status, a.header, a.body, a.broken = response.StatusCode, response.Header, string(body), err
		return a, nil
	}
}

// get asks for url over a connection of its own, with more fields if given.
func get(tb testing.TB, addr, url string, fields ...string) answer {
	tb.Helper()
	return talk(tb, addr, request("GET", url, fields...))[0]
}

func request(method, url string, fields ...string) string {
	r := method + " " + url + " HTTP/1.1\r\nHost: ignored\r\n"
	for _, field := range fields {
		r += field + "\r\n"
	}
	return r + "\r\n"
}

func say(fields ...string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\nbody"
}

func TestRequestThatGoesOn(t *testing.T) {
	o := startOrigin(t, func(string) string { return say("Server: test") })
	p := &proxy{allMethods: true}
	addr := startProxy(t, p, t.TempDir())
	host := o.listener.Addr().String()
	tests := []struct{ about, request, want string }{
		{"fields", request("GET", o.url("/a?b=c"), "Accept: x", "Cookie: a", "Cookie: b"),
			"GET /a?b=c HTTP/1.1\r\nHost: " + host + "\r\nAccept: x\r\nCookie: a\r\nCookie: b\r\nVia: 1.1 ME\r\n\r\n"},
		{"the path as it was written", request("GET", "HTTP://"+strings.ToUpper(host)+"/%7Ea/../%2f//?x=%20"),
			"GET /%7Ea/../%2f//?x=%20 HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.1 ME\r\n\r\n"},
		{"no path", request("GET", o.url("")), "GET / HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.1 ME\r\n\r\n"},
		{"no path, a query", request("GET", o.url("?q")), "GET /?q HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.1 ME\r\n\r\n"},
		{"hop by hop", request("GET", o.url("/"), "Connection: close, X-Mine", "X-Mine: 1", "Keep-Alive: 5", "Proxy-Connection: keep-alive",
			"TE: trailers", "Upgrade: h2c", "Proxy-Authorization: Basic x", "Via: 1.0 other"),
			"GET / HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.0 other\r\nVia: 1.1 ME\r\n\r\n"},
		{"HTTP/1.0", "GET " + o.url("/") + " HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.0 ME\r\n\r\n"},
		{"POST", request("POST", o.url("/"), "Content-Length: 3") + "abc",
			"POST / HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.1 ME\r\nContent-Length: 3\r\n\r\nabc"},
		{"POST of nothing", request("POST", o.url("/")), "POST / HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.1 ME\r\nContent-Length: 0\r\n\r\n"},
		{"POST in chunks with trailers", request("POST", o.url("/"), "Transfer-Encoding: chunked", "Trailer: X") + "1;x=y\r\na\r\n2\r\nbc\r\n0\r\nX: 1\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.1 ME\r\nTransfer-Encoding: chunked\r\n\r\nabc"},
		{"OPTIONS of the server", request("OPTIONS", o.url("")), "OPTIONS * HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.1 ME\r\n\r\n"},
		{"Pragma", request("GET", o.url("/"), "Pragma: no-cache"), "GET / HTTP/1.1\r\nHost: " + host + "\r\nPragma: no-cache\r\nVia: 1.1 ME\r\n\r\n"},
		{"an empty line before", "\r\n" + request("GET", o.url("/")), "GET / HTTP/1.1\r\nHost: " + host + "\r\nVia: 1.1 ME\r\n\r\n"},
	}
	for _, test := range tests {
		before := len(o.requests())
		a := talk(t, addr, test.request)[0]
		seen := o.requests()[before:]
		if len(seen) != 1 || a.status != 200 || a.body != "body" && !strings.HasPrefix(test.request, "HEAD") {
			t.Errorf("%s: the origin got %q, the client %+v", test.about, seen, a)
			continue
		}
		if got := strings.ReplaceAll(seen[0], p.name, "ME"); got != test.want {
			t.Errorf("%s: sent %q, the origin got\n%q, want\n%q", test.about, test.request, got, test.want)
		}
	}
}

// TestRequestRefused has what must not go on: the origin sees nothing of it.
func TestRequestRefused(t *testing.T) {
	o := startOrigin(t, func(string) string { return say() })
	p := &proxy{}
	addr := startProxy(t, p, t.TempDir())
	u := o.url("/")
	tests := []struct {
		about, request string
		want           int
	}{
		{"not HTTP", "hello\r\n\r\n", 400},
		{"not HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400},
		{"for a web server", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"for https", request("GET", "https://127.0.0.1/"), 400},
		{"ftp", request("GET", "ftp://127.0.0.1/"), 400},
		{"no host", request("GET", "http:///x"), 400},
		{"port 0", request("GET", "http://127.0.0.1:0/"), 400},
		{"port 00", request("GET", "http://127.0.0.1:00/"), 400},
		{"port 65536", request("GET", "http://127.0.0.1:65536/"), 400},
		{"a port that is no number", request("GET", "http://127.0.0.1:http/"), 400},
		{"a user", request("GET", strings.Replace(u, "http://", "http://anna:secret@", 1)), 400},
		{"a fragment", request("GET", u+"#top"), 400},
		{"a space in the address", request("GET", u+"a b"), 400},
		{"another method", request("DELETE", u), 501},
		{"a method of nobody", request("BREW", u), 501},
		{"CONNECT", request("CONNECT", "127.0.0.1:443"), 501},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"HTTP/3", "GET " + u + " HTTP/3.0\r\nHost: x\r\n\r\n", 505},
		{"no Host", "GET " + u + " HTTP/1.1\r\n\r\n", 400},
		{"two Hosts", request("GET", u, "Host: b"), 400},
		{"a space before the colon", request("GET", u, "X : 1"), 400},
		{"a folded line", request("GET", u, "X: 1", " 2"), 400},
		{"a field without a colon", request("GET", u, "X"), 400},
		{"a field without a name", request("GET", u, ": 1"), 400},
		{"a lone line feed", "GET " + u + " HTTP/1.1\nHost: x\r\n\r\n", 400},
		{"a lone carriage return", request("GET", u, "X: 1\rY: 2"), 400},
		{"a NUL", request("GET", u, "X: 1\x002"), 400},
		{"a length and chunks", request("POST", u, "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400},
		{"chunks and a length", request("POST", u, "Transfer-Encoding: chunked", "Content-Length: 4") + "0\r\n\r\n", 400},
		{"two lengths", request("POST", u, "Content-Length: 4", "Content-Length: 5") + "body!", 400},
		{"a length twice", request("POST", u, "Content-Length: 4", "Content-Length: 4") + "body", 400},
		{"a list of lengths", request("POST", u, "Content-Length: 4, 4") + "body", 400},
		{"a negative length", request("POST", u, "Content-Length: -1") + "body", 400},
		{"a length with a plus", request("POST", u, "Content-Length: +4") + "body", 400},
		{"a length in hex", request("POST", u, "Content-Length: 0x4") + "body", 400},
		{"too long a length", request("POST", u, "Content-Length: 99999999999999999999") + "body", 400},
		{"chunked twice", request("POST", u, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400},
		{"another coding", request("POST", u, "Transfer-Encoding: gzip, chunked") + "0\r\n\r\n", 501},
		{"a coding in disguise", request("POST", u, "Transfer-Encoding: xchunked") + "0\r\n\r\n", 501},
		{"a coding with a tab", request("POST", u, "Transfer-Encoding:\tchunked\x0b") + "0\r\n\r\n", 400},
		{"chunks in HTTP/1.0", "POST " + u + " HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"a long head", request("GET", u, "X: "+strings.Repeat("x", headSize)), 431},
		{"a long address", request("GET", u+strings.Repeat("x", headSize)), 431},
		{"many fields", request("GET", u, strings.Repeat("X: y\r\n", headSize/6)+"Z: z"), 431},
	}
	for _, test := range tests {
		a := talk(t, addr, test.request)[0]
		if a.status != test.want || a.broken != nil {
			t.Errorf("%s: sent %.100q, got %d, %v; want %d", test.about, test.request, a.status, a.broken, test.want)
		}
		if a.header.Get("Proxy-Status") == "" || !strings.Contains(a.body, strconv.Itoa(test.want)) || !strings.Contains(a.body, "from the proxy") {
			t.Errorf("%s: the page is %q, with %v", test.about, a.body, a.header)
		}
	}
	if seen := o.requests(); len(seen) > 0 {
		t.Errorf("the origin got %q", seen)
	}
}

// TestNothingBehind has requests that are one for the proxy: what is behind them
// must not become another.
func TestNothingBehind(t *testing.T) {
	o := startOrigin(t, func(string) string { return say() })
	addr := startProxy(t, &proxy{}, t.TempDir())
	smuggled := request("GET", o.url("/smuggled"))
	for _, r := range []string{
		request("POST", o.url("/"), "Content-Length: "+strconv.Itoa(len(smuggled))) + smuggled,
		request("POST", o.url("/"), "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled),
		request("POST", o.url("/"), "Transfer-Encoding: chunked") + "0x1\r\n" + smuggled,
		request("POST", o.url("/"), "Transfer-Encoding: chunked") + "-1\r\n" + smuggled,
		request("POST", o.url("/"), "Transfer-Encoding: chunked") + "fffffffffffffffff\r\n" + smuggled,
		request("POST", o.url("/"), "Transfer-Encoding: chunked") + "1\r\nab\r\n" + smuggled,
		request("GET", o.url("/"), "Content-Length: "+strconv.Itoa(len(smuggled))) + smuggled,
	} {
		conn := dial(t, addr)
		io.WriteString(conn, r)
		conn.CloseWrite()
		io.ReadAll(conn)
		conn.Close()
	}
	for _, seen := range o.requests() {
		if strings.HasPrefix(seen, "GET /smuggled") {
			t.Errorf("the origin got %q", seen)
		}
	}
}

func TestPipelining(t *testing.T) {
	o := startOrigin(t, func(request string) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + request[5:7]
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	conn := dial(t, addr)
	for i := range 50 {
		io.WriteString(conn, request("GET", o.url(fmt.Sprintf("/%02d", i))))
	}
	in := bufio.NewReader(conn)
	for i := range 50 {
		if a, err := readAnswer(in, "GET"); err != nil || a.body != fmt.Sprintf("%02d", i) {
			t.Fatalf("answer %d is %+v, %v", i, a, err)
		}
	}
	if n := o.connected(); n != 1 {
		t.Errorf("the origin had %d connections for 50 requests in a row", n)
	}
}

func TestFailures(t *testing.T) {
	dead := startOrigin(t, nil)
	dead.stop()
	silent := startRawOrigin(t, func(_ *origin, conn net.Conn) { io.Copy(io.Discard, conn) })
	p := &proxy{timeout: 300 * time.Millisecond}
	addr := startProxy(t, p, t.TempDir())
	says := func(said string) string {
		return startOrigin(t, func(string) string { return said + hangUp }).url("/<script>")
	}
	tests := []struct {
		about, url string
		want       int
		page       string
	}{
		{"no such name", "http://no-such-host.invalid/", 502, "no-such-host.invalid"},
		{"nobody there", dead.url("/"), 502, "Connecting to " + dead.listener.Addr().String()},
		{"nobody answers", silent.url("/"), 504, "had not answered after"},
		{"the proxy itself", "http://" + addr + "/", 508, "this proxy itself"},
		{"hangs up", says(""), 502, "hung up without an answer"},
		{"half a head", says("HTTP/1.1 200 OK\r\nContent-"), 502, "is not an answer"},
		{"not HTTP", says("220 mail.example.com ESMTP\r\n\r\n"), 502, "220 mail.example.com"},
		{"not HTTP, escaped", says("<script>alert(1)</script>\r\n\r\n"), 502, "&lt;script&gt;"},
		{"HTTP/2", says("HTTP/2.0 200 OK\r\n\r\n"), 502, "is not an answer"},
		{"no status", says("HTTP/1.1 OK\r\n\r\n"), 502, "is not an answer"},
		{"status 99", says("HTTP/1.1 099 OK\r\n\r\n"), 502, "is not an answer"},
		{"101 that nobody asked for", says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), 502, "is not an answer"},
		{"endless 1xx", says(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100)), 502, "is not an answer"},
		{"a long head", says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", originHeadSize) + "\r\n\r\n"), 502, "longer than"},
		{"lengths that differ", says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502, "is not an answer"},
		{"another coding", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab"), 502, "is not an answer"},
		{"chunks in HTTP/1.0", says("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 502, "is not an answer"},
		{"a hidden length", says("HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nab"), 502, "is not an answer"},
		{"a lone carriage return", says("HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n"), 502, "is not an answer"},
		{"a NUL", says("HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n"), 502, "is not an answer"},
	}
	for _, test := range tests {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			a := talk(t, addr, request(method, test.url))[0]
			if a.status != test.want || a.header.Get("Proxy-Status") == "" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: %d, want %d; %v", test.about, method, a.status, test.want, a.header)
			}
			if method != "HEAD" && (!strings.Contains(a.body, test.page) || strings.Contains(a.body, "<script")) {
				t.Errorf("%s, %s: the page lacks %q:\n%s", test.about, method, test.page, a.body)
			}
		}
	}
}

// TestLoop has a request come back that the proxy has sent itself.
func TestLoop(t *testing.T) {
	o := startOrigin(t, func(string) string { return say() })
	p := &proxy{}
	addr := startProxy(t, p, t.TempDir())
	if a := get(t, addr, o.url("/"), "Via: 1.1 other, 1.1 "+p.name+" (comment)"); a.status != 508 {
		t.Errorf("a request with the proxy's own Via gets %d", a.status)
	}
	if a := get(t, addr, o.url("/"), "Via: 1.1 other, 1.1 socketlab-another"); a.status != 200 {
		t.Errorf("a request with another proxy's Via gets %d", a.status)
	}
}

// TestBrokenOff has bodies that end too early: what the client gets must be seen
// to be broken, and never be stored.
func TestBrokenOff(t *testing.T) {
	addr := startProxy(t, &proxy{timeout: 300 * time.Millisecond}, t.TempDir())
	const cached = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
	long := strings.Repeat("x", 3*inMemory)
	for _, test := range []struct{ about, said string }{
		{"a length", cached + "Content-Length: 10\r\n\r\nbody" + hangUp},
		{"a length, nothing", cached + "Content-Length: 10\r\n\r\n" + hangUp},
		{"a length, reset", cached + "Content-Length: 10\r\n\r\nbody" + reset},
		{"a length, silence", cached + "Content-Length: 10\r\n\r\nbody"},
		{"a long body", cached + "Content-Length: 1000000\r\n\r\n" + long + hangUp},
		{"chunks", cached + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n" + hangUp},
		{"half a chunk", cached + "Transfer-Encoding: chunked\r\n\r\n9\r\nbody" + hangUp},
		{"a last chunk without its end", cached + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n" + hangUp},
		{"rubbish for a chunk", cached + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nzz\r\n" + hangUp},
		{"until close, reset", cached + "\r\n" + long + reset},
		{"not stored", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbody" + hangUp},
	} {
		o := startOrigin(t, func(string) string { return test.said })
		for _, version := range []string{"1.1", "1.0"} {
			conn := dial(t, addr)
			io.WriteString(conn, "GET "+o.url("/")+" HTTP/"+version+"\r\nHost: x\r\n\r\n")
			a, err := readAnswer(bufio.NewReader(conn), "GET")
			conn.Close()
			if err == nil && a.status == 200 && a.broken == nil {
				t.Errorf("%s, HTTP/%s: the client takes %d bytes for the whole", test.about, version, len(a.body))
			}
			if strings.Contains(a.cache(), "hit") {
				t.Errorf("%s, HTTP/%s: %s", test.about, version, a.cache())
			}
		}
	}
}

// TestStreaming has both bodies pass through while they are being made.
func TestStreaming(t *testing.T) {
	for _, cached := range []string{"", "Cache-Control: max-age=60\r\n"} {
		o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
			in := bufio.NewReader(conn)
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"+cached+"\r\n")
			b := make([]byte, 10)
			for {
				n, err := r.Body.Read(b)
				if n > 0 {
					fmt.Fprintf(conn, "%x\r\n%s\r\n", n, b[:n])
				}
				if err != nil {
					io.WriteString(conn, "0\r\n\r\n")
					return
				}
			}
		})
		addr := startProxy(t, &proxy{}, t.TempDir())
		conn := dial(t, addr)
		io.WriteString(conn, request("POST", o.url("/"), "Transfer-Encoding: chunked"))
		in := bufio.NewReader(conn)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			word := fmt.Sprintf("word %d", i)
			fmt.Fprintf(conn, "%x\r\n%s\r\n", len(word), word)
			b := make([]byte, len(word))
			if _, err := io.ReadFull(response.Body, b); err != nil || string(b) != word {
				t.Fatalf("sent %q, the origin's echo is %q, %v", word, b, err)
			}
		}
		io.WriteString(conn, "0\r\n\r\n")
		if rest, err := io.ReadAll(response.Body); len(rest) > 0 || err != nil {
			t.Errorf("after the last chunk: %q, %v", rest, err)
		}
	}
}

func TestExpectContinue(t *testing.T) {
	o := startOrigin(t, func(request string) string { return say() })
	addr := startProxy(t, &proxy{}, t.TempDir())
	conn := dial(t, addr)
	in := bufio.NewReader(conn)
	io.WriteString(conn, request("POST", o.url("/"), "Content-Length: 4", "Expect: 100-continue"))
	interim, err := http.ReadResponse(in, nil)
	if err != nil || interim.StatusCode != 100 {
		t.Fatalf("the client got %v, %v, and waits for 100", interim, err)
	}
	io.WriteString(conn, "data")
	if a, err := readAnswer(in, "POST"); err != nil || a.status != 200 || !strings.HasSuffix(o.requests()[0], "data") {
		t.Errorf("got %+v, %v; the origin got %q", a, err, o.requests())
	}
}

// TestAnswerBeforeTheBody has an origin refuse a body before it has come.
func TestAnswerBeforeTheBody(t *testing.T) {
	o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!")
		io.Copy(io.Discard, conn)
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	conn := dial(t, addr)
	io.WriteString(conn, request("POST", o.url("/"), "Content-Length: 1000000", "Expect: 100-continue"))
	in := bufio.NewReader(conn)
	if a, err := readAnswer(in, "POST"); err != nil || a.status != 413 || a.body != "no!" {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after the answer: %v, want the end of the connection", err)
	}
}

// TestAnswerWhileSending has an origin refuse a body that is still coming, as fast
// as it can.
func TestAnswerWhileSending(t *testing.T) {
	o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!")
		io.Copy(io.Discard, conn)
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	for range 20 {
		conn := dial(t, addr)
		io.WriteString(conn, request("POST", o.url("/"), "Content-Length: 1000000000"))
		var sending sync.WaitGroup
		sending.Go(func() {
			for err := error(nil); err == nil; {
				_, err = conn.Write(make([]byte, 1000))
			}
		})
		if a, err := readAnswer(bufio.NewReader(conn), "POST"); err != nil || a.status != 413 || a.body != "no!" {
			t.Errorf("got %+v, %v", a, err)
		}
		conn.Close()
		sending.Wait()
	}
}

// TestAnswerAtTheEndOfTheBody has bodies come behind their heads, and answers as
// soon as they are there: the connections stay, as has been said.
func TestAnswerAtTheEndOfTheBody(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8)) // so that one is between the steps of another
	o := startOrigin(t, func(string) string { return say() })
	addr := startProxy(t, &proxy{}, t.TempDir())
	var clients sync.WaitGroup
	for range 20 {
		conn := dial(t, addr)
		clients.Go(func() {
			in := bufio.NewReader(conn)
			for i := range 100 {
				io.WriteString(conn, request("POST", o.url("/"), "Content-Length: 4"))
				time.Sleep(time.Millisecond)
				io.WriteString(conn, "body")
				if a, err := readAnswer(in, "POST"); err != nil || a.broken != nil {
					t.Errorf("POST %d: %+v, %v", i, a, err)
					return
				}
			}
		})
	}
	clients.Wait()
}

// TestClientBreaksOff has a client leave in the middle of its request: the
// origin must see that it is not whole.
func TestClientBreaksOff(t *testing.T) {
	for _, start := range []string{"Content-Length: 1000000\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"} {
		read := make(chan error, 1)
		o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				_, err = io.ReadAll(r.Body)
			}
			read <- err
		})
		addr := startProxy(t, &proxy{}, t.TempDir())
		conn := dial(t, addr)
		io.WriteString(conn, "POST "+o.url("/")+" HTTP/1.1\r\nHost: x\r\n"+start)
		conn.Close()
		select {
		case err := <-read:
			if err == nil {
				t.Errorf("%q: the origin took the body for whole", start)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%q: the origin still waits", start)
		}
	}
}

func TestInterim(t *testing.T) {
	o := startOrigin(t, func(string) string {
		return "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nContent-Length: 5\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + say("Cache-Control: max-age=60")
	})
	addr := startProxy(t, &proxy{}, t.TempDir())
	a := get(t, addr, o.url("/"))
	if fmt.Sprint(a.interim) != "[103 102]" || a.status != 200 || a.body != "body" {
		t.Errorf("got %+v", a)
	}
	if a = get(t, addr, o.url("/")); len(a.interim) > 0 || a.body != "body" || !strings.HasPrefix(a.cache(), "hit") {
		t.Errorf("from the cache: %+v", a)
	}
	if got := ask(t, addr, request("GET", o.url("/y"), "Connection: close")); strings.Contains(got, "Length: 5") {
		t.Errorf("an interim answer with a length: %q", got)
	}
	if got := ask(t, addr, "GET "+o.url("/x")+" HTTP/1.0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("a client of HTTP/1.0 got %q", got)
	}
}

// TestResponseFields has what goes back to the client.
func TestResponseFields(t *testing.T) {
	addr := startProxy(t, &proxy{}, t.TempDir())
	o := startOrigin(t, func(string) string {
		return "HTTP/1.1 200 Fine\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTrailer: X-T\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n" +
			"Upgrade: h2c\r\nX-Space : c\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-T: 1\r\n\r\n"
	})
	a := get(t, addr, o.url("/"))
	for _, name := range []string{"X-Hop", "Keep-Alive", "Trailer", "Upgrade", "Connection", "X-T", "Content-Encoding"} {
		if a.header[name] != nil {
			t.Errorf("%s: %q has got through", name, a.header[name])
		}
	}
	if fmt.Sprint(a.header["Set-Cookie"]) != "[a b]" || a.header.Get("X-Space") != "c" || a.body != "body" {
		t.Errorf("got %+v", a)
	}
	if _, ok := parseDate(a.header.Get("Date"), time.Now()); !ok || !strings.HasPrefix(a.header.Get("Via"), "1.1 socketlab-") {
		t.Errorf("Date %q, Via %q", a.header.Get("Date"), a.header.Get("Via"))
	}
}

// TestPragma has net/http make a Cache-Control of a Pragma, which in an answer
// means nothing: it must neither come of it, nor be lost with it.
func TestPragma(t *testing.T) {
	for said, hit := range map[string]bool{
		say("Expires: "+time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), "Pragma: no-cache"):                                            true,
		say("Old : server", "Cache-Control: no-cache", "Expires: "+time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), "Pragma: no-cache"): false,
	} {
		o := startOrigin(t, func(string) string { return said })
		addr := startProxy(t, &proxy{}, t.TempDir())
		get(t, addr, o.url("/"))
		if a := get(t, addr, o.url("/")); strings.HasPrefix(a.cache(), "hit") != hit {
			t.Errorf("%q: %s", said, a.cache())
		}
	}
}

// TestBadChunks has a body that is not in chunks, as it says.
func TestBadChunks(t *testing.T) {
	o := startOrigin(t, func(string) string { return say() })
	addr := startProxy(t, &proxy{}, t.TempDir())
	for _, body := range []string{"-3\r\nabc\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "10000000000000003\r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n"} {
		if a := talk(t, addr, request("POST", o.url("/"), "Transfer-Encoding: chunked")+body)[0]; a.status != 400 {
			t.Errorf("%q gets %d", body, a.status)
		}
	}
	if seen := o.requests(); len(seen) > 0 {
		t.Errorf("the origin got %q as whole requests", seen)
	}
}

// TestKeptConnections has origins close a connection that the proxy has kept, or
// say something that nobody has asked for.
func TestKeptConnections(t *testing.T) {
	addr := startProxy(t, &proxy{}, t.TempDir())
	for _, test := range []struct{ about, said string }{
		{"closes", hangUp},
		{"says something", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"},
	} {
		o := startOrigin(t, func(string) string { return say() + test.said })
		for i := range 5 {
			if a := get(t, addr, o.url("/")); a.status != 200 || a.body != "body" {
				t.Errorf("%s, request %d: %+v", test.about, i, a)
			}
			if a := talk(t, addr, request("POST", o.url("/"), "Content-Length: 1")+"x")[0]; a.status != 200 || a.body != "body" {
				t.Errorf("%s, POST %d: %+v", test.about, i, a)
			}
		}
		if seen := len(o.requests()); seen != 10 {
			t.Errorf("%s: the origin got %d requests, want 10", test.about, seen)
		}
	}
}

func TestTunnel(t *testing.T) {
	o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
		io.Copy(conn, conn) // to the end of what the client sends, and then an end of its own
		io.WriteString(conn, "bye")
	})
	addr := startProxy(t, &proxy{tunnels: true}, t.TempDir())
	conn := dial(t, addr)
	io.WriteString(conn, request("CONNECT", o.listener.Addr().String())+"early")
	in := bufio.NewReader(conn)
	if response, err := http.ReadResponse(in, &http.Request{Method: "CONNECT"}); err != nil || response.StatusCode != 200 {
		t.Fatalf("%v, %v", response, err)
	}
	io.WriteString(conn, ", late")
	conn.CloseWrite()
	if got, err := io.ReadAll(in); string(got) != "early, latebye" || err != nil {
		t.Errorf("through the tunnel came %q, %v", got, err)
	}

	o.stop()
	if a := talk(t, addr, request("CONNECT", o.listener.Addr().String()))[0]; a.status != 502 {
		t.Errorf("CONNECT to nobody gets %d", a.status)
	}
	for _, target := range []string{"127.0.0.1", ":443", "http://127.0.0.1:443/", "127.0.0.1:0"} {
		if a := talk(t, addr, request("CONNECT", target))[0]; a.status != 400 {
			t.Errorf("CONNECT %s gets %d", target, a.status)
		}
	}
}

// TestStop stops the proxy with clients in all states.
func TestStop(t *testing.T) {
	more := make(chan bool)
	o := startRawOrigin(t, func(_ *origin, conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
		<-more
		io.WriteString(conn, "done")
	})
	addr, stop := startStoppable(t, &proxy{}, t.TempDir(), 1<<20)
	idle := dial(t, addr)
	used := dial(t, addr)
	io.WriteString(used, request("GET", "http://127.0.0.1:1/"))
	usedIn := bufio.NewReader(used)
	readAnswer(usedIn, "GET")
	busy := dial(t, addr)
	io.WriteString(busy, request("GET", o.url("/")))
	response, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	if _, err := io.ReadAll(idle); err != nil {
		t.Errorf("an idle client hears %v", err)
	}
	if _, err := io.ReadAll(usedIn); err != nil {
		t.Errorf("a client between requests hears %v", err)
	}
	more <- true
	if body, err := io.ReadAll(response.Body); string(body) != "halfdone" || err != nil {
		t.Errorf("a transfer under way ends with %q, %v", body, err)
	}
	<-stopped
	if took := time.Since(start); took > stopLimit/2 {
		t.Errorf("stopping took %v", took)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("the proxy still accepts")
	}
}

// TestStopLimit stops the proxy during a transfer that does not end.
func TestStopLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as the proxy waits")
	}
	t.Parallel()
	asked := make(chan struct{})
	silent := startRawOrigin(t, func(_ *origin, conn net.Conn) { close(asked); io.Copy(io.Discard, conn) })
	addr, stop := startStoppable(t, &proxy{timeout: time.Minute}, t.TempDir(), 1<<20)
	conn := dial(t, addr)
	io.WriteString(conn, request("GET", silent.url("/")))
	<-asked
	start := time.Now()
	stop()
	if took := time.Since(start); took > stopLimit+2*time.Second {
		t.Errorf("stopping took %v, want %v", took, stopLimit)
	}
}

func TestMaxForwards(t *testing.T) {
	o := startOrigin(t, func(string) string { return say() })
	addr := startProxy(t, &proxy{allMethods: true}, t.TempDir())
	if a := talk(t, addr, request("OPTIONS", o.url("/"), "Max-Forwards: 0"))[0]; a.status != 200 || len(o.requests()) > 0 {
		t.Errorf("OPTIONS that may go no further: %+v; the origin got %q", a, o.requests())
	}
	a := talk(t, addr, request("TRACE", o.url("/"), "Max-Forwards: 0", "X: 1", "Cookie: secret"))[0]
	if a.status != 200 || !strings.Contains(a.body, "TRACE "+o.url("/")) || !strings.Contains(a.body, "X: 1") || strings.Contains(a.body, "secret") || len(o.requests()) > 0 {
		t.Errorf("TRACE that may go no further: %+v; the origin got %q", a, o.requests())
	}
	talk(t, addr, request("OPTIONS", o.url("/"), "Max-Forwards: 5"))
	talk(t, addr, request("OPTIONS", o.url("/"), "Max-Forwards: many"))
	if seen := o.requests(); len(seen) != 2 || !strings.Contains(seen[0], "Max-Forwards: 4") || !strings.Contains(seen[1], "Max-Forwards: many") {
		t.Errorf("the origin got %q", seen)
	}
}

// TestClientTimeouts has clients that are slower than they may be.
func TestClientTimeouts(t *testing.T) {
	tests := []struct {
		about string
		talk  func(conn net.Conn)
		want  time.Duration
		code  int // of the page, 0 for none
	}{
		{"says nothing", func(net.Conn) {}, idleTimeout, 0},
		{"begins late", func(conn net.Conn) {
			<-time.After(idleTimeout - time.Second)
			io.WriteString(conn, "GET ")
		}, idleTimeout - time.Second + headTimeout, 408},
		{"goes on and on", func(conn net.Conn) {
			for err := error(nil); err == nil; <-time.After(time.Second) {
				_, err = io.WriteString(conn, "G")
			}
		}, headTimeout, 408},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			theirs, ours := net.Pipe()
			var talking sync.WaitGroup
			talking.Go(func() { test.talk(theirs) })
			start := time.Now()
			_, err := newClient(ours).receive(t.Context())
			waited := time.Since(start)
			code := 0
			if refused := (*refusal)(nil); errors.As(err, &refused) {
				code = refused.code
			}
			if err == nil || waited != test.want || code != test.code {
				t.Errorf("%s: %v after %v, want %d after %v", test.about, err, waited, test.code, test.want)
			}
			ours.Close()
			theirs.Close()
			talking.Wait()
		})
	}
}

// TestSlowReader has a client take a little of an answer now and then, which it
// may, and then nothing.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		theirs, ours := net.Pipe()
		const pieces = 20
		var reading sync.WaitGroup
		reading.Go(func() {
			for range pieces {
				<-time.After(stallTimeout - time.Second)
				theirs.Read(make([]byte, 10))
			}
		})
		start := time.Now()
		err := newClient(ours).write(make([]byte, 1<<20))
		if waited := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || waited < pieces*(stallTimeout-time.Second) || waited > pieces*stallTimeout+2*stallTimeout {
			t.Errorf("write = %v after %v", err, waited)
		}
		ours.Close()
		theirs.Close()
		reading.Wait()
	})
}

// TestSlowHead has an origin send its head so slowly that it never ends.
func TestSlowHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		theirs, ours := net.Pipe()
		var talking sync.WaitGroup
		talking.Go(func() {
			io.WriteString(theirs, "HTTP/1.1 200 OK\r\nX: ")
			for err := error(nil); err == nil; <-time.After(time.Second) {
				_, err = io.WriteString(theirs, "x")
			}
		})
		c := &originConn{Conn: ours, timeout: 10 * time.Second}
		c.in = bufio.NewReaderSize(c, originHeadSize)
		start := time.Now()
		_, err := c.awaitHead()
		if waited := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || waited != c.timeout {
			t.Errorf("awaitHead = %v after %v", err, waited)
		}
		ours.Close()
		theirs.Close()
		talking.Wait()
	})
}
