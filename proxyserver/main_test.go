package main

import (
	"bufio"
	"errors"
	"io"
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
	if os.Getenv("RUN_PROXYSERVER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RUN_PROXYSERVER=1")
	return cmd
}

func TestMisuse(t *testing.T) {
	for _, args := range []string{
		"-nosuchflag",
		"stray",
		"-addr localhost",
		"-addr localhost:65536",
		"-addr localhost:nosuchport",
		"-cache-size 0",
		"-cache-size -1MiB",
		"-cache-size lots",
		"-cache-size 99999999TiB",
		"-timeout -1s",
		"-timeout 0",
		"-timeout long",
		"-methods some",
	} {
		var stderr strings.Builder
		cmd := program(t, strings.Fields(args)...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("proxyserver %s: %v, want exit status 2", args, err)
		}
		if message := stderr.String(); !strings.HasPrefix(message, "proxyserver: ") || strings.Count(message, "\n") != 1 {
			t.Errorf("proxyserver %s printed %q, want one line", args, message)
		}
	}
}

func TestHelp(t *testing.T) {
	help, err := program(t, "-h").Output()
	if err != nil || !strings.Contains(string(help), "Example") || !strings.Contains(string(help), "-cache-size") {
		t.Errorf("proxyserver -h: %v, and printed\n%s", err, help)
	}
}

func TestPortTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	var stderr strings.Builder
	cmd := program(t, "-addr", other.Addr().String())
	cmd.Stderr = &stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("proxyserver on a taken port: %v, want exit status 1", err)
	}
	if message := stderr.String(); !strings.Contains(message, other.Addr().String()) || strings.Count(message, "\n") != 1 {
		t.Errorf("proxyserver on a taken port printed %q, want one line with the address", message)
	}
}

// TestInterrupt uses the program as a student does: start, ask, Ctrl-C.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	temporary := t.TempDir()
	cmd := program(t, "-addr", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "TMPDIR="+temporary)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	output := bufio.NewReader(stdout)
	ready, err := output.ReadString('\n')
	addr, found := strings.CutPrefix(ready, "The server is ready to receive on ")
	if err != nil || !found {
		t.Fatalf("the ready line is %q, %v", ready, err)
	}
	origin := startOrigin(t, func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" })
	if answer := get(t, strings.TrimSpace(addr), origin.url("/")); answer.body != "hello" {
		t.Errorf("the proxy answers %+v", answer)
	}

	cmd.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(output)
	if err := cmd.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("after Ctrl-C: %v, and printed %q; want exit status 0 and nothing", err, rest)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("the proxy has left %v behind, %v", left, err)
	}
}

// TestCacheInUse starts a second proxy with the cache of the first.
func TestCacheInUse(t *testing.T) {
	dir := t.TempDir()
	startProxy(t, &proxy{}, dir)
	checkRefusal(t, "in use", "-addr", "127.0.0.1:0", "-cache", dir)
}

func TestCacheNotADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	checkRefusal(t, file, "-addr", "127.0.0.1:0", "-cache", file)
	checkRefusal(t, file, "-addr", "127.0.0.1:0", "-cache", filepath.Join(file, "cache"))
}

func TestCacheReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if probe, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		probe.Close()
		t.Skip("this user may write everywhere")
	}
	checkRefusal(t, dir, "-addr", "127.0.0.1:0", "-cache", dir)
}

// checkRefusal wants the program to end with one line that says why.
func checkRefusal(t *testing.T, why string, args ...string) {
	t.Helper()
	var stderr strings.Builder
	cmd := program(t, args...)
	cmd.Stderr = &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("proxyserver %q: %v, want exit status 1", args, err)
	}
	if message := stderr.String(); !strings.Contains(message, why) || strings.Count(message, "\n") != 1 {
		t.Errorf("proxyserver %q printed %q, want one line with %q", args, message, why)
	}
}

func TestParseSize(t *testing.T) {
	tests := []struct {
		size string
		want int64 // 0 for none
	}{
		{"1", 1}, {"1000", 1000}, {"64KiB", 64 << 10}, {"256MiB", 256 << 20}, {"1g", 1 << 30}, {"2TB", 2 << 40}, {"7B", 7},
		{"", 0}, {"0", 0}, {"-1", 0}, {"MiB", 0}, {"1.5G", 0}, {"1XiB", 0}, {"9223372036854775807", 0}, {"8388608TiB", 0}, {"1KKiB", 0},
	}
	for _, test := range tests {
		if got, err := parseSize(test.size); got != test.want || (err != nil) != (test.want == 0) {
			t.Errorf("parseSize(%q) = %d, %v, want %d", test.size, got, err, test.want)
		}
	}
}
