package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestMain lets the tests run the program itself, in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_CHAT") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RUN_CHAT=1")
	return cmd
}

func TestMisuse(t *testing.T) {
	for _, args := range []string{
		"",
		"sever",
		"-addr localhost:9090",
		"server -nosuchflag",
		"server stray",
		"server -addr localhost",
		"server -addr localhost:65536",
		"server -history -1",
		"server -history 1001",
		"server -rate -1",
		"server -rate fast",
		"server -max 0",
		"server -max 100001",
		"server -idle 0",
		"server -idle -1s",
		"server -name anna",
		"client",
		"client -name anna stray",
		"client -name anna -addr localhost:0",
		"client -name anna -timeout 0",
		"client -name anna -timeout -1s",
		"client -name anna! ",
		"client -name " + strings.Repeat("a", 21),
	} {
		var stderr strings.Builder
		cmd := program(t, strings.Fields(args)...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("chat %s: %v, want exit status 2", args, err)
		}
		if message := stderr.String(); !strings.HasPrefix(message, "chat: ") || strings.Count(message, "\n") != 1 {
			t.Errorf("chat %s printed %q, want one line", args, message)
		}
	}
}

func TestHelp(t *testing.T) {
	for args, flag := range map[string]string{"-h": "-h", "client -h": "-timeout", "server -h": "-history"} {
		help, err := program(t, strings.Fields(args)...).Output()
		if err != nil || !strings.Contains(string(help), "Example") || !strings.Contains(string(help), flag) {
			t.Errorf("chat %s: %v, and printed\n%s", args, err, help)
		}
	}
}

func TestPortTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	checkFailure(t, program(t, "server", "-addr", other.Addr().String()), other.Addr().String())
}

// checkFailure runs cmd, which has to fail with one line that has why in it.
func checkFailure(t *testing.T, cmd *exec.Cmd, why string) {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v: %v, want exit status 1", cmd.Args[1:], err)
	}
	if message := stderr.String(); !strings.Contains(message, why) || strings.Count(message, "\n") != 1 {
		t.Errorf("%v printed %q, want one line with %q", cmd.Args[1:], message, why)
	}
}

// TestProgram uses the program as students do: a server, clients with input
// from a pipe and from somebody who takes his time, Ctrl-C at both ends.
func TestProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	server, serverOutput, _ := start(t, "server", "-addr", "127.0.0.1:0")
	ready, err := serverOutput.ReadString('\n')
	addr, found := strings.CutPrefix(ready, "The server is ready to receive on ")
	if err != nil || !found {
		t.Fatalf("the ready line is %q, %v", ready, err)
	}
	addr = strings.TrimSpace(addr)

	anna, annaOutput, annaErrors := start(t, "client", "-addr", addr, "-name", "anna")
	expect(t, annaOutput, "* welcome anna, 1 here, /help lists the commands")
	checkFailure(t, program(t, "client", "-addr", addr, "-name", "Anna"), "refuses: the name is taken: anna")

	bob := program(t, "client", "-addr", addr, "-name", "bob")
	bob.Stdin = strings.NewReader("hi\r\n\n/me waves\nbye")
	output, err := bob.Output()
	if want := "* welcome bob, 2 here, /help lists the commands\n* bob waves\n"; err != nil || string(output) != want {
		t.Errorf("the client with input from a pipe: %v, and printed %q, want %q", err, output, want)
	}
	expect(t, annaOutput, "* bob joined", "<bob> hi", "* bob waves", "<bob> bye", "* bob left")

	carol, carolOutput, carolErrors := start(t, "client", "-addr", addr, "-name", "carol")
	expect(t, carolOutput, "* welcome carol, 2 here, /help lists the commands; said before (3):", "<bob> hi", "* bob waves", "<bob> bye")
	carol.Process.Signal(os.Interrupt)
	checkEnd(t, carol, carolErrors, 1, "chat: interrupted\n")
	expect(t, annaOutput, "* carol joined", "* carol left")

	server.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(serverOutput)
	if err := server.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("server after Ctrl-C: %v, and printed %q; want exit status 0 and nothing", err, rest)
	}
	expect(t, annaOutput, "* the server is stopping")
	checkEnd(t, anna, annaErrors, 1, "chat: the server has hung up\n")

	checkFailure(t, program(t, "client", "-addr", addr, "-name", "anna"), addr)
}

// start starts the program with a standard input that does not end.
func start(t *testing.T, args ...string) (cmd *exec.Cmd, stdout *bufio.Reader, stderr *strings.Builder) {
	t.Helper()
	cmd = program(t, args...)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr = new(strings.Builder)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(pipe), stderr
}

func expect(t *testing.T, output *bufio.Reader, want ...string) {
	t.Helper()
	for _, want := range want {
		// Anna can see carol leave by Ctrl-C as the loss of a connection.
		if got, err := output.ReadString('\n'); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("printed %q, %v, want %q", got, err, want)
		}
	}
}

func checkEnd(t *testing.T, cmd *exec.Cmd, stderr *strings.Builder, status int, message string) {
	t.Helper()
	err := cmd.Wait()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != status || stderr.String() != message {
		t.Errorf("%v ended with %v and %q, want exit status %d and %q", cmd.Args[1:], err, stderr, status, message)
	}
}
