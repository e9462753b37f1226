package main

import (
	"context"
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
	command     = flag.String("cmd", "", "TestExercise tests the client that `command` starts, not this folder's")
	commandAddr = flag.String("addr", "127.0.0.1:12000", "the `host:port` of the server that this client asks")
)

// TestExercise holds what the lab sheet asks of the client and no more, so that
// it can be aimed at a student's program, for which it plays the server:
//
//	go test ./udpclient -run TestExercise -args -cmd 'python3 UDPClient.py'
func TestExercise(t *testing.T) {
	for _, test := range []struct{ about, sentence, answer string }{
		{"a sentence", "input lowercase sentence", "INPUT LOWERCASE SENTENCE"},
		{"the answer is the server's", "what do you say?", "SOMETHING ELSE ALTOGETHER"},
		{"a long answer", "tell me more", strings.Repeat("MORE ", 400) + "AND MORE"},
	} {
		t.Run(test.about, func(t *testing.T) {
			serverSocket := listenExercise(t)
			output := startExercise(t, serverSocket, test.sentence)

			buffer := make([]byte, maxDatagram)
			serverSocket.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, clientAddress, err := serverSocket.ReadFrom(buffer)
			if err != nil {
				t.Fatalf("typed %q at the prompt, expected it in a datagram to %v, but none came within 5 s",
					test.sentence, serverSocket.LocalAddr())
			}
			if got := string(buffer[:n]); got != test.sentence {
				t.Errorf("typed %q at the prompt, expected it in a datagram, but %q came", test.sentence, got)
			}
			if _, err := serverSocket.WriteTo([]byte(test.answer), clientAddress); err != nil {
				t.Fatal(err)
			}
			got := <-output
			if !strings.Contains(got, test.answer) {
				t.Errorf("answered %.60q (%d bytes), expected the client to print that, but it printed %.200q (%d bytes)",
					test.answer, len(test.answer), got, len(got))
			}
			if strings.Contains(got, "b'"+test.answer) {
				t.Errorf("answered %.60q, expected the client to print that as text, but it printed %.200q: is the answer decoded?", test.answer, got)
			}
		})
	}
}

// listenExercise opens the socket on which the test plays the server.
func listenExercise(t *testing.T) net.PacketConn {
	addr := "127.0.0.1:0"
	if *command != "" {
		addr = *commandAddr
	}
	serverSocket, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatalf("the test needs the server's port for itself: %v", err)
	}
	t.Cleanup(func() { serverSocket.Close() })
	return serverSocket
}

// startExercise starts the program under test, types the sentence, and returns
// a channel that gets all that the program printed, when it has ended.
func startExercise(t *testing.T, serverSocket net.PacketConn, sentence string) <-chan string {
	output := make(chan string, 1)
	if *command == "" {
		go func() { output <- runClient(serverSocket.LocalAddr().String(), time.Minute, sentence+"\n") }()
		return output
	}

	var words []string
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(*command, -1) {
		words = append(words, strings.Trim(word, `"'`))
	}
	if len(words) == 0 {
		t.Fatal("-cmd has no command")
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	program := exec.CommandContext(ctx, words[0], words[1:]...)
	for _, word := range words {
		// go test runs in the folder of the test, "go test ./udpclient" was typed above it.
		if _, err := os.Stat(filepath.Join("..", word)); err == nil {
			program.Dir = ".."
		}
	}
	program.Stdin = strings.NewReader(sentence + "\n")
	program.WaitDelay = time.Second
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		printed, err := program.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v (it has 10 s), and printed\n%s", *command, err, printed)
		}
		output <- string(printed)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return output
}
