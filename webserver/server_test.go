package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// startServer runs s on a free port until the test is over. It serves the folder
// root, or the embedded site if root is "".
func startServer(tb testing.TB, s *server, root string) (addr string) {
	tb.Helper()
	addr, stop := startStoppable(tb, s, root)
	tb.Cleanup(stop)
	return addr
}

// startStoppable runs s on a free port until stop is called, which waits for
// its end.
func startStoppable(tb testing.TB, s *server, root string) (addr string, stop func()) {
	tb.Helper()
	if s.idle == 0 {
		s.idle = time.Minute
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, stdout := io.Pipe()
	served := make(chan error, 1)
	log.SetOutput(io.Discard)
	go func() { served <- s.run(ctx, "127.0.0.1:0", root, stdout) }()
	if _, err := fmt.Fscanf(ready, "The server is ready to receive on %s\n", &addr); err != nil {
		tb.Fatal(err)
	}
	return addr, sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			tb.Error(err)
		}
	})
}

func write(tb testing.TB, root, name, content string) {
	tb.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, modified); err != nil {
		tb.Fatal(err)
	}
}

// modified is when the files of the tests were last changed.
var modified = time.Date(2024, time.February, 29, 12, 0, 0, 123456789, time.UTC)

const lastModified = "Thu, 29 Feb 2024 12:00:00 GMT"

// exchange sends a text to addr and returns all that comes back.
func exchange(t *testing.T, addr, text string) string {
	t.Helper()
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(client, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(client)
	if err != nil {
		t.Fatalf("sent %.200q, got %.200q, %v", text, answer, err)
	}
	return string(answer)
}

// answers sends a text, which may hold several requests, and returns the
// answers and their bodies.
func answers(t *testing.T, addr, text string) (answers []*http.Response, bodies []string) {
	t.Helper()
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(client, text); err != nil {
		t.Fatal(err)
	}
	client.CloseWrite()
	reader := bufio.NewReader(client)
	method, _, _ := strings.Cut(text, " ")
	for {
		answer, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) || reader.Buffered() > 0 {
				t.Errorf("sent %.200q, got %d answers and then %v", text, len(answers), err)
			}
			return answers, bodies
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Errorf("sent %.200q, in the body: %v", text, err)
		}
		answers, bodies = append(answers, answer), append(bodies, string(body))
	}
}

// get sends one request with the fields, each with its CR LF.
func get(t *testing.T, addr, method, target, fields string) (*http.Response, string) {
	t.Helper()
	all, bodies := answers(t, addr, method+" "+target+" HTTP/1.1\r\nHost: localhost\r\n"+fields+"\r\n")
	if len(all) != 1 {
		t.Fatalf("%s %s got %d answers", method, target, len(all))
	}
	return all[0], bodies[0]
}

const testFile = "0123456789abcdefghijklmnopqrstuvwxyz"

