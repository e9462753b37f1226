package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// talk has the server talk with a client over a pipe, in virtual time.
func talk(t *testing.T, client func(conn net.Conn)) {
	t.Helper()
	s := &server{idle: time.Minute}
	folder, err := openFolder(testRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	s.files = folder
	synctest.Test(t, func(t *testing.T) {
		conn, serverSide := net.Pipe()
		defer conn.Close()
		served := make(chan struct{})
		go func() { s.serveClient(t.Context(), serverSide); close(served) }()
		client(conn)
		<-served
	})
}

// wantClosed reads to the end of the connection, and wants it after so long.
func wantClosed(t *testing.T, conn net.Conn, start time.Time, after time.Duration) (received string) {
	t.Helper()
	all, _ := io.ReadAll(conn)
	if waited := time.Since(start); waited != after {
		t.Errorf("the connection ended after %v, want %v", waited, after)
	}
	return string(all)
}

func TestIdle(t *testing.T) {
	talk(t, func(conn net.Conn) {
		if got := wantClosed(t, conn, time.Now(), time.Minute); got != "" {
			t.Errorf("who says nothing got %q", got)
		}
	})
}

func TestIdleAfterAnswer(t *testing.T) {
	talk(t, func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		for range 3 {
			time.Sleep(50 * time.Second)
			io.WriteString(conn, "GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n")
			answer, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.ReadAll(answer.Body)
		}
		wantClosed(t, conn, time.Now(), time.Minute)
	})
}

// TestSlowHead sends a byte a second.
func TestSlowHead(t *testing.T) {
	talk(t, func(conn net.Conn) {
		time.Sleep(30 * time.Second)
		start := time.Now()
		var sending sync.WaitGroup
		defer sending.Wait()
		sending.Go(func() {
			for range 100 {
				if _, err := conn.Write([]byte("X")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		if got := wantClosed(t, conn, start, headLimit); !strings.HasPrefix(got, "HTTP/1.1 408 ") {
			t.Errorf("a slow head got %q", got)
		}
	})
}

// TestSlowBody has a body that nobody wants, and that does not come.
func TestSlowBody(t *testing.T) {
	talk(t, func(conn net.Conn) {
		start := time.Now()
		io.WriteString(conn, "GET /file.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
		if got := wantClosed(t, conn, start, headLimit); strings.Count(got, "HTTP/1.1 ") != 1 || !strings.HasSuffix(got, testFile) {
			t.Errorf("got %q", got)
		}
	})
}

// TestNoReader asks and does not receive, or not the whole, with half another
// request behind.
func TestNoReader(t *testing.T) {
	for _, target := range []string{"/file.txt", "/large.bin"} {
		for _, receive := range []int{0, 100} {
			talk(t, func(conn net.Conn) {
				io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\nGET /fi")
				io.ReadFull(conn, make([]byte, receive))
				time.Sleep(2 * writeLimit)
				if got, _ := io.ReadAll(conn); len(got) > 0 {
					t.Errorf("who had received nothing for %v then still got %q", 2*writeLimit, got)
				}
			})
		}
	}
}

// TestSlowReader receives little by little, for longer than the limit.
func TestSlowReader(t *testing.T) {
	talk(t, func(conn net.Conn) {
		io.WriteString(conn, "GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		received := 0
		for {
			time.Sleep(writeLimit / 2)
			n, err := io.ReadFull(conn, make([]byte, 20000))
			received += n
			if err != nil {
				break
			}
		}
		if received <= 320000 {
			t.Errorf("a slow reader got %d bytes of 320000", received)
		}
	})
}
