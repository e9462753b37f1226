package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHalfBlocks(t *testing.T) {
	picture := image.NewRGBA(image.Rect(10, 10, 12, 13)) // two columns, three lines
	for i, c := range []color.RGBA{{1, 2, 3, 255}, {4, 5, 6, 255}, {7, 8, 9, 255}, {10, 11, 12, 255}, {13, 14, 15, 255}, {16, 17, 18, 255}} {
		picture.SetRGBA(10+i%2, 10+i/2, c)
	}
	const upper, lower = "\x1b[38;2;%d;%d;%dm", "\x1b[48;2;%d;%d;%dm"
	want := fmt.Sprintf(upper+lower+"▀"+upper+lower+"▀\x1b[0m\n"+upper+"▀"+upper+"▀\x1b[0m\n", 1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12, 13, 14, 15, 16, 17, 18)
	if got := halfBlocks(picture, 80, 24); got != want {
		t.Errorf("halfBlocks = %q, want %q", got, want)
	}
}

func TestHalfBlocksFit(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {80, 44}, {81, 45}, {1000, 10}, {10, 1000}, {5000, 3000}, {1, 5000}} {
		for _, window := range []image.Point{{80, 22}, {120, 40}, {10, 8}} {
			text := halfBlocks(image.NewGray(image.Rectangle{Max: size}), window.X, window.Y)
			rows := strings.Count(text, "\n")
			columns := strings.Count(text, "▀") / rows
			if columns < 1 || columns > window.X || rows > window.Y {
				t.Errorf("a picture of %v is drawn in %d columns and %d rows of %v", size, columns, rows, window)
			}
		}
	}
}

func TestProgress(t *testing.T) {
	for _, columns := range []int{10, 40, 80, 120} {
		p := progress{columns: columns, what: "sending a picture with a rather long name.png", size: 3 << 20, done: 1 << 20}
		line := p.line(2 * time.Second)
		if columns >= 80 && (len(line) > columns || !strings.Contains(line, "33%  512.0 KiB/s   0:04 left")) {
			t.Errorf("in %d columns the progress is %q", columns, line)
		}
	}
	var output strings.Builder
	p := progress{output: &output, columns: 80, what: "x", size: 1000}
	for range 1000 {
		p.add(1)
	}
	p.end("\n")
	if text := output.String(); strings.Count(text, "\r") > 100 || !strings.Contains(text, "100%") || !strings.HasSuffix(text, "left\x1b[K\n") {
		t.Errorf("the progress of 1000 steps is %q", text)
	}
	for want, d := range map[string]time.Duration{"0:00": 0, "1:05": 65 * time.Second, "2:00:00": 2 * time.Hour} {
		if got := minutes(d); got != want {
			t.Errorf("minutes(%v) = %s, want %s", d, got, want)
		}
	}
	for want, size := range map[string]int64{"0 B": 0, "1023 B": 1023, "1.0 KiB": 1024, "1.5 MiB": 3 << 19, "16.0 GiB": 16 << 30, "2.0 TiB": 2 << 40} {
		if got := humanSize(size); got != want {
			t.Errorf("humanSize(%d) = %s, want %s", size, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	names := []string{"cat.png", "2", "dog.png"}
	tests := []struct {
		stdin, want string
		questions   int
	}{
		{"1\n", "cat.png", 1},
		{" dog.png \n", "dog.png", 1},
		{"2\n", "2", 1},
		{"0\n-1\n4\n1e0\n\ncat\n99999999999999999999\n3", "dog.png", 8},
		{"", "", 1},
		{"what?\n", "", 2},
		{strings.Repeat("1", 1<<20), "", 1},
	}
	for _, test := range tests {
		var output strings.Builder
		name, err := choose("Which", names, bufio.NewScanner(strings.NewReader(test.stdin)), &output)
		if name != test.want || (err == nil) != (test.want != "") {
			t.Errorf("choose with input %.40q = %q, %v, want %q", test.stdin, name, err, test.want)
		}
		if got := strings.Count(output.String(), "? "); got != test.questions {
			t.Errorf("choose with input %.40q asked %d times, want %d", test.stdin, got, test.questions)
		}
	}
}

// startReceiver runs a receiver until the test is over, and returns what it
// prints.
func startReceiver(t *testing.T, addr, dir string) (stdout *io.PipeReader) {
	t.Helper()
	folder, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	stdout, output := io.Pipe()
	c := &receiverClient{addr: addr, name: "bob", dir: dir, folder: folder, timeout: 10 * time.Second, stdout: output}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- c.run(ctx) }()
	t.Cleanup(func() {
		stop()
		stdout.Close()
		if err := <-ended; err != errInterrupted {
			t.Errorf("the receiver ended with %v, want that it was interrupted", err)
		}
		folder.Close()
	})
	return stdout
}

// TestRegistersAgain has the connection of a receiver end twice, once in the
// middle of an image, and then an image that comes through.
func TestRegistersAgain(t *testing.T) {
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serverSocket.Close()
	dir := t.TempDir()
	stdout := startReceiver(t, serverSocket.Addr().String(), dir)
	accept := func() testClient {
		t.Helper()
		conn, err := serverSocket.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		c := testClient{t, newConn(conn)}
		if got, err := c.ReceiveText(); got != `{"role":"receive","name":"bob"}` {
			t.Fatalf("the receiver says %q, %v", got, err)
		}
		c.say(yes)
		return c
	}

	accept().Close()

	c := accept()
	c.say(offerOf("cat.png", data))
	c.wants(yes)
	c.sendBytes(data[:1000])
	c.Close()

	c = accept()
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("after an image that broke off the folder has %v, want nothing", files)
	}
	c.SendText(`{"size":"large"}`)
	var a answer
	if err := receiveMessage(c.Conn, &a); err != nil || a.OK {
		t.Errorf("an offer of the wrong type is answered with %+v, %v", a, err)
	}
	c.say(offerOf("cat.txt", []byte("no image")))
	c.wants(yes)
	c.sendBytes([]byte("no image"))
	c.wants(refusal("not an image but text/plain; charset=utf-8"))
	c.say(offerOf("c\x1b[2Jat.png", picturePNG))
	c.wants(yes)
	c.sendBytes(picturePNG)
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if want := fmt.Sprintf("c[2Jat.png from alice: PNG, 3×2 pixels, %d B, saved as %s\n", len(picturePNG), filepath.Join(dir, "c[2Jat.png")); line != want {
		t.Errorf("the receiver printed %q, want %q", line, want)
	}
	c.wants(yes)
	c.Close()
}

// TestPausesGrow has a server that, after the first time, is silent when the
// receiver registers. That takes longer than a pause, and yet the next is longer.
func TestPausesGrow(t *testing.T) {
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serverSocket.Close()
	go func() {
		for first := true; ; first = false {
			conn, err := serverSocket.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			if first {
				c := testClient{t, newConn(conn)}
				c.Receive()
				c.say(yes)
				c.Close()
			}
		}
	}()
	logged, output := io.Pipe()
	defer log.SetOutput(log.Writer())
	log.SetOutput(output)

	c := &receiverClient{addr: serverSocket.Addr().String(), name: "bob", timeout: 3 * firstPause}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.run(ctx) }()
	lines := bufio.NewScanner(logged)
	for _, want := range []string{"waiting for images", "again in 250ms", "silent; registering again in 500ms"} {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), want) {
			t.Errorf("the receiver logs %q, want that it ends in %q", lines.Text(), want)
		}
	}
	stop()
	logged.Close()
	<-ended
}

