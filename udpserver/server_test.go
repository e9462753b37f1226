package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// startServer serves on a free port until the test is over.
func startServer(tb testing.TB, modify func(message []byte) []byte) (addr string) {
	tb.Helper()
	serverSocket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { serve(ctx, serverSocket, modify); close(served) }()
	tb.Cleanup(func() {
		stop()
		<-served
		serverSocket.Close()
	})
	return serverSocket.LocalAddr().String()
}

// exchange sends message to addr and returns the answer.
func exchange(t *testing.T, addr, message string) string {
	t.Helper()
	client := dial(t, addr)
	send(t, client, message)
	buffer := make([]byte, maxDatagram)
	client.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := client.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

func Example_thank() {
	answer := thank(os.Stdout, []byte("client data"))
	fmt.Printf("%s\n", answer)
	// Output:
	// Server got data from client: client data
	// Thank you for the data
}

func TestServeEverySize(t *testing.T) {
	addr := startServer(t, upper)
	for _, size := range []int{0, 1, 1472, 1473, 2049, 9217, 65507} {
		if got, want := exchange(t, addr, strings.Repeat("a", size)), strings.Repeat("A", size); got != want {
			t.Errorf("a datagram of %d bytes came back as %.20q… of %d", size, got, len(got))
		}
	}
}

// TestServeEveryAddress listens without a host, and asks over IPv4 and IPv6.
func TestServeEveryAddress(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, stdout := io.Pipe()
	ended := make(chan error)
	go func() { ended <- run(ctx, ":0", "upper", stdout) }()
	var addr string
	if _, err := fmt.Fscanf(ready, "The server is ready to receive on %s\n", &addr); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	if got := exchange(t, "127.0.0.1:"+port, "four"); got != "FOUR" {
		t.Errorf("over IPv4 %q came back", got)
	}
	if probe, err := net.ListenPacket("udp", "[::1]:0"); err == nil {
		probe.Close()
		if got := exchange(t, "[::1]:"+port, strings.Repeat("a", 65527)); got != strings.Repeat("A", 65527) {
			t.Errorf("over IPv6 %d bytes came back", len(got))
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServeManyClients(t *testing.T) {
	addr := startServer(t, upper)
	clients := make([]net.Conn, 200)
	for i := range clients {
		clients[i] = dial(t, addr)
		send(t, clients[i], fmt.Sprintf("from client %d", i))
	}
	for i, client := range clients {
		checkReceived(t, client, fmt.Sprintf("from client %d", i), fmt.Sprintf("FROM CLIENT %d", i))
	}
}

func TestThankIsSafeToPrint(t *testing.T) {
	tests := []struct{ message, want string }{
		{"привет", "привет"},
		{"a\x1b[31mred\r\nServer got data from client: forged\x07", "a[31mredServer got data from client: forged"},
		{"\u009b31m\x9b31m", "31m\ufffd31m"}, // the control sequence introducer, as a letter and as a byte
		{"", ""},
		{strings.Repeat("x", 2000), strings.Repeat("x", 1024)},
	}
	for _, test := range tests {
		var stdout strings.Builder
		answer := thank(&stdout, []byte(test.message))
		if want := "Server got data from client: " + test.want + "\n"; stdout.String() != want {
			t.Errorf("thank(%.40q) printed %.80q, want %.80q", test.message, stdout.String(), want)
		}
		if string(answer) != "Thank you for the data" {
			t.Errorf("thank(%.40q) = %q", test.message, answer)
		}
	}
}

// TestRun goes through the sheet's whole program: ready line, answer, end.
func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	output, stdout := io.Pipe()
	ended := make(chan error)
	go func() { ended <- run(ctx, "localhost:0", "thanks", stdout); stdout.Close() }()

	var addr string
	if _, err := fmt.Fscanf(output, "The server is ready to receive on %s\n", &addr); err != nil {
		t.Fatal(err)
	}
	printed := make(chan []byte)
	go func() { rest, _ := io.ReadAll(output); printed <- rest }()
	if answer := exchange(t, addr, "client data"); answer != "Thank you for the data" {
		t.Errorf("the answer is %q", answer)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if rest, want := <-printed, "Server got data from client: client data\n"; string(rest) != want {
		t.Errorf("printed %q, want %q", rest, want)
	}
}

// The benchmarks keep 32 datagrams of 64 bytes in flight, once against serve
// and once against the shortest loop that package net allows.

func BenchmarkServe(b *testing.B) {
	benchmark(b, startServer(b, upper))
}

func BenchmarkPlainLoop(b *testing.B) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	go func() {
		buffer := make([]byte, 2048)
		for {
			n, addr, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			conn.WriteTo(bytes.ToUpper(buffer[:n]), addr)
		}
	}()
	benchmark(b, conn.LocalAddr().String())
}

func benchmark(b *testing.B, addr string) {
	const inFlight = 32
	client, err := net.Dial("udp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	client.SetReadDeadline(time.Now().Add(time.Minute)) // a lost datagram would stop it
	message := bytes.Repeat([]byte("a"), 64)
	buffer := make([]byte, 2048)
	b.ReportAllocs()
	sent := 0
	for received := 0; received < b.N; received++ {
		for ; sent < b.N && sent < received+inFlight; sent++ {
			client.Write(message)
		}
		if _, err := client.Read(buffer); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}
