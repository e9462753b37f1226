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
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// startServer runs s on a free port until the test is over.
func startServer(tb testing.TB, s *server) (addr string) {
	tb.Helper()
	addr, stop := startStoppable(tb, s)
	tb.Cleanup(stop)
	return addr
}

// startStoppable runs s on a free port until stop is called, which waits for
// its end.
func startStoppable(tb testing.TB, s *server) (addr string, stop func()) {
	tb.Helper()
	if s.idle == 0 {
		s.idle = time.Minute
	}
	if s.service == nil {
		s.service = log.New(io.Discard, "", 0)
	}
	serverSocket, err := s.listen(tb.Context(), "127.0.0.1:0", false)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { s.serve(ctx, serverSocket); close(served) }()
	return serverSocket.Addr().String(), func() { cancel(); <-served }
}

// exchange sends a sentence to addr and returns all that comes back.
func exchange(t *testing.T, addr, sentence string) string {
	t.Helper()
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(10 * time.Second))
	send(t, client, sentence)
	answer, err := io.ReadAll(client)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func Example() {
	s := &server{talk: (*server).reply, idle: time.Minute, service: log.New(os.Stdout, "", 0)}
	s.service.SetOutput(removeAddresses{os.Stdout})
	ctx, stop := context.WithCancel(context.Background())
	ready, stdout := io.Pipe()
	ended := make(chan error)
	go func() { ended <- s.run(ctx, "localhost:0", false, stdout) }()
	var addr string
	fmt.Fscanf(ready, "The server is ready to receive on %s\n", &addr)

	client, err := net.Dial("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	io.WriteString(client, "a lowercase sentence")
	answer, _ := io.ReadAll(client)
	fmt.Printf("From Server: %s\n", answer)

	stop()
	<-ended
	// Unordered output:
	// server started
	// listening on [address]
	// client [address] connected
	// received 20 bytes from [address]
	// sent 20 bytes to [address]
	// client [address] disconnected
	// From Server: A LOWERCASE SENTENCE
	// server stopped
}

// removeAddresses writes on without the port numbers, which are never the same.
type removeAddresses struct{ io.Writer }

func (w removeAddresses) Write(p []byte) (int, error) {
	_, err := w.Writer.Write(regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAll(p, []byte("[address]")))
	return len(p), err
}

func TestReply(t *testing.T) {
	addr := startServer(t, &server{talk: (*server).reply})
	tests := []struct{ sentence, want string }{
		{"привет", "ПРИВЕТ"},
		{"a\xff\x00b", "A\xff\x00B"},
		{strings.Repeat("a", 1023), strings.Repeat("A", 1023)},
		{strings.Repeat("a", 1024), strings.Repeat("A", 1024)},
		{strings.Repeat("a", 1025), strings.Repeat("A", 1024)},
		{strings.Repeat("a", 10<<20), strings.Repeat("A", 1024)}, // and the rest does not cost the answer
	}
	for _, test := range tests {
		if got := exchange(t, addr, test.sentence); got != test.want {
			t.Errorf("sent %.20q of %d bytes, got %.20q of %d, want %.20q of %d",
				test.sentence, len(test.sentence), got, len(got), test.want, len(test.want))
		}
	}
}

// TestReplyWhileSending has a client send on and on after its first 1024 bytes,
// and receive only then: a reset would have made it lose the answer.
func TestReplyWhileSending(t *testing.T) {
	addr := startServer(t, &server{talk: (*server).reply})
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(10 * time.Second))
	for range 100 {
		send(t, client, strings.Repeat("a", 1024))
	}
	client.CloseWrite()
	if answer, err := io.ReadAll(client); string(answer) != strings.Repeat("A", 1024) || err != nil {
		t.Errorf("the answer is %.20q of %d bytes, %v", answer, len(answer), err)
	}
}

func TestThank(t *testing.T) {
	addr := startServer(t, &server{talk: (*server).thank})
	for _, sentence := range []string{"", "hello", strings.Repeat("a", 1<<20)} {
		if got, want := exchange(t, addr, sentence), "Thank you for the connection"; got != want {
			t.Errorf("sent %.20q of %d bytes, got %q, want %q", sentence, len(sentence), got, want)
		}
	}
}

func TestEchoBulk(t *testing.T) {
	addr := startServer(t, &server{talk: (*server).echo})
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(time.Minute))
	data := make([]byte, 10<<20)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	go func() {
		client.Write(data)
		client.CloseWrite()
	}()
	if got, err := io.ReadAll(client); err != nil || !bytes.Equal(got, data) {
		t.Errorf("10 MB came back as %d bytes, %v; equal: %v", len(got), err, bytes.Equal(got, data))
	}
}

