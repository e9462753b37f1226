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
	if os.Getenv("RUN_PINGER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RUN_PINGER=1")
	return cmd
}

func TestMisuse(t *testing.T) {
	for _, args := range []string{
		"",
		"sever",
		"-addr localhost:12000",
		"client -nosuchflag",
		"client stray",
		"client -addr localhost",
		"client -addr localhost:0",
		"client -count 0",
		"client -count -1",
		"client -count 1000001",
		"client -timeout 0",
		"client -timeout -1s",
		"client -interval -1s",
		"client -loss 1",
		"server stray",
		"server -addr localhost:65536",
		"server -loss 1.1",
		"server -loss -0.1",
		"server -loss NaN",
		"server -dup 2",
		"server -delay -1s",
		"server -jitter -1s",
		"server -seed -1",
		"server -count 1",
	} {
		var stderr strings.Builder
		cmd := program(t, strings.Fields(args)...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("pinger %s: %v, want exit status 2", args, err)
		}
		if message := stderr.String(); !strings.HasPrefix(message, "pinger: ") || strings.Count(message, "\n") != 1 {
			t.Errorf("pinger %s printed %q, want one line", args, message)
		}
	}
}

func TestHelp(t *testing.T) {
	for args, flag := range map[string]string{"-h": "-h", "client -h": "-interval", "server -h": "-jitter"} {
		help, err := program(t, strings.Fields(args)...).Output()
		if err != nil || !strings.Contains(string(help), "Example") || !strings.Contains(string(help), flag) {
			t.Errorf("pinger %s: %v, and printed\n%s", args, err, help)
		}
	}
}

func TestPortTaken(t *testing.T) {
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	var stderr strings.Builder
	cmd := program(t, "server", "-addr", other.LocalAddr().String())
	cmd.Stderr = &stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("pinger server on a taken port: %v, want exit status 1", err)
	}
	if message := stderr.String(); !strings.Contains(message, other.LocalAddr().String()) || strings.Count(message, "\n") != 1 {
		t.Errorf("pinger server on a taken port printed %q, want one line with the address", message)
	}
}

// TestProgram uses the program as a student does: a server, a client, Ctrl-C.
func TestProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	server := program(t, "server", "-loss", "0", "-addr", "127.0.0.1:0")
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	output := bufio.NewReader(stdout)
	ready, err := output.ReadString('\n')
	addr, found := strings.CutPrefix(ready, "The server is ready to receive on ")
	if err != nil || !found {
		t.Fatalf("the ready line is %q, %v", ready, err)
	}
	addr = strings.TrimSpace(addr)

	pings, err := program(t, "client", "-addr", addr, "-count", "3").Output()
	if err != nil || !strings.Contains(string(pings), "3 packets transmitted, 3 received, 0.0% packet loss\n") {
		t.Errorf("pinger client: %v, and printed\n%s", err, pings)
	}

	client := program(t, "client", "-addr", addr, "-count", "1000000", "-interval", "1h")
	clientStdout, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	clientOutput := bufio.NewReader(clientStdout)
	if line, err := clientOutput.ReadString('\n'); err != nil || !strings.HasPrefix(line, "PING 1 ") {
		t.Fatalf("the client printed %q, %v", line, err)
	}
	client.Process.Signal(os.Interrupt)
	summary, _ := io.ReadAll(clientOutput)
	if err := client.Wait(); err != nil || !strings.HasPrefix(string(summary), "1 packets transmitted, 1 received, 0.0% packet loss\n") {
		t.Errorf("client after Ctrl-C: %v, and printed %q; want exit status 0 and the summary", err, summary)
	}

	server.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(output)
	if err := server.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("server after Ctrl-C: %v, and printed %q; want exit status 0 and nothing", err, rest)
	}
}

func TestNobodyListens(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.LocalAddr().String()
	closed.Close()
	var stderr strings.Builder
	client := program(t, "client", "-addr", addr, "-count", "2", "-timeout", "100ms")
	client.Stderr = &stderr
	stdout, err := client.Output()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("with nobody there: %v, want exit status 1", err)
	}
	want := "Request lost: nobody listens on " + addr + "\n"
	if runtime.GOOS == "windows" {
		want = "Request timed out\n" // it does not report that
	}
	if want := strings.Repeat(want, 2) + "2 packets transmitted, 0 received, 100.0% packet loss\n"; string(stdout) != want {
		t.Errorf("with nobody there it printed %q, want %q", stdout, want)
	}
	if got, want := stderr.String(), "pinger: no answer from "+addr+"\n"; got != want {
		t.Errorf("with nobody there standard error got %q, want %q", got, want)
	}
}
