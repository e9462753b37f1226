package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// answer runs the client against a server that says something and hangs up, and
// returns what the client printed and, after that, its error.
func answer(t *testing.T, says io.Reader) string {
	t.Helper()
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serverSocket.Close()
	go func() {
		connectionSocket, err := serverSocket.Accept()
		if err != nil {
			return
		}
		io.Copy(connectionSocket, says)
		connectionSocket.Close()
	}()
	sonnet, err := request(t.Context(), serverSocket.Addr().String(), time.Minute)
	var stdout strings.Builder
	show(&stdout, sonnet)
	if err != nil {
		stdout.WriteString(err.Error())
	}
	return stdout.String()
}

func TestClient(t *testing.T) {
	tests := []struct{ sonnet, want string }{
		{"I\nRoses are red\n", "I\nRoses are red\n"},
		{"I\r\nRoses are red", "I\nRoses are red\n"},
		{"без номера\n", "без номера\n"},
		{"a\x1b[2Jb\x07c\u009bd\x9be\tf\r\n", "a[2Jbcd\ufffdef\n"},
		{strings.Repeat("x", maxSize), strings.Repeat("x", maxSize) + "\n"},
		{"", "no sonnet: the server has hung up"},
	}
	for _, test := range tests {
		for _, says := range []io.Reader{strings.NewReader(test.sonnet), iotest.OneByteReader(strings.NewReader(test.sonnet))} {
			if len(test.sonnet) == maxSize {
				says = strings.NewReader(test.sonnet)
			}
			if got := answer(t, says); got != test.want {
				t.Errorf("for %.60q the client printed %.60q, want %.60q", test.sonnet, got, test.want)
			}
		}
	}
}

func TestEndlessServer(t *testing.T) {
	got := answer(t, io.LimitReader(endless{}, 100<<20))
	if want := strings.Repeat("x", maxSize) + "\nthe server sends more than 1048576 bytes, and that is no sonnet"; got != want {
		t.Errorf("the client printed %.20q… of %d bytes, want %d", got, len(got), len(want))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestNobodyListens(t *testing.T) {
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serverSocket.Close()
	if message := fails(t, 1, "client", "-addr", serverSocket.Addr().String()); !strings.Contains(message, "refused") {
		t.Errorf("with nobody there the client printed %q, want that the connection is refused", message)
	}
}

// TestTimeout has a server that falls silent after half a sonnet, 9 s after the
// first byte of it; the client waits 5 s for more.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clientSocket, serverSocket := net.Pipe()
		defer serverSocket.Close()
		go func() {
			for _, piece := range []string{"I\n", "Roses ", "are "} {
				io.WriteString(serverSocket, piece)
				time.Sleep(4500 * time.Millisecond)
			}
		}()
		start := time.Now()
		sonnet, err := receive(impatientConn{clientSocket, 5 * time.Second})
		if took := time.Since(start); took != 14*time.Second || string(sonnet) != "I\nRoses are " || err == nil ||
			err.Error() != "receiving the sonnet: the server is silent for 5s" {
			t.Errorf("after %v the client has %q, %v; want half a sonnet, and that the server is silent for 5s", took, sonnet, err)
		}
	})
}
