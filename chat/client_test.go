package main

import (
	"bufio"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"socketlab/framing"
)

// runClient runs a client in virtual time with a server that behaves as serve
// says, and returns what it printed and its error.
func runClient(t *testing.T, input io.Reader, serve func(server *peer)) (output string, err error) {
	read, write, pipeErr := os.Pipe()
	if pipeErr != nil {
		t.Fatal(pipeErr)
	}
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			serve(&peer{framing.NewConn(theirs), t})
			theirs.Close()
			close(served)
		}()
		c := newClient(ours, 5*time.Second, &screen{file: write})
		err = c.run("anna", input)
		ours.Close()
		<-served
		time.Sleep(2 * time.Hour) // so that forever is over
	})
	write.Close()
	printed, _ := io.ReadAll(read)
	return string(printed), err
}

func TestClient(t *testing.T) {
	log.SetOutput(io.Discard)
	defer log.SetOutput(os.Stderr)
	tests := []struct {
		about  string
		input  io.Reader
		serve  func(server *peer)
		output string
		err    string
	}{
		{
			"end of input", strings.NewReader("one\n\n  \n" + strings.Repeat("x", 4097) + "\n" + strings.Repeat("x", 9999) + "\n\xff\ntwo\r\n/me three"),
			func(server *peer) {
				server.expect("anna")
				server.say("* welcome anna")
				server.expect("one", "two", "/me three", "/quit")
				server.say("<bob> bye\x1b")
			},
			"* welcome anna\n<bob> bye\n", "",
		},
		{
			"/quit", strings.NewReader("/QUIT now\nnever said\n"),
			func(server *peer) {
				server.expect("anna")
				server.say("* welcome anna")
				server.expect("/quit")
			},
			"* welcome anna\n", "",
		},
		{
			"refused", forever{},
			func(server *peer) {
				server.expect("anna")
				server.say("! the name is taken\x1b[2J")
			},
			"", "the server refuses: the name is taken[2J",
		},
		{
			"hung up", forever{},
			func(server *peer) {
				server.expect("anna")
				server.say("* welcome anna")
				server.Send([]byte("\xff"))
				server.say("<bob> hi")
			},
			"* welcome anna\n<bob> hi\n", "the server has hung up",
		},
		{
			"no welcome", forever{},
			func(server *peer) {
				server.expect("anna")
				server.Receive()
			},
			"", "waiting for the server's welcome: the server is silent for 5s",
		},
		{
			"no server of a chat", forever{},
			func(server *peer) {
				server.expect("anna")
				server.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			},
			"", "waiting for the server's welcome: the server is gone: message too long…",
		},
		{
			"no farewell", strings.NewReader(""),
			func(server *peer) {
				server.expect("anna")
				server.say("* welcome anna")
				server.expect("/quit")
				server.Receive()
			},
			"* welcome anna\n", "the server is silent for 5s",
		},
		{
			"stopped server", strings.NewReader("one\n"),
			func(server *peer) {
				server.expect("anna")
				server.say("* welcome anna")
				time.Sleep(time.Minute) // and takes nothing
			},
			"* welcome anna\n", "the server is silent for 5s",
		},
		{
			"busy server", strings.NewReader("one\ntwo\n"),
			func(server *peer) {
				server.expect("anna")
				server.say("* welcome anna")
				for range 3 {
					time.Sleep(4 * time.Second)
					server.say("! slowly")
				}
				server.expect("one", "two", "/quit")
			},
			"* welcome anna\n! slowly\n! slowly\n! slowly\n", "",
		},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			output, err := runClient(t, test.input, test.serve)
			if output != test.output {
				t.Errorf("printed %q, want %q", output, test.output)
			}
			got := ""
			if err != nil {
				got = err.Error()
			}
			if prefix, cut := strings.CutSuffix(test.err, "…"); got != test.err && !(cut && strings.HasPrefix(got, prefix)) {
				t.Errorf("error %q, want %q", got, test.err)
			}
		})
	}
}

// TestNoOutput has standard output fail, at the welcome or after it: the client
// must not seem to have done its work.
func TestNoOutput(t *testing.T) {
	for _, fails := range []string{"at once", "later"} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer read.Close()
		if fails == "at once" {
			write.Close()
		}
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				server := &peer{framing.NewConn(theirs), t}
				server.expect("anna")
				server.say("* welcome anna")
				if fails == "later" {
					server.expect("/quit")
					write.Close()
					server.say("<bob> bye")
				}
			}()
			err := newClient(ours, 5*time.Second, &screen{file: write}).run("anna", strings.NewReader(""))
			ours.Close()
			if !errors.Is(err, os.ErrClosed) {
				t.Errorf("standard output fails %s, and the error is %v", fails, err)
			}
			time.Sleep(2 * time.Hour) // so that the signs of life are over
		})
	}
}

// forever is an input that does not come, until the test's bubble is over.
type forever struct{}

func (forever) Read([]byte) (int, error) {
	time.Sleep(time.Hour)
	return 0, io.EOF
}

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	input := bufio.NewReaderSize(strings.NewReader("one\n\r\n"+long+"\r\n"+long+"x\n"+long+long+long+"\nя\nlast"), maxLine+len("\r\n"))
	for _, want := range []struct {
		line string
		err  error
	}{{"one", nil}, {"", nil}, {long, nil}, {"", errTooLong}, {"", errTooLong}, {"я", nil}, {"last", nil}, {"", io.EOF}, {"", io.EOF}} {
		line, err := readLine(input)
		if err != want.err || err == nil && line != want.line {
			t.Errorf("readLine = %.20q, %v, want %.20q, %v", line, err, want.line, want.err)
		}
	}
}