// TestEchoConversation sends portions one at a time, of all sizes around 1 KB.
func TestEchoConversation(t *testing.T) {
	addr := startServer(t, &server{talk: (*server).echo})
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(time.Minute))
	for _, size := range []int{1, 2, 1023, 1024, 1025, 2048, 16383, 16384, 16385, 40000} {
		sentence := strings.Repeat("x", size)
		send(t, client, sentence)
		answer := make([]byte, size)
		if _, err := io.ReadFull(client, answer); err != nil || string(answer) != sentence {
			t.Fatalf("%d bytes came back as %.20q, %v", size, answer, err)
		}
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	addr := startServer(t, &server{talk: (*server).echo})
	clients := make([]*net.TCPConn, 500)
	for i := range clients {
		clients[i] = dial(t, addr)
	}
	for i, client := range clients {
		send(t, client, fmt.Sprintf("client %d", i))
		client.CloseWrite()
	}
	for i, client := range clients {
		client.SetReadDeadline(time.Now().Add(10 * time.Second))
		if answer, err := io.ReadAll(client); string(answer) != fmt.Sprintf("client %d", i) || err != nil {
			t.Fatalf("client %d got %q, %v", i, answer, err)
		}
	}
}

// TestSilentClient connects, says nothing, and is let go, in every mode.
func TestSilentClient(t *testing.T) {
	for name, talk := range modes {
		var service lockedBuffer
		addr, stop := startStoppable(t, &server{talk: talk, idle: 20 * time.Millisecond, service: log.New(&service, "", 0)})
		client := dial(t, addr)
		client.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadAll(client); err != nil {
			t.Errorf("%s: a silent client hears %v, want the end of the connection", name, err)
		}
		client.Close()
		stop()
		if name != "thanks" && !strings.Contains(service.String(), "20ms of silence") {
			t.Errorf("%s: the service messages do not tell that the client was silent:\n%s", name, &service)
		}
	}
}

// TestReset has clients break off in the rudest way, and the server go on.
func TestReset(t *testing.T) {
	for name, talk := range modes {
		addr := startServer(t, &server{talk: talk})
		for range 50 {
			client := dial(t, addr)
			send(t, client, "hello")
			client.SetLinger(0)
			client.Close()
		}
		client := dial(t, addr)
		send(t, client, "hello")
		client.CloseWrite()
		client.SetReadDeadline(time.Now().Add(10 * time.Second))
		if answer, err := io.ReadAll(client); len(answer) == 0 || err != nil {
			t.Errorf("%s: after resets, a client got %q, %v", name, answer, err)
		}
	}
}

// TestStopLetsSilentClientsGo stops the server with clients in all states.
func TestStopLetsSilentClientsGo(t *testing.T) {
	for name, talk := range modes {
		addr, stop := startStoppable(t, &server{talk: talk})
		for range 10 {
			dial(t, addr)
		}
		start := time.Now()
		stop()
		if took := time.Since(start); took > stopLimit/2 {
			t.Errorf("%s: stopping took %v with silent clients only", name, took)
		}
	}
}

// TestStopFinishesTransfer stops the server in the middle of an echo.
func TestStopFinishesTransfer(t *testing.T) {
	addr, stop := startStoppable(t, &server{talk: (*server).echo})
	client := dial(t, addr)
	client.SetDeadline(time.Now().Add(10 * time.Second))
	portion := strings.Repeat("x", 1000)
	talk := func() {
		t.Helper()
		send(t, client, portion)
		answer := make([]byte, len(portion))
		if _, err := io.ReadFull(client, answer); err != nil || string(answer) != portion {
			t.Fatalf("the echo is %.20q, %v", answer, err)
		}
	}
	talk()
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	for {
		if refused, err := net.Dial("tcp", addr); err != nil {
			break // the server has begun to stop
		} else {
			refused.Close()
		}
	}
	for range 200 {
		talk()
	}
	client.CloseWrite()
	if rest, err := io.ReadAll(client); len(rest) > 0 || err != nil {
		t.Errorf("the echo ended with %q, %v", rest, err)
	}
	<-stopped
}

// TestStopLimit has a client that never stops sending.
func TestStopLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as the server waits")
	}
	t.Parallel()
	addr, stop := startStoppable(t, &server{talk: (*server).echo})
	client := dial(t, addr)
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			if _, err := client.Write(make([]byte, 100)); err != nil {
				return
			}
		}
	})
	sending.Go(func() { io.Copy(io.Discard, client) })
	start := time.Now()
	stop()
	if took := time.Since(start); took > 2*stopLimit {
		t.Errorf("stopping took %v with a client that never ends, want %v", took, stopLimit)
	}
	sending.Wait()
}

func TestNextPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	s := &server{service: log.New(io.Discard, "", 0)}
	if _, err := s.listen(t.Context(), taken.Addr().String(), false); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listen on a taken port = %v", err)
	}
	serverSocket, err := s.listen(t.Context(), taken.Addr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer serverSocket.Close()
	if got, from := serverSocket.Addr().(*net.TCPAddr).Port, taken.Addr().(*net.TCPAddr).Port; got <= from {
		t.Errorf("the next port after %d is %d", from, got)
	}
}

func TestNoNextPort(t *testing.T) {
	last, err := net.Listen("tcp", "127.0.0.1:65535")
	if err != nil {
		t.Skip(err)
	}
	defer last.Close()
	s := &server{service: log.New(io.Discard, "", 0)}
	if _, err := s.listen(t.Context(), "127.0.0.1:65535", true); err == nil {
		t.Error("listen found a port after 65535")
	}
}

func TestLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.log")
	for range 2 { // the second run appends
		cmd := program(t, "-addr", "localhost:0", "-log", file)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var addr string
		if _, err := fmt.Fscanf(stdout, "The server is ready to receive on %s\n", &addr); err != nil {
			t.Fatal(err)
		}
		exchange(t, addr, "hello")
		cmd.Process.Kill()
		cmd.Wait()
		if stderr.Len() > 0 {
			t.Errorf("with -log, standard error got %q", &stderr)
		}
	}
	messages, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"server started", "listening on 127.0.0.1:", " connected", "received 5 bytes", "sent 5 bytes"} {
		if got := strings.Count(string(messages), want); got != 2 {
			t.Errorf("the log has %q %d times, want 2:\n%s", want, got, messages)
		}
	}
}

func TestAskPort(t *testing.T) {
	tests := []struct {
		stdin     string
		want      string
		questions int
		err       bool
	}{
		{"\n", "localhost:12000", 1, false},
		{" 8080 \n", "localhost:8080", 1, false},
		{"0\n", "localhost:0", 1, false},
		{"-1\n65536\nhttp\n1e3\n99999999999999999999\n12001\n", "localhost:12001", 6, false},
		{"", "", 1, true},
		{"rubbish\n", "", 2, true},
		{strings.Repeat("1", 1<<20), "", 1, true},
	}
	for _, test := range tests {
		var output strings.Builder
		addr, err := askPort(bufio.NewScanner(strings.NewReader(test.stdin)), &output, "localhost:12000")
		if addr != test.want || (err != nil) != test.err {
			t.Errorf("askPort with input %.60q = %q, %v; want %q", test.stdin, addr, err, test.want)
		}
		if got := strings.Count(output.String(), "]: "); got != test.questions {
			t.Errorf("askPort with input %.60q asked %d times, want %d:\n%s", test.stdin, got, test.questions, &output)
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

// The benchmarks have 16 clients connect, send a sentence, receive the answer
// and close, over and over, and send bulk data through the echo; against the
// server of this folder, and against the shortest loop that package net allows.

func BenchmarkReply(b *testing.B) {
	benchmarkReply(b, startServer(b, &server{talk: (*server).reply}))
}

func BenchmarkReplyPlainLoop(b *testing.B) {
	benchmarkReply(b, startPlainLoop(b, func(conn net.Conn) {
		sentence := make([]byte, 1024)
		n, _ := conn.Read(sentence)
		conn.Write(bytes.ToUpper(sentence[:n]))
	}))
}

func BenchmarkEcho(b *testing.B) {
	benchmarkEcho(b, startServer(b, &server{talk: (*server).echo}))
}

func BenchmarkEchoPlainLoop(b *testing.B) {
	benchmarkEcho(b, startPlainLoop(b, func(conn net.Conn) {
		portion := make([]byte, 1024)
		for {
			n, err := conn.Read(portion)
			if err != nil {
				return
			}
			conn.Write(portion[:n])
		}
	}))
}

func startPlainLoop(b *testing.B, talk func(conn net.Conn)) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				talk(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func benchmarkReply(b *testing.B, addr string) {
	const clients = 16
	var connections atomic.Int64
	var working sync.WaitGroup
	for range clients {
		working.Go(func() {
			answer := make([]byte, 1024)
			for connections.Add(1) <= int64(b.N) {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					b.Error(err)
					return
				}
				io.WriteString(conn, "a lowercase sentence")
				if n, err := conn.Read(answer); string(answer[:n]) != "A LOWERCASE SENTENCE" {
					b.Errorf("the answer is %q, %v", answer[:n], err)
				}
				conn.Close()
			}
		})
	}
	working.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "conn/s")
}

func benchmarkEcho(b *testing.B, addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	data := make([]byte, 64<<10)
	b.SetBytes(int64(len(data)))
	go func() {
		for range b.N {
			conn.Write(data)
		}
	}()
	if _, err := io.CopyN(io.Discard, conn, int64(b.N)*int64(len(data))); err != nil {
		b.Fatal(err)
	}
}