// sendTo runs a sender of a picture against a server that a test plays.
func sendTo(t *testing.T, timeout time.Duration, image []byte, play func(server testClient)) error {
	t.Helper()
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serverSocket.Close()
	go func() {
		for {
			conn, err := serverSocket.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				play(testClient{t, newConn(conn)})
			}()
		}
	}()
	file := filepath.Join(t.TempDir(), "cat.png")
	if err := os.WriteFile(file, image, 0o666); err != nil {
		t.Fatal(err)
	}
	c := &senderClient{addr: serverSocket.Addr().String(), from: "alice", to: "bob", file: file, timeout: timeout, stdout: io.Discard}
	return c.run(t.Context())
}

func TestSender(t *testing.T) {
	err := sendTo(t, time.Minute, picturePNG, func(server testClient) {
		var r request
		if err := receiveMessage(server.Conn, &r); err != nil || r != sendRequest("cat.png", picturePNG) {
			t.Errorf("the sender says %+v, %v", r, err)
		}
		server.say(yes)
		server.wantsBytes(picturePNG)
		server.say(yes)
	})
	if err != nil {
		t.Error(err)
	}
}

// TestVerdictComesEarly has the receiver refuse while the sender sends on: the
// sender stops, and knows why.
func TestVerdictComesEarly(t *testing.T) {
	large := append(bytes.Clone(picturePNG), make([]byte, 64<<20)...)
	err := sendTo(t, time.Minute, large, func(server testClient) {
		server.Receive()
		server.say(yes)
		server.wantsBytes(large[:1000])
		server.say(refusal("the disk is \x1b[1mfull"))
		io.Copy(io.Discard, server.Conn)
	})
	if err == nil || !strings.HasSuffix(err.Error(), "refused: the disk is [1mfull") {
		t.Errorf("the sender ends with %v", err)
	}
}

// TestPatience has a server that is silent about an image for longer than the
// timeout, but not about the list of receivers.
func TestPatience(t *testing.T) {
	const timeout = 200 * time.Millisecond
	lists := make(chan bool, 100)
	play := func(lively bool) func(server testClient) {
		return func(server testClient) {
			var r request
			receiveMessage(server.Conn, &r)
			if r.Role == "list" {
				if lively {
					server.say(answer{OK: true, Receivers: []string{}})
					lists <- true
				}
				server.Receive()
				return
			}
			if lively {
				for range 6 { // each of them after half the timeout
					<-lists
				}
				server.say(yes)
				server.wantsBytes(picturePNG)
				for range 6 {
					<-lists
				}
				server.say(yes)
			}
			server.Receive()
		}
	}
	if err := sendTo(t, timeout, picturePNG, play(true)); err != nil {
		t.Errorf("with a server that answers, but late: %v", err)
	}
	start := time.Now()
	if err := sendTo(t, timeout, picturePNG, play(false)); !errors.Is(err, errSilent) {
		t.Errorf("with a server that does not answer: %v after %v", err, time.Since(start))
	}
}
