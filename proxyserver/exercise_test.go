package main

import (
	"bytes"
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
	command     = flag.String("cmd", "", "TestExercise tests the server that `command` starts, not this folder's")
	commandAddr = flag.String("addr", "127.0.0.1:8888", "the `host:port` where that server listens")
)

// TestExercise holds what the lab sheet asks of the proxy and no more, so that it
// can be aimed at a student's program:
//
//	go test ./proxyserver -run TestExercise -args -cmd 'python3 ProxyServer.py' -addr 127.0.0.1:8888
//
// The web servers that it is asked for are on this computer, at ports other than
// 80: "http://127.0.0.1:49152/page".
func TestExercise(t *testing.T) {
	addr := startExercise(t)

	t.Run("GET", func(t *testing.T) {
		origin := startOrigin(t, func(request string) string {
			return "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>A page</p>" + hangUp
		})
		request := "GET " + origin.url("/page.html") + " HTTP/1.0\r\n\r\n"
		answer := ask(t, addr, request)
		checkExercise(t, request, answer, "200", "<p>A page</p>")
		if seen := origin.requests(); len(seen) != 1 || !strings.HasPrefix(seen[0], "GET ") || !strings.Contains(seen[0], "/page.html") {
			t.Errorf("sent %q; the web server expected one request, GET …/page.html, and got %q", request, seen)
		}
	})

	t.Run("a long answer", func(t *testing.T) {
		page := strings.Repeat("0123456789", 20_000)
		origin := startOrigin(t, func(string) string { return "HTTP/1.0 200 OK\r\n\r\n" + page + hangUp })
		request := "GET " + origin.url("/long") + " HTTP/1.0\r\n\r\n"
		checkExercise(t, request, ask(t, addr, request), "200", page)
	})

	t.Run("an error of the server", func(t *testing.T) {
		origin := startOrigin(t, func(string) string { return "HTTP/1.0 404 Not Found\r\n\r\n<p>No such page</p>" + hangUp })
		request := "GET " + origin.url("/nothing") + " HTTP/1.0\r\n\r\n"
		checkExercise(t, request, ask(t, addr, request), "404", "No such page")
	})

	t.Run("POST", func(t *testing.T) {
		origin := startOrigin(t, func(string) string { return "HTTP/1.0 200 OK\r\n\r\nthank you" + hangUp })
		request := "POST " + origin.url("/form") + " HTTP/1.0\r\nContent-Length: 18\r\n\r\nname=anna&age=twen"
		checkExercise(t, request, ask(t, addr, request), "200", "thank you")
		if seen := origin.requests(); len(seen) != 1 || !strings.HasPrefix(seen[0], "POST ") || !strings.HasSuffix(seen[0], "name=anna&age=twen") {
			t.Errorf("sent %q; the web server expected POST with this body, and got %q", request, seen)
		}
	})

	t.Run("the second time from the cache", func(t *testing.T) {
		origin := startOrigin(t, func(string) string {
			return "HTTP/1.0 200 OK\r\nCache-Control: max-age=3600\r\n\r\n<p>Keep me</p>" + hangUp
		})
		request := "GET " + origin.url("/keep.html") + " HTTP/1.0\r\n\r\n"
		checkExercise(t, request, ask(t, addr, request), "200", "<p>Keep me</p>")
		origin.stop()
		answer := ask(t, addr, request)
		if !strings.Contains(answer, "<p>Keep me</p>") {
			t.Errorf("sent %q for the second time, with the web server gone; expected the page from the cache, got %.300q", request, answer)
		}
	})

	t.Run("a server that is not there", func(t *testing.T) {
		origin := startOrigin(t, nil)
		origin.stop()
		request := "GET " + origin.url("/") + " HTTP/1.0\r\n\r\n"
		answer := ask(t, addr, request)
		if status := regexp.MustCompile(`^HTTP/1\.[01] [45]\d\d `); !status.MatchString(answer) {
			t.Errorf("sent %q, where no web server is; expected an error status (502 Bad Gateway, say), got %.300q", request, answer)
		}
		// And the proxy goes on.
		origin = startOrigin(t, func(string) string { return "HTTP/1.0 200 OK\r\n\r\nhere" + hangUp })
		request = "GET " + origin.url("/") + " HTTP/1.0\r\n\r\n"
		checkExercise(t, request, ask(t, addr, request), "200", "here")
	})
}

func checkExercise(t *testing.T, request, answer, status, body string) {
	t.Helper()
	if words := strings.Fields(answer); len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/1.") || words[1] != status {
		t.Errorf("sent %q, expected status %s, got %.300q", request, status, answer)
	}
	if !strings.Contains(answer, body) {
		t.Errorf("sent %q, expected a body with %.60q (%d bytes), got %.300q (%d bytes)", request, body, len(body), answer, len(answer))
	}
}

// ask sends a request and returns all that comes until the proxy hangs up.
func ask(t *testing.T, addr, request string) string {
	t.Helper()
	conn := dial(t, addr)
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatalf("sending %q: %v", request, err)
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer, err := io.ReadAll(conn)
	conn.SetLinger(0) // so that the server's port is free again at once, for the next run of the test
	if err != nil {
		t.Errorf("sent %q, got %.300q (%d bytes), and expected the end of the connection after the answer: %v",
			request, answer, len(answer), err)
	}
	return string(answer)
}

// startExercise starts the program under test and returns where it listens.
func startExercise(t *testing.T) string {
	if *command == "" {
		return startProxy(t, &proxy{}, t.TempDir())
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
	program := exec.Command(words[0], words[1:]...)
	for _, word := range words {
		// go test runs in the folder of the test, "go test ./proxyserver" was typed above it.
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
		if probe, err := net.Dial("tcp", *commandAddr); err == nil {
			probe.Close()
			return *commandAddr
		}
	}
	t.Fatalf("tried to connect to %s for 10 s, and %s never accepted: does it bind to this port, and does it call listen and accept?",
		*commandAddr, *command)
	return ""
}
