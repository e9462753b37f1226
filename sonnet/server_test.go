package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// startServer serves sonnets on a free port until the test is over.
func startServer(tb testing.TB, sonnets ...string) (addr string) {
	tb.Helper()
	addr, stop := startStoppable(tb, &server{sonnets, time.Minute})
	tb.Cleanup(stop)
	return addr
}

// startStoppable runs s on a free port until stop is called, which waits for
// its end.
func startStoppable(tb testing.TB, s *server) (addr string, stop func()) {
	tb.Helper()
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { s.serve(ctx, serverSocket.(*net.TCPListener)); close(served) }()
	return serverSocket.Addr().String(), func() { cancel(); <-served }
}

func dial(tb testing.TB, addr string) *net.TCPConn {
	tb.Helper()
	client, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(10 * time.Second))
	return client.(*net.TCPConn)
}

// TestEvenOdds draws each sonnet 100 times on average. The sum of the squared
// deviations, in units of 100, is about 153, and exceeds 230 once in 10,000
// runs.
func TestEvenOdds(t *testing.T) {
	sonnets, err := load("")
	if err != nil {
		t.Fatal(err)
	}
	const each = 100
	addr := startServer(t, sonnets...)
	draws := make(chan string, each*len(sonnets))
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range each * len(sonnets) / 4 {
				client, err := net.Dial("tcp", addr)
				if err != nil {
					t.Error(err)
					return
				}
				sonnet, err := io.ReadAll(client)
				if err != nil {
					t.Error(err)
				}
				draws <- string(sonnet)
				client.Close()
			}
		})
	}
	clients.Wait()
	close(draws)
	count := make(map[string]int)
	for sonnet := range draws {
		count[sonnet]++
	}
	chiSquare := 0.0
	for i, sonnet := range sonnets {
		deviation := float64(count[sonnet] - each)
		chiSquare += deviation * deviation / each
		if count[sonnet] == 0 {
			t.Errorf("sonnet %d never came", i+1)
		}
	}
	if len(count) != len(sonnets) || chiSquare > 230 {
		t.Errorf("%d different texts came, want %d; chi-square is %.0f, want about 153", len(count), len(sonnets), chiSquare)
	}
}

// TestWhateverTheClientSends has clients that send a lot before they receive: a
// connection closed over what they sent would be reset, and lose the sonnet.
func TestWhateverTheClientSends(t *testing.T) {
	sonnet := "I\n" + strings.Repeat("and on and on\n", 10)
	addr := startServer(t, sonnet)
	for _, size := range []int{0, 1, 1000, 10 << 20} {
		client := dial(t, addr)
		if _, err := client.Write(make([]byte, size)); err != nil {
			t.Errorf("sending %d bytes: %v", size, err)
		}
		if got, err := io.ReadAll(client); err != nil || string(got) != sonnet {
			t.Errorf("sent %d bytes, received %q, %v", size, got, err)
		}
	}
}

// TestLongestSonnet receives in small pieces what does not leave in one.
func TestLongestSonnet(t *testing.T) {
	sonnet := "I\n" + strings.Repeat("x", maxSize-2)
	client := dial(t, startServer(t, sonnet))
	if got, err := io.ReadAll(bufio.NewReaderSize(client, 100)); err != nil || string(got) != sonnet {
		t.Errorf("received %d bytes of %d, %v", len(got), len(sonnet), err)
	}
}

// TestClientWhoStays takes the sonnet and does not hang up.
func TestClientWhoStays(t *testing.T) {
	addr, stop := startStoppable(t, &server{[]string{"I\na\n"}, 20 * time.Millisecond})
	defer stop()
	client := dial(t, addr)
	io.ReadAll(client)
	for { // until the server has closed its half too, and answers with a reset
		if _, err := client.Write([]byte("still here")); err != nil {
			return
		}
	}
}

func TestResets(t *testing.T) {
	addr := startServer(t, "I\na\n")
	for range 50 {
		client := dial(t, addr)
		client.SetLinger(0)
		client.Close()
	}
	if got, err := io.ReadAll(dial(t, addr)); string(got) != "I\na\n" || err != nil {
		t.Errorf("after resets, a client got %q, %v", got, err)
	}
}

// TestStop stops the server with clients that have their sonnet and don't hang
// up, and with one whose sonnet is on its way.
func TestStop(t *testing.T) {
	sonnet := "I\n" + strings.Repeat("x", 8<<20) // more than the buffers of both sockets
	addr, stop := startStoppable(t, &server{[]string{sonnet}, time.Minute})
	slow := dial(t, addr)
	if _, err := io.ReadFull(slow, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := io.ReadAll(dial(t, addr)); err != nil {
			t.Fatal(err)
		}
	}

	start := time.Now()
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	for {
		if refused, err := net.Dial("tcp", addr); err != nil {
			break // the server has begun to stop
		} else {
			refused.Close()
		}
	}
	if rest, err := io.ReadAll(slow); len(rest) != len(sonnet)-2 || err != nil {
		t.Errorf("the sonnet that was on its way ended after %d bytes of %d, %v", len(rest), len(sonnet)-2, err)
	}
	<-stopped
	if took := time.Since(start); took > stopLimit/2 {
		t.Errorf("stopping took %v", took)
	}
}

// TestStopLimit has a client that takes nothing.
func TestStopLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as the server waits")
	}
	t.Parallel()
	addr, stop := startStoppable(t, &server{[]string{"I\n" + strings.Repeat("x", 64<<20)}, time.Minute})
	client := dial(t, addr)
	client.Read(make([]byte, 1))
	start := time.Now()
	stop()
	if took := time.Since(start); took > 2*stopLimit {
		t.Errorf("stopping took %v with a client that takes nothing, want %v", took, stopLimit)
	}
}

// The benchmarks have 16 clients connect, receive the sonnet and close, over
// and over, against the server of this folder and against the shortest loop
// that package net allows.

func BenchmarkServer(b *testing.B) {
	sonnets, err := load("")
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, startServer(b, sonnets...))
}

func BenchmarkPlainLoop(b *testing.B) {
	sonnets, err := load("")
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for i := 0; ; i++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				io.WriteString(conn, sonnets[i%len(sonnets)])
				conn.Close()
			}()
		}
	}()
	benchmark(b, listener.Addr().String())
}

func benchmark(b *testing.B, addr string) {
	const clients = 16
	var connections atomic.Int64
	var working sync.WaitGroup
	for range clients {
		working.Go(func() {
			var sonnet bytes.Buffer
			for connections.Add(1) <= int64(b.N) {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					b.Error(err)
					return
				}
				sonnet.Reset()
				if _, err := sonnet.ReadFrom(conn); err != nil || sonnet.Len() < 500 {
					b.Errorf("received %d bytes, %v", sonnet.Len(), err)
				}
				conn.Close()
			}
		})
	}
	working.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sonnets/s")
}
