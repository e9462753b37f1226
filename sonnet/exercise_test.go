package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	command     = flag.String("cmd", "", "TestExercise tests the program that `command` starts, not this folder's: a server with -addr, a client without")
	commandAddr = flag.String("addr", "", "the `host:port` where the server that -cmd starts listens")
	commandFile = flag.String("file", "", "the `file` from which that server takes its sonnets, if not from one of this folder's form and text")
)

const labAddr = "127.0.0.1:9092" // where a client of -cmd looks for its server

// TestExerciseServer holds what variant 8 of the sheet asks of the server and
// no more, so that it can be aimed at a student's program:
//
//	go test ./sonnet -run TestExercise -args -cmd 'python3 SonnetServer.py' -addr 127.0.0.1:9092
func TestExerciseServer(t *testing.T) {
	if *command != "" && *commandAddr == "" {
		t.Skip("-cmd without -addr is a client")
	}
	file := *commandFile
	if file != "" && !filepath.IsAbs(file) {
		file = filepath.Join("..", file) // go test runs in the folder of the test, and was typed above it
	}
	sonnets, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]string) // by the lines alone: the sheet does not ask for numerals
	for _, sonnet := range sonnets {
		known[lines(sonnet)] = sonnet
	}

	addr := startExerciseServer(t, sonnets)
	const connections = 20
	came := make(map[string]bool)
	for i := 1; i <= connections; i++ {
		client := dial(t, addr)
		text, err := io.ReadAll(client)
		client.SetLinger(0) // so that the server's port is free again at once, for the next run of the test
		client.Close()
		switch {
		case err != nil && len(text) == 0:
			t.Fatalf("connection %d: expected a sonnet, but nothing came: %v", i, err)
		case err != nil:
			t.Fatalf("connection %d: expected a sonnet and the end of the connection, but after %.60q (%d bytes): %v; does the server close connectionSocket?",
				i, text, len(text), err)
		case known[lines(string(text))] == "":
			t.Fatalf("connection %d: expected a sonnet of the file, but this came (%d bytes):\n%.2000q", i, len(text), text)
		}
		came[lines(string(text))] = true
	}
	if len(sonnets) > 1 && len(came) == 1 {
		t.Errorf("connected %d times, expected a random sonnet each time, but it was always the same", connections)
	}

	t.Run("a client that leaves without a word", func(t *testing.T) {
		dial(t, addr).Close()
		if text, err := io.ReadAll(dial(t, addr)); known[lines(string(text))] == "" {
			t.Errorf("after a client that left at once, expected a sonnet, but %.60q (%d bytes) came: %v", text, len(text), err)
		}
	})
}

// lines returns the lines of a sonnet without its numeral, space around them,
// and blank lines.
func lines(sonnet string) string {
	var lines []string
	for line := range strings.Lines(sonnet) {
		if line = strings.TrimSpace(line); line != "" && (len(lines) > 0 || parseRoman(line) == 0) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// TestExerciseClient plays the server for a client. The sonnet comes in two
// pieces, as it may over a network.
//
//	go test ./sonnet -run TestExercise -args -cmd 'python3 SonnetClient.py'
func TestExerciseClient(t *testing.T) {
	if *command != "" && *commandAddr != "" {
		t.Skip("-cmd with -addr is a server")
	}
	addr := "127.0.0.1:0"
	if *command != "" {
		addr = labAddr
	}
	serverSocket, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the test needs the server's port for itself: %v", err)
	}
	defer serverSocket.Close()
	output := startExerciseClient(t, serverSocket.Addr().String())

	serverSocket.(*net.TCPListener).SetDeadline(time.Now().Add(5 * time.Second))
	connectionSocket, err := serverSocket.Accept()
	if err != nil {
		t.Fatalf("expected a connection to %v, but within 5 s none came", serverSocket.Addr())
	}
	defer connectionSocket.Close()
	const first, second = "CXXX\nMy mistress' eyes are nothing like the sun;\n", "Coral is far more red than her lips' red:\n"
	io.WriteString(connectionSocket, first)
	time.AfterFunc(300*time.Millisecond, func() {
		io.WriteString(connectionSocket, second)
		connectionSocket.(*net.TCPConn).CloseWrite()
	})
	got := strings.ReplaceAll(<-output, "\r\n", "\n")
	if want := first + second; !strings.Contains(got, want) {
		t.Errorf("sent %q in two pieces, expected the client to print it, but it printed %.2000q; does it receive until nothing more comes?", want, got)
	}
}

// startExerciseServer starts the server under test and returns where it listens.
func startExerciseServer(t *testing.T, sonnets []string) (addr string) {
	if *command == "" {
		return startServer(t, sonnets...)
	}
	probe, err := net.Listen("tcp", *commandAddr)
	if err != nil {
		t.Fatalf("another program is using the port: %v", err)
	}
	probe.Close()

	var output bytes.Buffer
	program := exerciseProgram(context.Background())
	program.Stdout, program.Stderr = &output, &output
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { program.Wait(); close(ended) }()
	t.Cleanup(func() {
		program.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s printed:\n%s", *command, &output)
		}
	})

	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			t.Fatalf("%s ended (%v) before it could be reached; if its address is in use, then by connections of a minute ago: "+
				"wait, or set SO_REUSEADDR before bind", *command, program.ProcessState)
		case <-time.After(50 * time.Millisecond):
		}
		if probe, err := net.Dial("tcp", *commandAddr); err == nil {
			probe.Close()
			return *commandAddr
		}
	}
	t.Fatalf("tried to connect to %s for 10 s, and %s never accepted: does it bind to this port, and does it call listen and accept?",
		*commandAddr, *command)
	return ""
}

// startExerciseClient starts the client under test, and returns a channel that
// gets all that it printed, when it has ended.
func startExerciseClient(t *testing.T, addr string) <-chan string {
	output := make(chan string, 1)
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	ended := make(chan struct{})
	t.Cleanup(func() { stop(); <-ended })
	go func() {
		defer close(ended)
		if *command == "" {
			var stdout strings.Builder
			if err := clientCommand(ctx, []string{"-addr", addr}, &stdout); err != nil {
				t.Error(err)
			}
			output <- stdout.String()
			return
		}
		printed, err := exerciseProgram(ctx).CombinedOutput()
		if err != nil {
			printed = fmt.Appendf(printed, "\n%s: %v (it has 10 s)", *command, err)
		}
		output <- string(printed)
	}()
	return output
}

// exerciseProgram is the program of -cmd.
func exerciseProgram(ctx context.Context) *exec.Cmd {
	var words []string
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(*command, -1) {
		words = append(words, strings.Trim(word, `"'`))
	}
	program := exec.CommandContext(ctx, words[0], words[1:]...)
	for _, word := range words {
		// go test runs in the folder of the test, "go test ./sonnet" was typed above it.
		if _, err := os.Stat(filepath.Join("..", word)); err == nil {
			program.Dir = ".."
		}
	}
	program.WaitDelay = time.Second
	return program
}
