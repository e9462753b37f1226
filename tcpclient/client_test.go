package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// runClient runs the client with the given standard input, and returns what it
// printed, and after that its error, if any.
func runClient(addr string, timeout time.Duration, stdin string, looping ...bool) string {
	var stdout strings.Builder
	input := bufio.NewScanner(strings.NewReader(stdin))
	input.Buffer(nil, maxLine)
	if err := run(addr, timeout, len(looping) > 0, input, &stdout); err != nil {
		return stdout.String() + "\n" + err.Error()
	}
	return stdout.String()
}

// startServer plays a server that calls talk for one client.
func startServer(t *testing.T, talk func(connectionSocket *net.TCPConn)) (addr string) {
	t.Helper()
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	t.Cleanup(func() { serverSocket.Close(); <-served })
	go func() {
		defer close(served)
		connectionSocket, err := serverSocket.Accept()
		if err != nil {
			return
		}
		defer connectionSocket.Close()
		talk(connectionSocket.(*net.TCPConn))
	}()
	return serverSocket.Addr().String()
}

// echo is a server that goes on.
func echo(connectionSocket *net.TCPConn) { io.Copy(connectionSocket, connectionSocket) }

// listing is what the listing's server does, whose close resets the connection
// when a part of the sentence is left unread.
func listing(connectionSocket *net.TCPConn) {
	sentence := make([]byte, 1024)
	n, _ := connectionSocket.Read(sentence)
	connectionSocket.Write([]byte(strings.ToUpper(string(sentence[:n]))))
}

// slow answers letter by letter.
func slow(connectionSocket *net.TCPConn) {
	sentence := make([]byte, 1024)
	n, _ := connectionSocket.Read(sentence)
	for i := range n {
		connectionSocket.Write(sentence[i : i+1])
		<-time.After(10 * time.Millisecond) // or else they leave together
	}
	io.Copy(io.Discard, connectionSocket) // until the client hangs up
}

// says answers with a fixed text, whatever it is sent.
func says(text string) func(*net.TCPConn) {
	return func(connectionSocket *net.TCPConn) {
		connectionSocket.Read(make([]byte, 1024))
		io.WriteString(connectionSocket, text)
		connectionSocket.CloseWrite()
		io.Copy(io.Discard, connectionSocket)
	}
}

const promptText = "Input lowercase sentence:"

func Example() {
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		connectionSocket, err := serverSocket.Accept()
		if err == nil {
			listing(connectionSocket.(*net.TCPConn))
			connectionSocket.Close()
		}
	}()
	input := bufio.NewScanner(strings.NewReader("a lowercase sentence\n"))
	run(serverSocket.Addr().String(), time.Minute, false, input, os.Stdout)
	// Output: Input lowercase sentence:From Server: A LOWERCASE SENTENCE
}

func TestSentences(t *testing.T) {
	long := strings.Repeat("a", 10<<20)
	tests := []struct {
		server      func(*net.TCPConn)
		stdin, want string
	}{
		{listing, "hello\n", "From Server: HELLO\n"},
		{listing, "hello", "From Server: HELLO\n"}, // the last line may lack its end
		{listing, "hello\r\n", "From Server: HELLO\n"},
		{listing, "привет\nand no more\n", "From Server: ПРИВЕТ\n"},
		{slow, "hello\n", "From Server: hello\n"},
		{echo, long + "\n", "From Server: " + long + "\n"},
		{says("Thank you for the connection"), "hi\n", "From Server: Thank you for the connection\n"},
		{says("short"), "a sentence that is longer than its answer\n", "From Server: short\n"},
		{says("a\x1b[2Jb\x07c\u009bd\x9be\tf\r\nForged: line"), "hello\n", "From Server: a[2Jbcd\ufffdefForged: line\n"},
	}
	for _, test := range tests {
		if got := runClient(startServer(t, test.server), time.Minute, test.stdin); got != promptText+test.want {
			t.Errorf("with input %.40q the client printed %.80q, want %.80q", test.stdin, got, promptText+test.want)
		}
	}
}

