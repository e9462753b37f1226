package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// The benchmarks have 16 clients ask over connections that they keep: for what
// is stored, for what is not and may not be, and for what is stored now; and the
// same, without a cache, of the proxy that the standard library has.

func BenchmarkHit1K(b *testing.B) {
	benchmark(b, startProxy(b, &proxy{}, b.TempDir()), "GET", "/keep/1024", false)
}
func BenchmarkHit100K(b *testing.B) {
	benchmark(b, startProxy(b, &proxy{}, b.TempDir()), "GET", "/keep/102400", false)
}
func BenchmarkHit1M(b *testing.B) {
	benchmark(b, startProxy(b, &proxy{}, b.TempDir()), "GET", "/keep/1048576", false)
}
func BenchmarkMiss1K(b *testing.B) {
	benchmark(b, startProxy(b, &proxy{}, b.TempDir()), "GET", "/keep/1024", true)
}
func BenchmarkPass1K(b *testing.B) {
	benchmark(b, startProxy(b, &proxy{}, b.TempDir()), "GET", "/pass/1024", false)
}
func BenchmarkPass100K(b *testing.B) {
	benchmark(b, startProxy(b, &proxy{}, b.TempDir()), "GET", "/pass/102400", false)
}
func BenchmarkPost1K(b *testing.B) {
	benchmark(b, startProxy(b, &proxy{}, b.TempDir()), "POST", "/pass/1024", false)
}
func BenchmarkReverseProxy1K(b *testing.B) {
	benchmark(b, startReverseProxy(b), "GET", "/pass/1024", false)
}
func BenchmarkReverseProxy100K(b *testing.B) {
	benchmark(b, startReverseProxy(b), "GET", "/pass/102400", false)
}
func BenchmarkReverseProxyPost1K(b *testing.B) {
	benchmark(b, startReverseProxy(b), "POST", "/pass/1024", false)
}

func startReverseProxy(b *testing.B) (addr string) {
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {}, // the address is whole already
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	})
	b.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func benchmark(b *testing.B, addr, method, path string, unique bool) {
	body := strings.Repeat("x", 1<<20)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Cache-Control", map[bool]string{true: "max-age=3600", false: "no-store"}[strings.HasPrefix(r.URL.Path, "/keep")])
		size, _ := strconv.Atoi(r.URL.Path[6:])
		w.Header().Set("Content-Length", strconv.Itoa(size))
		io.WriteString(w, body[:size])
	}))
	b.Cleanup(origin.Close)
	size, _ := strconv.Atoi(path[6:])
	b.SetBytes(int64(size))

	const clients = 16
	var requests atomic.Int64
	var working sync.WaitGroup
	b.ResetTimer()
	for range clients {
		working.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			in := bufio.NewReaderSize(conn, 64<<10)
			for {
				i := requests.Add(1)
				if i > int64(b.N) {
					return
				}
				url := origin.URL + path
				if unique {
					url += fmt.Sprint("?", i)
				}
				request := method + " " + url + " HTTP/1.1\r\nHost: x\r\n"
				if method == "POST" {
					request += "Content-Length: 1024\r\n\r\n" + body[:1024]
				} else {
					request += "\r\n"
				}
				io.WriteString(conn, request)
				response, err := http.ReadResponse(in, nil)
				if err != nil {
					b.Error(err)
					return
				}
				if n, err := io.Copy(io.Discard, response.Body); n != int64(size) || err != nil {
					b.Errorf("%d bytes, %v", n, err)
					return
				}
			}
		})
	}
	working.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
