package main

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

// runClient runs the client with the given standard input, and returns what it
// printed, and after that its error, if any.
func runClient(addr string, timeout time.Duration, stdin string) string {
	var stdout strings.Builder
	input := bufio.NewScanner(strings.NewReader(stdin))
	input.Buffer(nil, maxDatagram)
	if err := run(addr, timeout, input, &stdout); err != nil {
		return stdout.String() + "\n" + err.Error()
	}
	return stdout.String()
}

// startServer plays a server that answers the first datagram by calling reply.
func startServer(t *testing.T, reply func(serverSocket net.PacketConn, message []byte, clientAddress net.Addr)) (addr string) {
	t.Helper()
	serverSocket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		buffer := make([]byte, maxDatagram)
		if n, clientAddress, err := serverSocket.ReadFrom(buffer); err == nil {
			reply(serverSocket, buffer[:n], clientAddress)
		}
	}()
	t.Cleanup(func() { serverSocket.Close(); <-served })
	return serverSocket.LocalAddr().String()
}

func echo(serverSocket net.PacketConn, message []byte, clientAddress net.Addr) {
	serverSocket.(*net.UDPConn).SetWriteBuffer(maxDatagram)
	serverSocket.WriteTo(message, clientAddress)
}

const prompt = "Input lowercase sentence:"

func TestSentences(t *testing.T) {
	tests := []struct{ stdin, want string }{
		{"hello\n", "hello\n"},
		{"hello", "hello\n"}, // the last line may lack its end
		{"hello\r\n", "hello\n"},
		{"привет\nand no more\n", "привет\n"},
		{"\n", "\n"}, // UDP carries an empty message
		{strings.Repeat("a", 65507) + "\n", strings.Repeat("a", 65507) + "\n"},
		{"a\x1b[2Jb\x07c\u009bd\x9be\tf\n", "a[2Jbcd\ufffdef\n"},
	}
	for _, test := range tests {
		if got := runClient(startServer(t, echo), time.Minute, test.stdin); got != prompt+test.want {
			t.Errorf("with input %.40q the client printed %.80q, want %.80q", test.stdin, got, prompt+test.want)
		}
	}
}

func TestNotASentence(t *testing.T) {
	addr := startServer(t, echo)
	tests := []struct{ stdin, want string }{
		{"", "reading the sentence: end of input"},
		{strings.Repeat("a", 70000), "reading the sentence: the line is longer than 65535 bytes"},
	}
	for _, test := range tests {
		if got := runClient(addr, time.Minute, test.stdin); got != prompt+"\n\n"+test.want {
			t.Errorf("with input %.40q the client printed %q, want %q", test.stdin, got, test.want)
		}
	}
	if got := runClient(addr, time.Minute, strings.Repeat("a", 65530)); !strings.Contains(got, "message too long") && !strings.Contains(got, "larger") {
		t.Errorf("with 65,530 bytes, more than a datagram holds, the client printed %q", got)
	}
}

// TestForgedAnswer has a stranger answer before the server does.
func TestForgedAnswer(t *testing.T) {
	addr := startServer(t, func(serverSocket net.PacketConn, message []byte, clientAddress net.Addr) {
		stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Error(err)
			return
		}
		defer stranger.Close()
		stranger.WriteTo([]byte("FORGED"), clientAddress)
		serverSocket.WriteTo([]byte("GENUINE"), clientAddress)
	})
	if got, want := runClient(addr, time.Minute, "hello\n"), prompt+"GENUINE\n"; got != want {
		t.Errorf("the client printed %q, want %q", got, want)
	}
}

func TestNoAnswer(t *testing.T) {
	addr := startServer(t, func(net.PacketConn, []byte, net.Addr) {})
	got := runClient(addr, 20*time.Millisecond, "hello\n")
	if want := prompt + "\nno answer from " + addr + " within 20ms"; got != want {
		t.Errorf("the client printed %q, want %q", got, want)
	}
}

func TestNobodyListens(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.LocalAddr().String()
	closed.Close()
	// Windows hears nothing of it.
	if got := runClient(addr, time.Second, "hello\n"); !strings.Contains(got, "no answer") {
		t.Errorf("the client printed %q, want that there is no answer", got)
	}
}
