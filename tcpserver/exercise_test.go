package main

import (
	"bytes"
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
	command     = flag.String("cmd", "", "TestExercise tests the server that `command` starts, not this folder's")
	commandAddr = flag.String("addr", "127.0.0.1:12000", "the `host:port` where that server listens")
)

// TestExercise holds what the lab sheet asks of the server and no more, so that
// it can be aimed at a student's program:
//
//	go test ./tcpserver -run TestExercise -args -cmd 'python3 TCPServer.py' -addr 127.0.0.1:12000
func TestExercise(t *testing.T) {
	addr := startExercise(t)

	for _, test := range []struct{ about, sentence, want string }{
		{"a sentence", "input lowercase sentence", "INPUT LOWERCASE SENTENCE"},
		{"what has no upper case stays", "room 101, 5 o'clock?", "ROOM 101, 5 O'CLOCK?"},
		{"upper case stays", "ALREADY Upper", "ALREADY UPPER"},
		{"1024 bytes, as many as the listing receives", strings.Repeat("ab", 512), strings.Repeat("AB", 512)},
	} {
		t.Run(test.about, func(t *testing.T) {
			client := dial(t, addr)
			send(t, client, test.sentence)
			checkAnswer(t, client, test.sentence, test.want)
		})
	}

	t.Run("one client after another", func(t *testing.T) {
		for i := range 10 {
			client := dial(t, addr)
			send(t, client, fmt.Sprintf("client %d", i))
			checkAnswer(t, client, fmt.Sprintf("client %d", i), fmt.Sprintf("CLIENT %d", i))
			client.Close()
		}
	})

	t.Run("a client that leaves without a word", func(t *testing.T) {
		dial(t, addr).Close()
		client := dial(t, addr)
		send(t, client, "still there?")
		checkAnswer(t, client, "still there?", "STILL THERE?")
	})

	t.Run("a client that waits while another is served", func(t *testing.T) {
		anna, boris := dial(t, addr), dial(t, addr)
		send(t, boris, "from boris")
		send(t, anna, "from anna")
		checkAnswer(t, anna, "from anna", "FROM ANNA")
		checkAnswer(t, boris, "from boris", "FROM BORIS")
	})
}

// startExercise starts the program under test and returns where it listens.
func startExercise(t *testing.T) string {
	if *command == "" {
		return startServer(t, &server{talk: (*server).reply})
	}

	probe, err := net.Listen("tcp", *commandAddr)
	if err != nil {
		t.Fatalf("another program is using the port: %v", err)
	}
	probe.Close()

	var words []string
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(*command, -1) {
		words = append(words, strings.Trim(word, `"'`))
	}
	if len(words) == 0 {
		t.Fatal("-cmd has no command")
	}
	program := exec.Command(words[0], words[1:]...)
	for _, word := range words {
		// go test runs in the folder of the test, "go test ./tcpserver" was typed above it.
		if _, err := os.Stat(filepath.Join("..", word)); err == nil {
			program.Dir = ".."
		}
	}
	var output bytes.Buffer
	program.Stdout, program.Stderr = &output, &output
	program.WaitDelay = time.Second
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
		if probe, err := net.DialTimeout("tcp", *commandAddr, time.Second); err == nil {
			probe.Close()
			return *commandAddr
		}
	}
	t.Fatalf("tried to connect to %s for 10 s, and %s never accepted: does it bind to this port, and does it call listen and accept?",
		*commandAddr, *command)
	return ""
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	client, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		t.Fatalf("expected the server to accept one more client, but: %v; does it go on after the first, and is accept inside the loop?", err)
	}
	t.Cleanup(func() { client.Close() })
	return client.(*net.TCPConn)
}

func send(t *testing.T, client net.Conn, sentence string) {
	t.Helper()
	if _, err := io.WriteString(client, sentence); err != nil {
		t.Fatalf("sending %.60q: %v", sentence, err)
	}
}

// checkAnswer wants the whole answer, and then the end of the connection.
func checkAnswer(t *testing.T, client *net.TCPConn, sentence, want string) {
	t.Helper()
	const timeout = 2 * time.Second
	client.SetReadDeadline(time.Now().Add(timeout))
	answer, err := io.ReadAll(client)
	if err == nil {
		client.SetLinger(0) // so that the server's port is free again at once, for the next run of the test
	}
	got := string(answer)
	sent := fmt.Sprintf("sent %.60q (%d bytes), expected the answer %.60q (%d bytes) and the end of the connection",
		sentence, len(sentence), want, len(want))
	switch {
	case got == want && err != nil:
		t.Fatalf("%s; the answer came, but then, within %v: %v; does the server close connectionSocket?", sent, timeout, err)
	case got == "" && err != nil:
		t.Fatalf("%s; nothing came: %v", sent, err)
	case got != want:
		t.Fatalf("%s; but %.60q (%d bytes) came", sent, got, len(got))
	}
}
