package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestMain lets the tests run the program itself, in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_IMAGERELAY") != "" {
		main()
		return
	}
	log.SetOutput(io.Discard) // clients that break off are logged, and here many do
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RUN_IMAGERELAY=1")
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
		t.Errorf("imagerelay %q: %v, want exit status %d", args, err, status)
	}
	message := stderr.String()
	if !strings.HasPrefix(message, "imagerelay: ") || strings.Count(message, "\n") != 1 {
		t.Errorf("imagerelay %q printed %q, want one line", args, message)
	}
	return message
}

func TestMisuse(t *testing.T) {
	for _, args := range []string{
		"",
		"sever",
		"-addr localhost:9093",
		"server -nosuchflag",
		"server stray",
		"server -addr localhost",
		"server -addr localhost:65536",
		"server -idle 0",
		"server -idle -1s",
		"receive",
		"receive -name bob stray",
		"receive -name b@b",
		"receive -name bob -addr localhost:0",
		"receive -name bob -timeout -1s",
		"send -to b@b cat.png",
		"send -from= cat.png",
		"send -timeout 0 cat.png",
		"send cat.png dog.png",
		"send cat.png -to bob",
		"samples stray",
	} {

		fails(t, 2, strings.Fields(args)...)
	}
}

func TestHelp(t *testing.T) {
	for args, flag := range map[string]string{"-h": "-h", "server -h": "-idle", "receive -h": "-preview", "send -h": "-from", "samples -h": "-dir"} {
		help, err := program(t, strings.Fields(args)...).Output()
		if err != nil || !strings.Contains(string(help), "Example") || !strings.Contains(string(help), flag) {
			t.Errorf("imagerelay %s: %v, and printed\n%s", args, err, help)
		}
	}
}

func TestFailures(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := other.Addr().String()
	defer other.Close()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.png")
	if err := os.WriteFile(text, []byte("not a picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		want string
		args []string
	}{
		{taken, []string{"server", "-addr", taken}},
		{"no such", []string{"receive", "-name", "bob", "-dir", filepath.Join(dir, "none")}},
		{"no images in", []string{"send", "-dir", dir}},
		{"not an image", []string{"send", "-to", "bob", text}},
		{"is not a file", []string{"send", "-to", "bob", dir}},
		{"none.png", []string{"send", "-to", "bob", filepath.Join(dir, "none.png")}},
		{"the server is silent", []string{"receive", "-name", "bob", "-addr", taken, "-timeout", "100ms"}},
	} {
		if message := fails(t, 1, test.args...); !strings.Contains(message, test.want) {
			t.Errorf("imagerelay %q printed %q, want %q in it", test.args, message, test.want)
		}
	}
}

// start starts the program in a role and returns its first line, of standard
// output for the server and of standard error for a receiver.
func start(t *testing.T, args ...string) (cmd *exec.Cmd, line string, output *bufio.Reader) {
	t.Helper()
	cmd = program(t, args...)
	pipe, err := cmd.StdoutPipe()
	if args[0] == "receive" {
		pipe, err = cmd.StderrPipe()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	output = bufio.NewReader(pipe)
	line, err = output.ReadString('\n')
	if err != nil {
		t.Fatalf("imagerelay %q printed %q, %v", args, line, err)
	}
	return cmd, strings.TrimSpace(line), output
}

// TestProgram uses the program as a student does: a server, a receiver, two
// senders, Ctrl-C.
func TestProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	pictures, received := t.TempDir(), t.TempDir()
	if drawn, err := program(t, "samples", "-dir", pictures).Output(); err != nil || strings.Count(string(drawn), "drew ") != 3 {
		t.Fatalf("imagerelay samples: %v, and printed\n%s", err, drawn)
	}
	server, ready, serverOutput := start(t, "server", "-addr", "127.0.0.1:0")
	addr, found := strings.CutPrefix(ready, "The server is ready to receive on ")
	if !found {
		t.Fatalf("the ready line is %q", ready)
	}
	receiver, _, receiverOutput := start(t, "receive", "-name", "bob", "-dir", received, "-addr", addr)

	sender := program(t, "send", "-addr", addr, "-dir", pictures)
	sender.Stdin = strings.NewReader("castle\n0\n4\n2\nalice\n\nbob\n")
	printed, err := sender.Output()
	for _, want := range []string{"  1  rings.gif   GIF   240×240", "  2  sunset.png  PNG   480×300", "  3  waves.jpg   JPEG  640×360", `"castle" is neither`, "  1  bob\n", "bob has saved sunset.png, "} {
		if !strings.Contains(string(printed), want) {
			t.Errorf("the sender printed\n%s\nwant %q in it", printed, want)
		}
	}
	if asked := strings.Count(string(printed), "? "); err != nil || asked != 4+3 {
		t.Errorf("the sender: %v, and it asked %d times, want 4 and 3", err, asked)
	}
	for range 2 {
		printed, err := program(t, "send", "-addr", addr, "-to", "bob", filepath.Join(pictures, "waves.jpg")).Output()
		if err != nil || strings.Contains(string(printed), "?") {
			t.Errorf("a sender who is told all: %v, and printed\n%s", err, printed)
		}
	}
	if message := fails(t, 1, "send", "-addr", addr, "-to", "carl", filepath.Join(pictures, "waves.jpg")); !strings.Contains(message, "carl") {
		t.Errorf("with nobody of the name, the sender printed %q", message)
	}
	for name, original := range map[string]string{"sunset.png": "sunset.png", "waves.jpg": "waves.jpg", "waves-2.jpg": "waves.jpg"} {
		got, err := os.ReadFile(filepath.Join(received, name))
		want, _ := os.ReadFile(filepath.Join(pictures, original))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}

	receiver.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(receiverOutput)
	err = receiver.Wait()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || string(rest) != "imagerelay: interrupted\n" {
		t.Errorf("receiver after Ctrl-C: %v, and printed %q; want exit status 1 and that it was interrupted", err, rest)
	}
	server.Process.Signal(os.Interrupt)
	rest, _ = io.ReadAll(serverOutput)
	if err := server.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("server after Ctrl-C: %v, and printed %q; want exit status 0 and nothing", err, rest)
	}
}

// TestInterruptInTheMiddle stops a receiver and a sender while an image is on
// its way: no file is left of it.
func TestInterruptInTheMiddle(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	addr := startServer(t)
	received := t.TempDir()
	receiver, _, _ := start(t, "receive", "-name", "bob", "-dir", received, "-addr", addr)
	sender := connect(t, addr)
	sender.say(request{Role: "send", To: "bob", offer: offerOf("cat.png", make([]byte, 1<<20))})
	sender.wants(answer{OK: true})
	if files, _ := os.ReadDir(received); len(files) != 1 {
		t.Errorf("while the image is on its way the folder has %v, want one file", files)
	}
	receiver.Process.Signal(os.Interrupt)
	receiver.Wait()
	sender.wants(refusal("bob has left"))
	if files, _ := os.ReadDir(received); len(files) != 0 {
		t.Errorf("after an interrupt the folder has %v, want nothing", files)
	}
}