// testRoot returns a folder with a file of each kind.
func testRoot(t testing.TB) string {
	above := t.TempDir()
	write(t, above, "secret.txt", "secret")
	root := filepath.Join(above, "root")
	write(t, root, "file.txt", testFile)
	write(t, root, "empty", "")
	write(t, root, "привет мир.html", "<h1>привет")
	write(t, root, "large.bin", strings.Repeat("0123456789abcdef", 20000))
	write(t, root, "site/index.html", "index")
	write(t, root, "list/b.txt", "b")
	write(t, root, "list/a.txt", "a")
	write(t, root, "list/sub/c", "c")
	write(t, root, ".hidden", "secret")
	write(t, root, "list/.hidden/file", "secret")
	if runtime.GOOS != "windows" {
		write(t, root, "100%&<b>\"'.txt", "odd")
		write(t, root, "a:b", "colon")
		for name, target := range map[string]string{
			"out": "../secret.txt", "outside": "..", "absolute": filepath.Join(above, "secret.txt"),
			"in": "file.txt", "inside": "list", "loop": "loop", "nowhere": "missing",
		} {
			if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func TestTargets(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	tests := []struct {
		target   string
		code     int
		body     string // a part of it
		location string
	}{
		{"/file.txt", 200, testFile, ""},
		{"/file.txt?query=1&a=/../..", 200, testFile, ""},
		{"/%66ile%2Etxt", 200, testFile, ""},
		{"http://localhost/file.txt", 200, testFile, ""},
		{"HTTP://other:80/file.txt?", 200, testFile, ""},
		{"http://localhost", 200, "list/", ""},
		{"http://localhost?file.txt", 200, "list/", ""},
		{"/%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82%20%D0%BC%D0%B8%D1%80.html", 200, "<h1>привет", ""},
		{"/привет%20мир.html", 200, "<h1>привет", ""}, // curl sends such
		{"/100%25&%3Cb%3E%22'.txt", 200, "odd", ""},
		{"/a:b", 200, "colon", ""},
		{"/empty", 200, "", ""},
		{"/in", 200, testFile, ""},
		{"/inside/a.txt", 200, "a", ""},
		{"/site/", 200, "index", ""},
		{"/site", 301, "", "/site/"},
		{"/site?a=b", 301, "", "/site/?a=b"},
		{"/list?//evil.example/", 301, "", "/list/?//evil.example/"},
		{"/inside", 301, "", "/inside/"},
		{"http://evil.example/list", 301, "", "/list/"},

		{"/missing", 404, "404 Not Found", ""},
		{"/file.txt/", 404, "", ""},
		{"/file.txt/more", 404, "", ""},
		{"/missing/", 404, "", ""},
		{"//list", 404, "", ""},
		{"//evil.example/list", 404, "", ""},
		{"//evil.example/..", 404, "", ""},
		{"/list//", 404, "", ""},
		{"/list//a.txt", 404, "", ""},
		{"/\\evil.example", 404, "", ""},
		{"/..", 404, "", ""},
		{"/../secret.txt", 404, "", ""},
		{"/list/../file.txt", 404, "", ""},
		{"/list/../../secret.txt", 404, "", ""},
		{"/%2e%2e/secret.txt", 404, "", ""},
		{"/.%2e/secret.txt", 404, "", ""},
		{"/..%2fsecret.txt", 404, "", ""},
		{"/list%2fa.txt", 404, "", ""},
		{"/..%5csecret.txt", 404, "", ""},
		{"/%252e%252e/secret.txt", 404, "", ""},
		{"/./file.txt", 404, "", ""},
		{"/out", 404, "", ""},
		{"/outside/secret.txt", 404, "", ""},
		{"/outside/", 404, "", ""},
		{"/absolute", 404, "", ""},
		{"/loop", 404, "", ""},
		{"/nowhere", 404, "", ""},
		{"/.hidden", 404, "", ""},
		{"/%2ehidden", 404, "", ""},
		{"/list/.hidden/file", 404, "", ""},
		{"/list/.hidden/", 404, "", ""},
		{"/%ff%fe", 404, "", ""},
		{"/" + strings.Repeat("a", 1000), 404, "", ""},
		{"/" + strings.Repeat("a/", 1000), 404, "", ""},

		{"/%00", 400, "", ""},
		{"/file.txt%00.html", 400, "", ""},
		{"/%", 400, "", ""},
		{"/%4", 400, "", ""},
		{"/%zz", 400, "", ""},
		{"/%-1", 400, "", ""},
		{"/#fragment", 400, "", ""},
		{"file.txt", 400, "", ""},
		{"*", 400, "", ""},
		{"localhost:80", 400, "", ""},
		{"http://", 400, "", ""},
		{"http:///file.txt", 400, "", ""},
		{"http://user@localhost/file.txt", 400, "", ""},
		{"ftp://localhost/file.txt", 400, "", ""},
		{"/tab\t", 400, "", ""},
		{"/\x7f", 400, "", ""},
		{"/\x1b[31m", 400, "", ""},
		{"/" + strings.Repeat("a", 10000), 414, "", ""},
		{"/" + strings.Repeat("a", 100000), 414, "", ""},
	}
	for _, test := range tests {
		if runtime.GOOS == "windows" && (strings.ContainsAny(test.target, `:\<`) || strings.HasPrefix(test.target, "/in")) {
			continue // no such names
		}
		for _, method := range []string{"GET", "HEAD"} {
			answer, body := get(t, addr, method, test.target, "")
			if answer.StatusCode != test.code || answer.Header.Get("Location") != test.location {
				t.Errorf("%s %.60q: %s to %q, want %d to %q",
					method, test.target, answer.Status, answer.Header.Get("Location"), test.code, test.location)
			}
			if method == "GET" && !strings.Contains(body, test.body) || method == "HEAD" && body != "" {
				t.Errorf("%s %.60q: the body is %.200q, want %q in it", method, test.target, body, test.body)
			}
			if strings.Contains(body, "secret") {
				t.Errorf("%s %.60q told the secret: %.200q", method, test.target, body)
			}
			if wantsClose := test.code == 400 || test.code == 414; wantsClose != answer.Close {
				t.Errorf("%s %.60q: %s, and the connection closes: %v", method, test.target, answer.Status, answer.Close)
			}
		}
	}
}

// TestHeads sends heads of requests that are right, odd and wrong, each with a
// second request behind it, which only a right one may let through.
func TestHeads(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
	tests := []struct {
		head  string
		codes string // of the answers
	}{
		{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 404"},
		{"GET / HTTP/1.1\r\nhOST:localhost:8080\r\n\r\n", "200 404"},
		{"GET / HTTP/1.1\r\nHost:\t[::1]:8080 \t\r\n\r\n", "200 404"},
		{"GET / HTTP/1.1\r\nHost:\r\n\r\n", "200 404"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t \r\nZ: \x80\xff\t!\r\n\r\n", "200 404"},
		{"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "200 404"},
		{"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "200 404"},
		{"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "200 404"},
		{"GET / HTTP/1.0\r\n\r\n", "200"},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 404"},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", "200"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", "200"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", "200"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", "200 404"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 15<<10) + "\r\n\r\n", "200 404"},

		{"GET /\r\n\r\n", "400"},
		{"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400"},
		{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"GET / http/1.1\r\nHost: a\r\n\r\n", "400"},
		{"GET / HTTP/1.\r\nHost: a\r\n\r\n", "400"},
		{"GET / HTTP/1.10\r\nHost: a\r\n\r\n", "400"},
		{"GET / HTTP/11\r\nHost: a\r\n\r\n", "400"},
		{"GET / HTCPCP/1.0\r\nHost: a\r\n\r\n", "400"},
		{"\x16\x03\x01\x02\x00\x01\x00", "400"}, // TLS
		{"GET / HTTP/0.9\r\nHost: a\r\n\r\n", "505"},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},

		{"GET / HTTP/1.1\nHost: a\n\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\n", "400"},
		{"GET / HTTP/1.1\rHost: a\r\r", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", "400"},
		{"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\t\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX\t: a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nno name: a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX(Y): a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX\x00: a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX\x80: a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: a\x1bb\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", "400"},

		{"GET / HTTP/1.1\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", "400"},
		{"GET http://a/ HTTP/1.1\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"},
		{"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\xff\r\n\r\n", "400"},

		{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 17<<10) + "\r\n\r\n", "431"},
		{"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: x\r\n", 10000) + "\r\n", "431"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 10<<20), "431"},
		{strings.Repeat("\r\n", 10000), "431"},
		{strings.Repeat("A", 10000) + " / HTTP/1.1\r\nHost: a\r\n\r\n", "501"},

		{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "405 404"},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "405 404"},
		{"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", "405 404"},
		{"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405 404"},
		{"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "405 404"},
		{"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"get / HTTP/1.1\r\nHost: a\r\n\r\n", "501 404"},
		{"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501 404"},

		{"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n", "200 404"},
		{"GET / HTTP/1.1\r\nHost: a\r\nExpect: the unexpected\r\n\r\n", "417"},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: the unexpected\r\n\r\n", "200 404"},
		{"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", "200"},

		// A body is never taken for a request.
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "200 404"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\nGET /secret HTTP/1.1\r\nHost: a\r\n\r\n..", "200 404"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\nGET /secret HTTP/1.1\r\nHost: a\r\n\r\n..", "405 404"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + strings.Repeat("x", 60000), "405 404"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1000000), "405"},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200"},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello", "400"},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nhello", "400"},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello", "400"},
	}
	for _, test := range tests {
		all, _ := answers(t, addr, test.head+next)
		var codes []string
		for _, answer := range all {
			codes = append(codes, strconv.Itoa(answer.StatusCode))
			if _, err := http.ParseTime(answer.Header.Get("Date")); err != nil {
				t.Errorf("sent %.80q, in the Date: %v", test.head, err)
			}
			if allow := answer.Header.Get("Allow"); answer.StatusCode == 405 && allow != "GET, HEAD" {
				t.Errorf("sent %.80q, got 405 with Allow: %q", test.head, allow)
			}
		}
		if got := strings.Join(codes, " "); got != test.codes {
			t.Errorf("sent %.80q and another request, got %s, want %s", test.head, got, test.codes)
		}
	}
}

func TestFields(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	tests := []struct{ target, contentType, length string }{
		{"/file.txt", "text/plain; charset=utf-8", "36"},
		{"/site/", "text/html; charset=utf-8", "5"},
		{"/empty", "application/octet-stream", "0"},
		{"/large.bin", "application/octet-stream", "320000"},
	}
	for _, test := range tests {
		for range 2 { // from the folder and from the cache
			answer, body := get(t, addr, "GET", test.target, "")
			head, _ := get(t, addr, "HEAD", test.target, "")
			answer.Header.Del("Date")
			head.Header.Del("Date")
			if got, want := fmt.Sprint(head.Header), fmt.Sprint(answer.Header); got != want {
				t.Errorf("HEAD %s has the fields\n%s, and GET\n%s", test.target, got, want)
			}
			if strconv.Itoa(len(body)) != test.length {
				t.Errorf("GET %s has %d bytes, want %s", test.target, len(body), test.length)
			}
			for name, want := range map[string]string{
				"Content-Type": test.contentType, "Content-Length": test.length, "Last-Modified": lastModified, "Accept-Ranges": "bytes",
			} {
				if got := answer.Header.Get(name); got != want {
					t.Errorf("GET %s: %s is %q, want %q", test.target, name, got, want)
				}
			}
		}
	}
}

func TestContentType(t *testing.T) {
	for name, want := range map[string]string{
		"a.html": "text/html; charset=utf-8", "A.HTML": "text/html; charset=utf-8", "a.tar.gz": "application/gzip", "a.js": "text/javascript; charset=utf-8",
		"a.png": "image/png", "a": "application/octet-stream", "a.nosuchtype": "application/octet-stream", "a.": "application/octet-stream",
	} {
		if got := contentType(name); got != want {
			t.Errorf("contentType(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestListing(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	_, root := get(t, addr, "GET", "/", "")
	_, list := get(t, addr, "GET", "/list/", "")

	last := -1
	for _, want := range []string{`<a href="../">`, `<a href="./a.txt">a.txt</a><td>1 B<td>`, `<a href="./b.txt">b.txt</a>`, `<a href="./sub/">sub/</a>`} {
		at := strings.Index(list, want)
		if at <= last {
			t.Errorf("%s is not in the list, or not where it should be:\n%s", want, list)
		}
		last = at
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, want := range []string{
		`<a href="./100%25&amp;%3Cb%3E%22%27.txt">100%&amp;&lt;b&gt;&#34;&#39;.txt</a>`,
		`<a href="./a:b">a:b</a>`, `<a href="./in">in</a><td>36 B`, `<a href="./inside/">inside/</a>`, `<td>320 kB`,
		`<a href="./%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82%20%D0%BC%D0%B8%D1%80.html">привет мир.html</a>`,
	} {
		if !strings.Contains(root, want) {
			t.Errorf("%s is not in the list:\n%s", want, root)
		}
	}
	for _, hidden := range []string{".hidden", "out", "absolute", "loop", "nowhere", `"../"`} {
		if strings.Contains(root, hidden) {
			t.Errorf("%s is in the list:\n%s", hidden, root)
		}
	}
	for _, link := range regexp.MustCompile(`href="\./([^"]*)"`).FindAllStringSubmatch(root, -1) {
		answer, _ := get(t, addr, "GET", "/"+strings.ReplaceAll(link[1], "&amp;", "&"), "")
		if answer.StatusCode != 200 {
			t.Errorf("the link %s leads to %s", link[1], answer.Status)
		}
	}
	if answer, _ := get(t, addr, "GET", "/list/", "If-None-Match: "+etagOf(t, addr, "/list/")+"\r\n"); answer.StatusCode != 304 {
		t.Errorf("the list as it was is %s, want 304", answer.Status)
	}
}

func TestReadableSize(t *testing.T) {
	for size, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1 kB", 1500: "1.5 kB", 999499: "999 kB", 999500: "1 MB", 1 << 40: "1.1 TB", 1<<63 - 1: "9.22 EB",
	} {
		if got := readableSize(size); got != want {
			t.Errorf("readableSize(%d) = %q, want %q", size, got, want)
		}
	}
}

func etagOf(t *testing.T, addr, target string) string {
	t.Helper()
	answer, _ := get(t, addr, "HEAD", target, "")
	etag := answer.Header.Get("ETag")
	if !regexp.MustCompile(`^"[!#-~]+"$`).MatchString(etag) {
		t.Fatalf("the ETag of %s is %q", target, etag)
	}
	return etag
}

func TestConditions(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	etag := etagOf(t, addr, "/file.txt")
	const earlier, later = "Thu, 29 Feb 2024 11:59:59 GMT", "Fri, 01 Mar 2024 00:00:00 GMT"
	tests := []struct {
		target, fields string
		code           int
	}{
		{"/file.txt", "If-Match: " + etag, 200},
		{"/file.txt", "If-Match: *", 200},
		{"/file.txt", "If-Match: \"a,b\", " + etag, 200},
		{"/file.txt", "If-Match: \"a\"\r\nIf-Match: " + etag, 200},
		{"/file.txt", "If-Match: \"a\"", 412},
		{"/file.txt", "If-Match: W/" + etag, 412},
		{"/file.txt", "If-Match: rubbish", 412},
		{"/file.txt", "If-Match: \"a\"\r\nIf-None-Match: " + etag, 412},
		{"/file.txt", "If-Match: " + etag + "\r\nIf-Unmodified-Since: " + earlier, 200},
		{"/missing", "If-Match: \"a\"", 404},
		{"/site", "If-Match: \"a\"", 301},

		{"/file.txt", "If-Unmodified-Since: " + lastModified, 200},
		{"/file.txt", "If-Unmodified-Since: " + later, 200},
		{"/file.txt", "If-Unmodified-Since: " + earlier, 412},
		{"/file.txt", "If-Unmodified-Since: rubbish", 200},
		{"/file.txt", "If-Unmodified-Since: " + earlier + "\r\nIf-Modified-Since: " + later, 412},

		{"/file.txt", "If-None-Match: " + etag, 304},
		{"/file.txt", "If-None-Match: W/" + etag, 304},
		{"/file.txt", "If-None-Match: *", 304},
		{"/file.txt", "If-None-Match: \"a\" , , " + etag, 304},
		{"/file.txt", "If-None-Match: \"a\"", 200},
		{"/file.txt", "If-None-Match: " + strings.Trim(etag, `"`), 200},
		{"/file.txt", "If-None-Match: \"a\"\r\nIf-Modified-Since: " + later, 200},
		{"/file.txt", "If-None-Match: " + etag + "\r\nIf-Modified-Since: " + earlier, 304},
		{"/missing", "If-None-Match: *", 404},

		{"/file.txt", "If-Modified-Since: " + lastModified, 304},
		{"/file.txt", "If-Modified-Since: " + later, 304},
		{"/file.txt", "If-Modified-Since: Thursday, 29-Feb-24 12:00:00 GMT", 304},
		{"/file.txt", "If-Modified-Since: Thu Feb 29 12:00:00 2024", 304},
		{"/file.txt", "If-Modified-Since: " + earlier, 200},
		{"/file.txt", "If-Modified-Since: rubbish", 200},
		{"/file.txt", "If-Modified-Since: " + later + "\r\nIf-Modified-Since: " + later, 200},

		{"/file.txt", "Range: bytes=0-0\r\nIf-None-Match: " + etag, 304},
		{"/file.txt", "Range: bytes=0-0\r\nIf-Match: \"a\"", 412},
		{"/file.txt", "Range: bytes=99-\r\nIf-Match: \"a\"", 412},
		{"/file.txt", "Range: bytes=0-0\r\nIf-Range: " + etag, 206},
		{"/file.txt", "Range: bytes=99-\r\nIf-Range: " + etag, 416},
		{"/file.txt", "Range: bytes=99-\r\nIf-Range: \"a\"", 200},
		{"/file.txt", "Range: bytes=0-0\r\nIf-Range: \"a\"", 200},
		{"/file.txt", "Range: bytes=0-0\r\nIf-Range: W/" + etag, 200},
		{"/file.txt", "Range: bytes=0-0\r\nIf-Range: *", 200},
		{"/file.txt", "Range: bytes=0-0\r\nIf-Range: " + lastModified, 206},
		{"/file.txt", "Range: bytes=0-0\r\nIf-Range: " + later, 200},
		{"/file.txt", "Range: bytes=0-0\r\nIf-Range: " + earlier, 200},
		{"/file.txt", "If-Range: " + etag, 200},
	}
	for _, test := range tests {
		answer, body := get(t, addr, "GET", test.target, test.fields+"\r\n")
		if answer.StatusCode != test.code {
			t.Errorf("%s with %q: %s, want %d", test.target, test.fields, answer.Status, test.code)
		}
		if test.code == 304 && (answer.Header.Get("ETag") != etag || answer.Header.Get("Last-Modified") != lastModified || body != "") {
			t.Errorf("%s with %q: 304 with %v and %q", test.target, test.fields, answer.Header, body)
		}
	}
}

func TestRanges(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	tests := []struct {
		target, field string
		code          int
		contentRange  string
		body          string
	}{
		{"/file.txt", "bytes=0-4", 206, "bytes 0-4/36", "01234"},
		{"/file.txt", "Bytes=35-35", 206, "bytes 35-35/36", "z"},
		{"/file.txt", "bytes=34-", 206, "bytes 34-35/36", "yz"},
		{"/file.txt", "bytes=34-99999999999999999999", 206, "bytes 34-35/36", "yz"},
		{"/file.txt", "bytes=-3", 206, "bytes 33-35/36", "xyz"},
		{"/file.txt", "bytes=-99999999999999999999", 206, "bytes 0-35/36", testFile},
		{"/file.txt", "bytes=99-, 0-0", 206, "bytes 0-0/36", "0"},
		{"/file.txt", "bytes=36-", 416, "bytes */36", ""},
		{"/file.txt", "bytes=99-100,200-", 416, "bytes */36", ""},
		{"/file.txt", "bytes=-0", 416, "bytes */36", ""},
		{"/empty", "bytes=0-", 416, "bytes */0", ""},
		{"/empty", "bytes=-1", 416, "bytes */0", ""},
		{"/large.bin", "bytes=160015-160016", 206, "bytes 160015-160016/320000", "f0"},
		{"/large.bin", "bytes=-2", 206, "bytes 319998-319999/320000", "ef"},
		{"/file.txt", "bytes=", 200, "", testFile},
		{"/file.txt", "bytes=,", 200, "", testFile},
		{"/file.txt", "bytes=-", 200, "", testFile},
		{"/file.txt", "bytes=a-b", 200, "", testFile},
		{"/file.txt", "bytes=5", 200, "", testFile},
		{"/file.txt", "bytes=5-4", 200, "", testFile},
		{"/file.txt", "bytes=0-0,5-4", 200, "", testFile},
		{"/file.txt", "bytes=--5", 200, "", testFile},
		{"/file.txt", "bytes=0-0-0", 200, "", testFile},
		{"/file.txt", "bytes 0-0", 200, "", testFile},
		{"/file.txt", "lines=0-0", 200, "", testFile},
		{"/file.txt", "bytes=0-,0-", 200, "", testFile},
		{"/file.txt", "bytes=" + strings.Repeat("0-0,", 1000), 200, "", testFile},
		{"/file.txt", "bytes=0-0\r\nRange: bytes=1-1", 200, "", testFile},
	}
	for _, test := range tests {
		answer, body := get(t, addr, "GET", test.target, "Range: "+test.field+"\r\n")
		if answer.StatusCode != test.code || answer.Header.Get("Content-Range") != test.contentRange || test.code != 416 && body != test.body {
			t.Errorf("%s with Range: %.60s: %s, %q and %q, want %d, %q and %q", test.target, test.field,
				answer.Status, answer.Header.Get("Content-Range"), body, test.code, test.contentRange, test.body)
		}
	}
	if answer, _ := get(t, addr, "HEAD", "/file.txt", "Range: bytes=0-0\r\n"); answer.StatusCode != 200 || answer.ContentLength != 36 {
		t.Errorf("HEAD with Range: %s, %d bytes; Range is for GET alone", answer.Status, answer.ContentLength)
	}
}

func TestSeveralRanges(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	for target, contentType := range map[string]string{"/file.txt": "text/plain; charset=utf-8", "/large.bin": "application/octet-stream"} {
		answer, body := get(t, addr, "GET", target, "Range: bytes=0-4, 99999999-, 10-11 ,-2\r\n")
		boundary, found := strings.CutPrefix(answer.Header.Get("Content-Type"), "multipart/byteranges; boundary=")
		if answer.StatusCode != 206 || !found || answer.Header.Get("Content-Range") != "" {
			t.Fatalf("several ranges: %s, %v", answer.Status, answer.Header)
		}
		size, last := "36", "34-35/36\r\n\r\nyz"
		if target == "/large.bin" {
			size, last = "320000", "319998-319999/320000\r\n\r\nef"
		}
		part := "\r\n--" + boundary + "\r\nContent-Type: " + contentType + "\r\nContent-Range: bytes "
		want := part + "0-4/" + size + "\r\n\r\n01234" + part + "10-11/" + size + "\r\n\r\nab" + part + last + "\r\n--" + boundary + "--\r\n"
		if body != want {
			t.Errorf("several ranges of %s: the body is\n%q, want\n%q", target, body, want)
		}
	}
}

// TestPipelining sends a hundred requests at once, of all kinds.
func TestPipelining(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	var text, want strings.Builder
	for i := range 100 {
		target, content := "/file.txt", testFile
		switch i % 4 {
		case 1:
			target, content = "/large.bin", strings.Repeat("0123456789abcdef", 20000)
		case 2:
			target, content = "/missing", errNotFound.page()
		}
		fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET", target)
		want.WriteString(content)
	}
	all, bodies := answers(t, addr, text.String())
	if len(all) != 100 || strings.Join(bodies, "") != want.String() {
		t.Errorf("got %d answers, in all %d bytes; want 100, %d bytes", len(all), len(strings.Join(bodies, "")), want.Len())
	}
}

// TestOneByteAtATime has a request arrive as slowly as it can.
func TestOneByteAtATime(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(10 * time.Second))
	for _, b := range []byte("\r\nGET /file.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyzGET /site/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") {
		client.Write([]byte{b})
	}
	answer, err := io.ReadAll(client)
	if err != nil || strings.Count(string(answer), "HTTP/1.1 200 OK") != 2 || !strings.HasSuffix(string(answer), "\r\n\r\nindex") {
		t.Errorf("got %q, %v", answer, err)
	}
}

// TestErrorWhileSending has a client send on and on after what is an error, and
// receive only then: a reset would have made it lose the answer.
func TestErrorWhileSending(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	for _, text := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.0\r\nContent-Length: 60000\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: ",
	} {
		answer := exchange(t, addr, text+strings.Repeat("x", 5000000))
		if !strings.HasPrefix(answer, "HTTP/1.1 4") || !strings.Contains(answer, "</h1>") {
			t.Errorf("sent %q and 5 MB, got %.200q", text, answer)
		}
	}
}

// TestCache changes a file in every way between two requests.
func TestCache(t *testing.T) {
	root := t.TempDir()
	addr := startServer(t, &server{}, root)
	path := filepath.Join(root, "file")
	want := func(code int, want string) {
		t.Helper()
		for range 2 {
			if answer, body := get(t, addr, "GET", "/file", ""); answer.StatusCode != code || code == 200 && body != want {
				t.Errorf("got %s and %q, want %d and %q", answer.Status, body, code, want)
			}
		}
	}
	write(t, root, "file", "one")
	want(200, "one")
	os.WriteFile(path, []byte("two"), 0o644) // of the same length
	want(200, "two")
	os.WriteFile(path, []byte("and three"), 0o644)
	want(200, "and three")
	write(t, root, "file", "one")
	want(200, "one")
	write(t, root, "other", "2nd") // of the same length and time
	os.Rename(filepath.Join(root, "other"), path)
	want(200, "2nd")
	os.Remove(path)
	want(404, "")
	os.Mkdir(path, 0o755)
	want(301, "")
}

func TestCacheIsBounded(t *testing.T) {
	root := t.TempDir()
	write(t, root, "file", strings.Repeat("x", maxSmall))
	info, err := os.Stat(filepath.Join(root, "file"))
	if err != nil {
		t.Fatal(err)
	}
	var c cache
	const fit = maxCache / (maxSmall + perFile)
	for i := range 2 * fit {
		f := newFile("file", info)
		c.put(strconv.Itoa(i), f)
		c.put(strconv.Itoa(i), f)
	}
	if len(c.files) != fit || c.size > maxCache {
		t.Errorf("the cache has %d files and %d bytes; want %d, and at most %d", len(c.files), c.size, fit, maxCache)
	}
}

// TestChangesWhileServed has a large file shrink and another grow while a client
// receives them.
func TestChangesWhileServed(t *testing.T) {
	root := t.TempDir()
	addr := startServer(t, &server{}, root)
	const size = 64 << 20 // more than sockets hold
	for _, test := range []struct {
		name   string
		resize int64
		err    error
	}{{"shrinks", 1 << 20, io.ErrUnexpectedEOF}, {"grows", size + 1<<20, nil}} {
		path := filepath.Join(root, test.name)
		write(t, root, test.name, "")
		os.Truncate(path, size)
		client := dial(t, addr)
		client.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprintf(client, "GET /%s HTTP/1.1\r\nHost: a\r\n\r\nGET /missing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", test.name)
		reader := bufio.NewReader(client)
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, test.resize); err != nil {
			t.Skip(err) // Windows lets nobody change it
		}
		n, err := io.Copy(io.Discard, answer.Body)
		if err != test.err || err == nil && n != size {
			t.Errorf("a file %s while it is served: %d of %d bytes came, %v; want %v", test.name, n, size, err, test.err)
		}
		rest, _ := io.ReadAll(reader)
		if strings.Contains(string(rest), "404") != (test.err == nil) {
			t.Errorf("a file %s while it is served, and then came %q", test.name, rest)
		}
	}
}

func TestEmbeddedSite(t *testing.T) {
	addr := startServer(t, &server{}, "")
	_, guide := get(t, addr, "GET", "/", "")
	for _, lab := range strings.Fields("udpclient udpserver tcpclient tcpserver pinger webserver proxyserver chat sonnet imagerelay authserver") {
		if !strings.Contains(guide, "go run ./"+lab) {
			t.Errorf("the guide does not tell how to run %s", lab)
		}
	}
	for _, page := range []string{"", "HelloWorld.html"} {
		_, content := get(t, addr, "GET", "/"+page, "")
		for _, link := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(content, -1) {
			target := "/" + strings.TrimPrefix(link[1], "/")
			if answer, _ := get(t, addr, "GET", target, ""); answer.StatusCode != 200 {
				t.Errorf("/%s has a link to %s: %s", page, link[1], answer.Status)
			}
		}
	}
	etag := etagOf(t, addr, "/sockets.svg")
	if answer, body := get(t, addr, "GET", "/sockets.svg", "If-None-Match: "+etag+"\r\n"); answer.StatusCode != 304 || body != "" {
		t.Errorf("the picture again: %s", answer.Status)
	}
	for _, target := range []string{"/main.go", "/../main.go", "/site/", "/index.html/"} {
		if answer, _ := get(t, addr, "GET", target, ""); answer.StatusCode != 404 {
			t.Errorf("%s: %s", target, answer.Status)
		}
	}
}

// A lockedBuffer can be read while a server still writes.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func TestLog(t *testing.T) {
	for _, test := range []struct{ request, line string }{
		{"GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n", `"GET /file.txt HTTP/1.1" 200 36`},
		{"HEAD /file.txt HTTP/1.1\r\nHost: a\r\n\r\n", `"HEAD /file.txt HTTP/1.1" 200 -`},
		{"GET /file.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9\r\n\r\n", `"GET /file.txt HTTP/1.1" 206 10`},
		{"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n", `"GET /large.bin HTTP/1.1" 200 320000`},
		{"GET /file.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n", `"GET /file.txt HTTP/1.1" 304 -`},
		{"GET /\x1b[31m\"\\ HTTP/1.1\r\nHost: a\r\n\r\n", fmt.Sprintf(`"GET /\x1b[31m\x22\x5c HTTP/1.1" 400 %d`, len(badRequest("The address has a character that it can't have.").(*status).page()))},
		{"a\nb\r\n\r\n", fmt.Sprintf(`"a\x0ab" 400 %d`, len(badRequest("The request does not begin with a method.").(*status).page()))},
	} {
		var lines lockedBuffer
		addr, stop := startStoppable(t, &server{log: &lines}, testRoot(t))
		get := dial(t, addr)
		io.WriteString(get, test.request)
		get.CloseWrite()
		io.Copy(io.Discard, get)
		stop()
		want := regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ` + regexp.QuoteMeta(test.line) + `\n$`)
		if !want.MatchString(lines.String()) {
			t.Errorf("sent %q, the log is %q, want a line that ends in %s", test.request, &lines, test.line)
		}
	}
}

func TestSerial(t *testing.T) {
	addr := startServer(t, &server{serial: true}, testRoot(t))
	for range 3 {
		answer := exchange(t, addr, "GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n")
		if !strings.Contains(answer, "\r\nConnection: close\r\n") || !strings.HasSuffix(answer, testFile) {
			t.Errorf("got %q, want the file and the end of the connection", answer)
		}
	}
}

// TestReset has clients break off in the rudest way, and the server go on.
func TestReset(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	for _, text := range []string{"", "GET /lar", "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"} {
		for range 20 {
			client := dial(t, addr)
			io.WriteString(client, text)
			client.SetLinger(0)
			client.Close()
		}
	}
	if answer, body := get(t, addr, "GET", "/file.txt", ""); answer.StatusCode != 200 || body != testFile {
		t.Errorf("after resets: %s, %q", answer.Status, body)
	}
}

// TestLeaks uses the server in all ways, stops it, and counts what is left.
func TestLeaks(t *testing.T) {
	root := testRoot(t)
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	addr, stop := startStoppable(t, &server{}, root)
	var clients []*net.TCPConn
	for i := range 200 {
		client, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, client.(*net.TCPConn))
		switch i % 5 {
		case 1:
			io.WriteString(client, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
		case 2:
			io.WriteString(client, "GET /list/ HTTP/1.1\r\nHost: a\r\n\r\nGET /fi")
		case 3:
			io.WriteString(client, "rubbish\r\n\r\n")
		case 4:
			io.WriteString(client, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
			client.(*net.TCPConn).SetLinger(0)
			client.Close()
		}
	}
	stop()
	for _, client := range clients {
		client.Close()
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > goroutines || openDescriptors() > descriptors {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines and %d descriptors before, %d and %d after\n%s", goroutines, descriptors,
				runtime.NumGoroutine(), openDescriptors(), stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

// openDescriptors counts the open files of this process, where the system tells.
func openDescriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

func TestManyClientsAtOnce(t *testing.T) {
	addr := startServer(t, &server{}, testRoot(t))
	clients := make([]*net.TCPConn, 500)
	for i := range clients {
		clients[i] = dial(t, addr)
	}
	for _, client := range clients {
		io.WriteString(client, "GET /file.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	}
	for i, client := range clients {
		client.SetReadDeadline(time.Now().Add(10 * time.Second))
		if answer, err := io.ReadAll(client); !strings.HasSuffix(string(answer), testFile) || err != nil {
			t.Fatalf("client %d got %q, %v", i, answer, err)
		}
	}
}

// TestStopFinishesAnswer stops the server in the middle of a large file, with
// idle clients beside.
func TestStopFinishesAnswer(t *testing.T) {
	root := t.TempDir()
	const size = 64 << 20
	write(t, root, "large", "")
	os.Truncate(filepath.Join(root, "large"), size)
	addr, stop := startStoppable(t, &server{}, root)
	idle := dial(t, addr)
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(client, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
	reader := bufio.NewReader(client)
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	idle.SetDeadline(time.Now().Add(stopLimit / 2))
	if _, err := io.ReadAll(idle); err != nil {
		t.Errorf("an idle client, when the server stops: %v", err)
	}
	if n, err := io.Copy(io.Discard, answer.Body); n != size || err != nil {
		t.Errorf("%d of %d bytes came after the stop, %v", n, size, err)
	}
	<-stopped
}
