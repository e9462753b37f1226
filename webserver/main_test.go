package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// TestMain lets the tests run the program itself, in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_WEBSERVER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RUN_WEBSERVER=1")
	return cmd
}

func TestMisuse(t *testing.T) {
	for _, args := range []string{
		"-nosuchflag",
		"stray",
		"-addr localhost",
		"-addr localhost:65536",
		"-addr localhost:nosuchport",
		"-serial=perhaps",
		"-idle -1s",
		"-idle 0",
		"-idle long",
	} {
		var stderr strings.Builder
		cmd := program(t, strings.Fields(args)...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("webserver %s: %v, want exit status 2", args, err)
		}
		if message := stderr.String(); !strings.HasPrefix(message, "webserver: ") || strings.Count(message, "\n") != 1 {
			t.Errorf("webserver %s printed %q, want one line", args, message)
		}
	}
}

func TestHelp(t *testing.T) {
	help, err := program(t, "-h").Output()
	if err != nil || !strings.Contains(string(help), "Example") || !strings.Contains(string(help), "-serial") {
		t.Errorf("webserver -h: %v, and printed\n%s", err, help)
	}
}

func TestPortTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	var stderr strings.Builder
	cmd := program(t, "-quiet", "-addr", other.Addr().String())
	cmd.Stderr = &stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("webserver on a taken port: %v, want exit status 1", err)
	}
	if message := stderr.String(); !strings.Contains(message, other.Addr().String()) || strings.Count(message, "\n") != 1 {
		t.Errorf("webserver on a taken port printed %q, want one line with the address", message)
	}
}

// TestInterrupt uses the program as a student does: start, ask, Ctrl-C.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	cmd := program(t, "-addr", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	output := bufio.NewReader(stdout)
	ready, err := output.ReadString('\n')
	addr, found := strings.CutPrefix(ready, "The server is ready to receive on ")
	if err != nil || !found {
		t.Fatalf("the ready line is %q, %v", ready, err)
	}
	answer := exchange(t, strings.TrimSpace(addr), "GET /HelloWorld.html HTTP/1.0\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(answer, "</html>\n") {
		t.Errorf("asked for HelloWorld.html, got %q", answer)
	}

	cmd.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(output)
	if err := cmd.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("after Ctrl-C: %v, and printed %q; want exit status 0 and nothing", err, rest)
	}
	hint := regexp.MustCompile(`^webserver: open http://localhost:\d+/ in a browser\n`)
	line := regexp.MustCompile(`\n127\.0\.0\.1 - - \[[^]]+\] "GET /HelloWorld\.html HTTP/1\.0" 200 \d+\n$`)
	if got := stderr.String(); !hint.MatchString(got) || !line.MatchString(got) {
		t.Errorf("on standard error: %q, want where to look and a line for the request", got)
	}
}

func TestNoRoot(t *testing.T) {
	for _, root := range []string{filepath.Join(t.TempDir(), "nothing"), os.Args[0]} {
		var stderr strings.Builder
		cmd := program(t, "-addr", "127.0.0.1:0", "-root", root)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("webserver with a root that is no folder: %v, want exit status 1", err)
		}
		if message := stderr.String(); !strings.Contains(message, root) || strings.Count(message, "\n") != 1 {
			t.Errorf("webserver with a root that is no folder printed %q, want one line with its name", message)
		}
	}
}