func TestFailures(t *testing.T) {
	quarter := strings.Repeat("a", 256)
	tests := []struct {
		about       string
		server      func(*net.TCPConn)
		stdin, want string
	}{
		{"no input", echo, "", "\n\nreading the sentence: end of input"},
		{"an empty sentence", echo, "\n", "\nan empty sentence can't be answered"},
		{"too long a sentence", echo, strings.Repeat("a", 16<<20+1), "\n\nreading the sentence: the line is longer than 16777216 bytes"},
		{"the server hangs up", func(*net.TCPConn) {}, "hello\n", "\nno answer: "},
		{"the server is silent", func(c *net.TCPConn) { io.Copy(io.Discard, c) }, "hello\n", "\nno answer within 200ms"},
		{"the server falls silent", func(c *net.TCPConn) { io.WriteString(c, "HE"); io.Copy(io.Discard, c) }, "hello\n",
			"From Server: HE\n\nthe answer is cut: 5 bytes were sent, 2 came back"},
		{"the listing cuts", listing, strings.Repeat(quarter, 5), "From Server: " + strings.ToUpper(strings.Repeat(quarter, 4)) + "\n\nthe answer is cut: 1280 bytes were sent, 1024 came back"},
		{"a server cuts and hangs up", says(quarter), strings.Repeat(quarter, 5), "From Server: " + quarter + "\n\nthe answer is cut: 1280 bytes were sent, 256 came back"},
	}
	for _, test := range tests {
		got := runClient(startServer(t, test.server), 200*time.Millisecond, test.stdin)
		if !strings.HasPrefix(got, promptText+test.want) {
			t.Errorf("%s: the client printed %.80q…, want %.80q…", test.about, got, promptText+test.want)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := serverSocket.Addr().String()
	serverSocket.Close()
	if got := runClient(addr, time.Minute, "hello\n"); !strings.Contains(got, "refused") || strings.Contains(got, promptText) {
		t.Errorf("the client printed %q, want that the connection is refused, and no prompt", got)
	}
}

func TestLoop(t *testing.T) {
	tests := []struct{ stdin, want string }{
		{"one\nдва\nexit\nthree\n", promptText + "From Server: one\n" + promptText + "From Server: два\n" + promptText},
		{"one\n\ntwo\n", promptText + "From Server: one\n" + promptText + promptText + "From Server: two\n" + promptText + "\n"},
		{"exit\n", promptText},
		{"exit now\n", promptText + "From Server: exit now\n" + promptText + "\n"},
		{"", promptText + "\n"},
	}
	for _, test := range tests {
		if got := runClient(startServer(t, echo), time.Minute, test.stdin, true); got != test.want {
			t.Errorf("-loop with input %q printed %q, want %q", test.stdin, got, test.want)
		}
	}
}

// TestLoopPause has a user who thinks for longer than the server may be silent.
func TestLoopPause(t *testing.T) {
	const timeout = 100 * time.Millisecond
	typed, stdin := io.Pipe()
	go func() {
		io.WriteString(stdin, "one\n")
		<-time.After(3 * timeout)
		io.WriteString(stdin, "two\n")
		stdin.Close()
	}()
	var stdout strings.Builder
	if err := run(startServer(t, echo), timeout, true, bufio.NewScanner(typed), &stdout); err != nil {
		t.Error(err)
	}
	if want := promptText + "From Server: one\n" + promptText + "From Server: two\n" + promptText + "\n"; stdout.String() != want {
		t.Errorf("the client printed %q, want %q", stdout.String(), want)
	}
}

// TestSentInPart has a server that answers without reading.
func TestSentInPart(t *testing.T) {
	long := strings.Repeat("a", 10<<20)
	over := make(chan struct{})
	addr := startServer(t, func(c *net.TCPConn) { io.WriteString(c, long); <-over })
	t.Cleanup(func() { close(over) })
	got := runClient(addr, 200*time.Millisecond, long)
	if _, message, _ := strings.Cut(got, long); !strings.HasPrefix(message, "\n\nonly ") {
		t.Errorf("the client printed %.80q…%.80q, want the answer and that only a part was sent", got, message)
	}
}

// TestLoopServerGone has a server in the listing's manner, which answers once.
func TestLoopServerGone(t *testing.T) {
	got := runClient(startServer(t, listing), time.Minute, "one\ntwo\nthree\n", true)
	if !strings.HasPrefix(got, promptText+"From Server: ONE\n"+promptText+"\n") || strings.Count(got, promptText) != 2 {
		t.Errorf("-loop with a server that answers once printed %q, want one answer and an error", got)
	}
}
