package main

import (
	"errors"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestMain lets the tests run the program itself, in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_TCPCLIENT") != "" {
		main()
		return
	}
	log.SetOutput(io.Discard) // the service messages
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RUN_TCPCLIENT=1")
	return cmd
}

func TestMisuse(t *testing.T) {
	for _, args := range []string{
		"-nosuchflag",
		"stray",
		"-addr localhost",
		"-addr localhost:65536",
		"-addr localhost:0",
		"-timeout -1s",
		"-timeout 0",
		"-timeout soon",
	} {
		var stderr strings.Builder
		cmd := program(t, strings.Fields(args)...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("tcpclient %s: %v, want exit status 2", args, err)
		}
		if message := stderr.String(); !strings.HasPrefix(message, "tcpclient: ") || strings.Count(message, "\n") != 1 {
			t.Errorf("tcpclient %s printed %q, want one line", args, message)
		}
	}
}

func TestHelp(t *testing.T) {
	help, err := program(t, "-h").Output()
	if err != nil || !strings.Contains(string(help), "Example") || !strings.Contains(string(help), "-timeout") {
		t.Errorf("tcpclient -h: %v, and printed\n%s", err, help)
	}
}

// TestFailure checks what a user sees of an error: what was being done and why
// it failed, last, and exit status 1.
func TestFailure(t *testing.T) {
	var stderr strings.Builder
	addr := startServer(t, func(connectionSocket *net.TCPConn) {})
	cmd := program(t, "-addr", addr)
	cmd.Stderr = &stderr // and standard input is empty
	err := cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("tcpclient without input: %v, want exit status 1", err)
	}
	if got, want := stderr.String(), "tcpclient: reading the sentence: end of input\n"; !strings.HasSuffix(got, want) {
		t.Errorf("tcpclient without input printed %q, want that to end in %q", got, want)
	}
}

func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	addr := startServer(t, func(connectionSocket *net.TCPConn) {})
	var stderr strings.Builder
	cmd := program(t, "-addr", addr)
	cmd.Stderr = &stderr
	if _, err := cmd.StdinPipe(); err != nil { // never closed: it waits at the prompt
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	prompt := make([]byte, len("Input lowercase sentence:"))
	io.ReadFull(stdout, prompt)
	cmd.Process.Signal(os.Interrupt)
	err = cmd.Wait()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("after Ctrl-C: %v, want exit status 1", err)
	}
	if !strings.HasSuffix(stderr.String(), "tcpclient: interrupted\n") {
		t.Errorf("after Ctrl-C it printed %q", stderr.String())
	}
}
