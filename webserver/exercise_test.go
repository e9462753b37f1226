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
	commandAddr = flag.String("addr", "127.0.0.1:8080", "the `host:port` where that server listens")
)

// TestExercise holds what the lab sheet asks of the server and no more, so that
// it can be aimed at a student's program, which serves the folder that it is
// started in:
//
//	go test ./webserver -run TestExercise -args -cmd 'python3 WebServer.py' -addr 127.0.0.1:8080
//
// The server is started in a new folder, which holds the files that the tests ask
// for.
func TestExercise(t *testing.T) {
	root := t.TempDir()
	long := strings.Repeat("A line of a file that one packet does not carry.\n", 4000)
	write(t, root, "notes.txt", "first line\nsecond line\n")
	write(t, root, "long.txt", long)
	hello, err := embedded.ReadFile("site/HelloWorld.html")
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "HelloWorld.html", string(hello))
	addr := startExercise(t, root)

	for _, test := range []struct {
		about, filename string
		code            int
		content         string
	}{
		{"HelloWorld.html in full", "HelloWorld.html", 200, string(hello)},
		{"a text", "notes.txt", 200, "first line\nsecond line\n"},
		{"a file of 200 KB", "long.txt", 200, long},
		{"a file that is not there", "missing.html", 404, ""},
		{"a file, after an error", "notes.txt", 200, "first line\nsecond line\n"},
	} {
		t.Run(test.about, func(t *testing.T) {
			client := dial(t, addr)
			sendRequest(t, client, test.filename)
			checkAnswer(t, client, test.filename, test.code, test.content)
		})
	}

	t.Run("a client that leaves without a word", func(t *testing.T) {
		dial(t, addr).Close()
		client := dial(t, addr)
		sendRequest(t, client, "notes.txt")
		checkAnswer(t, client, "notes.txt", 200, "first line\nsecond line\n")
	})

	t.Run("two clients at once (variant 2)", func(t *testing.T) {
		anna, boris := dial(t, addr), dial(t, addr)
		sendRequest(t, boris, "notes.txt") // while anna, who came first, says nothing
		checkAnswer(t, boris, "notes.txt", 200, "first line\nsecond line\n")
		sendRequest(t, anna, "HelloWorld.html")
		checkAnswer(t, anna, "HelloWorld.html", 200, string(hello))
	})
}

// startExercise starts the program under test in the folder root and returns
// where it listens.
func startExercise(t *testing.T, root string) string {
	if *command == "" {
		return startServer(t, &server{}, root)
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
	for i, word := range words {
		// go test runs in the folder of the test, "go test ./webserver" was typed above it.
		for _, folder := range []string{".", ".."} {
			if path, err := filepath.Abs(filepath.Join(folder, word)); err == nil {
				if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
					words[i] = path
				}
			}
		}
	}
	program := exec.Command(words[0], words[1:]...)
	program.Dir = root
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
		if probe, err := net.Dial("tcp", *commandAddr); err == nil {
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
	client, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client.(*net.TCPConn)
}

func sendRequest(t *testing.T, client net.Conn, filename string) {
	t.Helper()
	if _, err := io.WriteString(client, exerciseRequest(filename)); err != nil {
		t.Fatalf("sending a request for /%s: %v", filename, err)
	}
}

func exerciseRequest(filename string) string {
	return "GET /" + filename + " HTTP/1.1\r\nHost: " + *commandAddr + "\r\nConnection: close\r\n\r\n"
}

// checkAnswer wants a status line with code, an empty line and then, for a code
// of 200, the content of the file, until the end of the connection or as long as
// Content-Length says.
func checkAnswer(t *testing.T, client *net.TCPConn, filename string, code int, content string) {
	t.Helper()
	const timeout = 5 * time.Second
	client.SetReadDeadline(time.Now().Add(timeout))
	answer, err := io.ReadAll(client)
	client.SetLinger(0) // so that the server's port is free again at once, for the next run of the test
	sent := fmt.Sprintf("sent %q, expected a status line with %d", exerciseRequest(filename), code)
	if len(answer) == 0 {
		t.Errorf("%s; nothing came: %v", sent, err)
		return
	}
	if err != nil {
		t.Errorf("%s and the end of the connection; %.200q came, and then, within %v: %v; does the server close connectionSocket?",
			sent, answer, timeout, err)
		return
	}
	head, body, found := strings.Cut(string(answer), "\r\n\r\n")
	statusLine, _, _ := strings.Cut(head, "\r\n")
	if !regexp.MustCompile(fmt.Sprintf(`^HTTP/1\.[01] %d( |$)`, code)).MatchString(statusLine) {
		t.Errorf("%s; the first line that came is %.80q", sent, statusLine)
		return
	}
	if !found {
		t.Errorf("%s; no empty line (two times CR LF) ends the head: %.200q", sent, answer)
		return
	}
	if code == 200 && body != content {
		t.Errorf("%s and, after the empty line, the %d bytes %.60q; but the %d bytes %.60q came", sent, len(content), content, len(body), body)
	}
}
