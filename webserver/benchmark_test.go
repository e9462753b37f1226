package main

import (
	"bufio"
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
)

// The benchmarks have 64 clients ask for a file over and over, each on its own
// connection; of the server of this folder, and of net/http's FileServer.

func BenchmarkServer(b *testing.B) {
	root := benchmarkRoot(b)
	addr := startServer(b, &server{}, root)
	benchmark(b, addr)
}

func BenchmarkFileServer(b *testing.B) {
	root := benchmarkRoot(b)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	peer := &http.Server{Handler: http.FileServer(http.Dir(root))}
	go peer.Serve(listener)
	b.Cleanup(func() { peer.Close() })
	benchmark(b, listener.Addr().String())
}

func benchmarkRoot(b *testing.B) string {
	root := b.TempDir()
	for _, size := range []int{1 << 10, 100 << 10, 10 << 20} {
		name := filepath.Join(root, strconv.Itoa(size))
		write(b, root, strconv.Itoa(size), "")
		if err := os.Truncate(name, int64(size)); err != nil {
			b.Fatal(err)
		}
		if err := os.Chtimes(name, modified, modified); err != nil {
			b.Fatal(err)
		}
	}
	return root
}

func benchmark(b *testing.B, addr string) {
	for _, work := range []struct {
		name, target, fields string
		body                 int64
	}{
		{"1KB", "/1024", "", 1 << 10},
		{"100KB", "/102400", "", 100 << 10},
		{"10MB", "/10485760", "", 10 << 20},
		{"404", "/missing", "", -1},
		{"304", "/1024", "If-Modified-Since: " + lastModified + "\r\n", 0},
	} {
		b.Run(work.name, func(b *testing.B) {
			if work.body > 0 {
				b.SetBytes(work.body)
			}
			request := "GET " + work.target + " HTTP/1.1\r\nHost: localhost\r\n" + work.fields + "\r\n"
			var requests atomic.Int64
			var clients sync.WaitGroup
			for range 64 {
				clients.Go(func() {
					conn, err := net.Dial("tcp", addr)
					if err != nil {
						b.Error(err)
						return
					}
					defer conn.Close()
					reader := bufio.NewReader(conn)
					for requests.Add(1) <= int64(b.N) {
						if err := ask(conn, reader, request, work.body); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			clients.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// ask reads no more of a head than it must, so that the server is what is
// measured.
func ask(conn net.Conn, reader *bufio.Reader, request string, body int64) error {
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok && body < 0 {
			body, _ = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	_, err := io.CopyN(io.Discard, reader, body)
	return err
}
