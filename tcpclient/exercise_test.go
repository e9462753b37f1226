package main

import (
	"context"
	"flag"
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
	command     = flag.String("cmd", "", "TestExercise tests the client that `command` starts, not this folder's")
	commandAddr = flag.String("addr", "127.0.0.1:12000", "the `host:port` of the server that this client asks")
)

// TestExercise holds what the lab sheet asks of the client and no more, so that
// it can be aimed at a student's program, for which it plays the server:
//
//	go test ./tcpclient -run TestExercise -args -cmd 'python3 TCPClient.py'
func TestExercise(t *testing.T) {
	for _, test := range []struct{ about, sentence, answer string }{
		{"a sentence", "input lowercase sentence", "INPUT LOWERCASE SENTENCE"},
		{"the answer is the server's", "what do you say?", "SOMETHING ELSE ALTOGETHER"},
		{"1024 bytes, as many as the listing receives", strings.Repeat("ab", 512), strings.Repeat("AB", 512)},
	} {
		t.Run(test.about, func(t *testing.T) {
			serverSocket := listenExercise(t)
			output := startExercise(t, serverSocket, test.sentence)

			serverSocket.SetDeadline(time.Now().Add(5 * time.Second))
			connectionSocket, err := serverSocket.Accept()
			if err != nil {
				t.Fatalf("expected a connection to %v, but within 5 s none came", serverSocket.Addr())
			}
			defer connectionSocket.Close()
			connectionSocket.SetDeadline(time.Now().Add(5 * time.Second))
			sentence := make([]byte, len(test.sentence))
			n, err := io.ReadFull(connectionSocket, sentence)
			if got := string(sentence[:n]); got != test.sentence {
				t.Errorf("typed %.60q (%d bytes) at the prompt, expected them from the client, but %.60q (%d bytes) came: %v",
					test.sentence, len(test.sentence), got, n, err)
			}
			connectionSocket.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if n, _ := connectionSocket.Read(sentence); n > 0 {
				t.Errorf("typed %.60q at the prompt, expected no more than that, but after it %.60q came", test.sentence, sentence[:n])
			}
			if _, err := io.WriteString(connectionSocket, test.answer); err != nil {
				t.Fatal(err)
			}
			var got string
			select {
			case got = <-output: // the client has hung up first, which leaves the port free for the next run
			case <-time.After(time.Second):
				connectionSocket.Close() // it receives until the server hangs up
				got = <-output
			}
			if !strings.Contains(got, "From Server:") || !strings.Contains(got, test.answer) {
				t.Errorf("answered %.60q, expected the client to print \"From Server:\" and that, but it printed %.200q", test.answer, got)
			}
			if strings.Contains(got, "b'"+test.answer) {
				t.Errorf("answered %.60q, expected the client to print that as text, but it printed %.200q: is the answer decoded?", test.answer, got)
			}
		})
	}
}

// listenExercise opens the socket on which the test plays the server.
func listenExercise(t *testing.T) *net.TCPListener {
	addr := "127.0.0.1:0"
	if *command != "" {
		addr = *commandAddr
	}
	serverSocket, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the test needs the server's port for itself: %v", err)
	}
	t.Cleanup(func() { serverSocket.Close() })
	return serverSocket.(*net.TCPListener)
}

// startExercise starts the program under test, types the sentence, and returns
// a channel that gets all that the program printed, when it has ended.
func startExercise(t *testing.T, serverSocket net.Listener, sentence string) <-chan string {
	output := make(chan string, 1)
	if *command == "" {
		go func() { output <- runClient(serverSocket.Addr().String(), time.Minute, sentence+"\n") }()
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
		// go test runs in the folder of the test, "go test ./tcpclient" was typed above it.
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
