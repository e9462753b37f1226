package main

import (
	"bytes"
	"flag"
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
//	go test ./udpserver -run TestExercise -args -cmd 'python3 UDPServer.py' -addr 127.0.0.1:12000
func TestExercise(t *testing.T) {
	addr := startExercise(t)

	for _, test := range []struct{ about, message, want string }{
		{"a sentence", "input lowercase sentence", "INPUT LOWERCASE SENTENCE"},
		{"what has no upper case stays", "room 101, 5 o'clock?", "ROOM 101, 5 O'CLOCK?"},
		{"upper case stays", "ALREADY Upper", "ALREADY UPPER"},
		{"2048 bytes, as many as the listing receives", strings.Repeat("ab", 1024), strings.Repeat("AB", 1024)},
	} {
		t.Run(test.about, func(t *testing.T) {
			checkAnswer(t, dial(t, addr), test.message, test.want)
		})
	}

	t.Run("one datagram after another", func(t *testing.T) {
		client := dial(t, addr)
		for range 10 {
			checkAnswer(t, client, "once more", "ONCE MORE")
		}
	})

	t.Run("each client gets its own answer", func(t *testing.T) {
		anna, boris := dial(t, addr), dial(t, addr)
		send(t, anna, "from anna")
		send(t, boris, "from boris")
		checkReceived(t, boris, "from boris", "FROM BORIS")
		checkReceived(t, anna, "from anna", "FROM ANNA")
	})
}

// startExercise starts the program under test and returns where it listens.
func startExercise(t *testing.T) string {
	if *command == "" {
		return startServer(t, upper)
	}

	probe, err := net.ListenPacket("udp", *commandAddr)
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
		// go test runs in the folder of the test, "go test ./udpserver" was typed above it.
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

	client := dial(t, *commandAddr)
	buffer := make([]byte, 2048)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			t.Fatalf("%s ended (%v) before it answered", *command, program.ProcessState)
		case <-time.After(50 * time.Millisecond):
		}
		client.Write([]byte("are you there?")) // refused until the server is up
		client.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := client.Read(buffer); err == nil {
			return *commandAddr
		}
	}
	t.Fatalf("sent %q to %s for 10 s, and %s never answered: does it bind to this port, and does it call sendto with the client's address?",
		"are you there?", *commandAddr, *command)
	return ""
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	client, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func checkAnswer(t *testing.T, client net.Conn, message, want string) {
	t.Helper()
	send(t, client, message)
	checkReceived(t, client, message, want)
}

func send(t *testing.T, client net.Conn, message string) {
	t.Helper()
	if _, err := client.Write([]byte(message)); err != nil {
		t.Fatalf("sending %.60q: %v", message, err)
	}
}

func checkReceived(t *testing.T, client net.Conn, message, want string) {
	t.Helper()
	const timeout = 2 * time.Second
	client.SetReadDeadline(time.Now().Add(timeout))
	buffer := make([]byte, maxDatagram)
	n, err := client.Read(buffer)
	if err != nil {
		t.Fatalf("sent %.60q (%d bytes), expected %.60q, but nothing came within %v", message, len(message), want, timeout)
	}
	if got := string(buffer[:n]); got != want {
		t.Fatalf("sent %.60q (%d bytes), expected %.60q, but %.60q (%d bytes) came", message, len(message), want, got, n)
	}
}
