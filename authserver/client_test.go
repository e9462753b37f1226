package main

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"socketlab/framing"
)

// TestChangedCertificate has another server answer in the place of the first.
func TestChangedCertificate(t *testing.T) {
	home := t.TempDir()
	hello := func(addr string, flags ...string) (string, error) {
		cmd := program(t, append([]string{"client", "hello", "-addr", addr}, flags...)...)
		cmd.Env = append(cmd.Env, "HOME="+home, "XDG_CONFIG_HOME="+home, "AppData="+home)
		cmd.Stdin = strings.NewReader("Anna\n")
		output, err := cmd.CombinedOutput()
		return string(output), err
	}

	first := program(t, "server", "-addr", "127.0.0.1:0", "-tls")
	var stderr strings.Builder
	first.Stderr = &stderr
	addr, _ := startProgram(t, first)
	output, err := hello(addr, "-tls")
	if err != nil || !strings.Contains(output, "new here") {
		t.Errorf("the first hello: %v, and printed %q", err, output)
	}
	first.Process.Kill()
	first.Wait()
	_, told, _ := strings.Cut(strings.TrimSpace(stderr.String()), "fingerprint of the certificate is ")
	if len(told) != 64 || !strings.Contains(output, told) {
		t.Errorf("the server told the fingerprint %q, the client %q", told, output)
	}

	restarted := program(t, "server", "-addr", addr, "-tls", "-users", filepath.Join(first.Dir, "users.json"))
	startProgram(t, restarted)
	if output, err := hello(addr, "-tls"); err != nil || output != "Hello, Anna!\n" {
		t.Errorf("hello to the server, restarted: %v, and printed %q", err, output)
	}
	restarted.Process.Kill()
	restarted.Wait()

	startProgram(t, program(t, "server", "-addr", addr, "-tls"))
	output, err = hello(addr, "-tls")
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(output, "CERTIFICATE HAS CHANGED") {
		t.Errorf("hello to another server: %v, and printed %q", err, output)
	}

	output, err = hello(addr) // in clear, to whoever is there now
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(output, "say -tls") {
		t.Errorf("hello in clear to a server that has spoken TLS: %v, and printed %q", err, output)
	}
}

func TestDamagedKey(t *testing.T) {
	cmd := program(t, "server", "-addr", "127.0.0.1:0", "-tls")
	key := filepath.Join(cmd.Dir, "users.json.key")
	os.WriteFile(key, []byte("no key"), 0o600)
	output, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(output), "damaged") {
		t.Errorf("a server with a damaged key: %v, and printed %q", err, output)
	}
	if left, _ := os.ReadFile(key); string(left) != "no key" {
		t.Errorf("the damaged key was replaced by %q", left)
	}
}

// TestStrangeServers talks to servers that do not speak the protocol.
func TestStrangeServers(t *testing.T) {
	tests := []struct{ about, answer, want string }{
		{"it hangs up", "", "hung up"},
		{"it speaks HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "too long"},
		{"no JSON", "\x00\x00\x00\x02hi", "not one of this protocol"},
		{"a refusal in colours", "\x00\x00\x00\x2b" + `{"ok":false,"error":"no \u001b[31mway\n x"}`, "hello: no [31mway x"},
		{"half an answer", "\x00\x00\x00\x10{", "unexpected EOF"},
	}
	for _, test := range tests {
		addr := answerOnce(t, test.answer)
		output, err := program(t, "client", "hello", "-addr", addr).CombinedOutput()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(output), test.want) {
			t.Errorf("%s: %v, and printed %q, want %q", test.about, err, output, test.want)
		}
	}
}

// TestTerminal types a password at a terminal, where there is one to be had.
func TestTerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("needs the command script of util-linux")
	}
	server := program(t, "server", "-addr", "127.0.0.1:0", "-iterations", "1000")
	addr, _ := startProgram(t, server)
	client := program(t)
	client.Path = script
	client.Args = []string{"script", "-qec", os.Args[0] + " client register -user anna -addr " + addr + "; stty -a", "/dev/null"}
	client.Stdin = strings.NewReader(annasPassword + "\n" + annasPassword + "\n")
	output, err := client.CombinedOutput()
	if err != nil {
		t.Fatalf("script: %v, and printed %q", err, output)
	}
	for _, want := range []string{"Password: ", "Again: ", "anna is registered", " echo "} {
		if !strings.Contains(string(output), want) {
			t.Errorf("at a terminal the client printed %q, without %q", output, want)
		}
	}
}

// answerOnce plays a server that receives a request, sends answer, whatever was
// asked, and hangs up.
func answerOnce(t *testing.T, answer string) (addr string) {
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { serverSocket.Close() })
	go func() {
		connectionSocket, err := serverSocket.Accept()
		if err != nil {
			return
		}
		defer connectionSocket.Close()
		framing.NewConn(connectionSocket).Receive()
		io.WriteString(connectionSocket, answer)
	}()
	return serverSocket.Addr().String()
}
