package main

import (
	"bufio"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the tests run the program itself, in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_SONNET") != "" {
		main()
		return
	}
	log.SetOutput(io.Discard) // clients that break off are logged, and here many do
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RUN_SONNET=1")
	return cmd
}

// fails runs the program, wants this exit status and one line of error, and
// returns that line.
func fails(t *testing.T, status int, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := program(t, args...)
	cmd.Stderr = &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != status {
		t.Errorf("sonnet %q: %v, want exit status %d", args, err, status)
	}
	message := stderr.String()
	if !strings.HasPrefix(message, "sonnet: ") || strings.Count(message, "\n") != 1 {
		t.Errorf("sonnet %q printed %q, want one line", args, message)
	}
	return message
}

func TestMisuse(t *testing.T) {
	for _, args := range []string{
		"",
		"sever",
		"-addr localhost:9092",
		"server -nosuchflag",
		"server stray",
		"server -addr localhost",
		"server -addr localhost:65536",
		"server -idle 0",
		"server -idle -1s",
		"server -timeout 1s",
		"client stray",
		"client -addr localhost:0",
		"client -timeout 0",
		"client -timeout -1s",
		"client -timeout soon",
		"client -file sonnets.txt",
	} {
		fails(t, 2, strings.Fields(args)...)
	}
}

func TestHelp(t *testing.T) {
	for args, flag := range map[string]string{"-h": "-h", "client -h": "-timeout", "server -h": "-file"} {
		help, err := program(t, strings.Fields(args)...).Output()
		if err != nil || !strings.Contains(string(help), "Example") || !strings.Contains(string(help), flag) {
			t.Errorf("sonnet %s: %v, and printed\n%s", args, err, help)
		}
	}
}

func TestPortTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if message := fails(t, 1, "server", "-addr", other.Addr().String()); !strings.Contains(message, other.Addr().String()) {
		t.Errorf("sonnet server on a taken port printed %q, want the address", message)
	}
}

func TestWrongFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "poems.txt")
	if err := os.WriteFile(file, []byte("I\nRoses are red\n\n2\nViolets are blue\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, want := fails(t, 1, "server", "-addr", "127.0.0.1:0", "-file", file), file+", line 4: "; !strings.Contains(got, want) {
		t.Errorf("a file with an error in line 4 is refused with %q, want %q in it", got, want)
	}
}

// startProgram starts the server in a process of its own and returns its
// address and the rest of its standard output.
func startProgram(t *testing.T, args ...string) (server *exec.Cmd, addr string, output io.Reader) {
	server = program(t, append([]string{"server", "-addr", "127.0.0.1:0"}, args...)...)
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(stdout)
	ready, err := reader.ReadString('\n')
	addr, found := strings.CutPrefix(ready, "The server is ready to receive on ")
	if err != nil || !found {
		t.Fatalf("the ready line is %q, %v", ready, err)
	}
	return server, strings.TrimSpace(addr), reader
}

// TestProgram uses the program as a student does: a server, a client, Ctrl-C.
func TestProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	server, addr, output := startProgram(t)
	sonnet, err := program(t, "client", "-addr", addr).Output()
	if sonnets, _ := load(""); err != nil || !slices.Contains(sonnets, string(sonnet)) {
		t.Errorf("sonnet client: %v, and printed\n%s\nwhich is no sonnet", err, sonnet)
	}

	server.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(output)
	if err := server.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("server after Ctrl-C: %v, and printed %q; want exit status 0 and nothing", err, rest)
	}
}

func TestInterruptClient(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serverSocket.Close()
	var stderr strings.Builder
	client := program(t, "client", "-addr", serverSocket.Addr().String(), "-timeout", "1h")
	client.Stderr = &stderr
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	connectionSocket, err := serverSocket.Accept() // and is silent
	if err != nil {
		t.Fatal(err)
	}
	defer connectionSocket.Close()
	client.Process.Signal(os.Interrupt)
	err = client.Wait()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || stderr.String() != "sonnet: interrupted\n" {
		t.Errorf("client after Ctrl-C: %v, and printed %q; want exit status 1 and that it was interrupted", err, &stderr)
	}
}
