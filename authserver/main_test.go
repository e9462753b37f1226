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
	"syscall"
	"testing"
)

// TestMain lets the tests run the program itself, in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AUTHSERVER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program returns the program with a configuration folder and a working folder
// of its own.
func program(tb testing.TB, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(tb.Context(), os.Args[0], args...)
	cmd.Dir = tb.TempDir()
	cmd.Env = append(os.Environ(), "RUN_AUTHSERVER=1", "HOME="+cmd.Dir, "XDG_CONFIG_HOME="+cmd.Dir, "AppData="+cmd.Dir)
	return cmd
}

// startProgram starts a server and returns its address.
func startProgram(tb testing.TB, cmd *exec.Cmd) (addr string, output *bufio.Reader) {
	tb.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	output = bufio.NewReader(stdout)
	ready, err := output.ReadString('\n')
	addr, found := strings.CutPrefix(ready, "The server is ready to receive on ")
	if err != nil || !found {
		tb.Fatalf("the ready line is %q, %v", ready, err)
	}
	return strings.TrimSpace(addr), output
}

func TestMisuse(t *testing.T) {
	for _, args := range []string{
		"",
		"sever",
		"-addr localhost:9091",
		"client",
		"client lgoin",
		"client -addr localhost:9091",
		"client hello -nosuchflag",
		"client hello stray",
		"client hello -addr localhost",
		"client hello -addr localhost:0",
		"client hello -timeout 0",
		"client hello -timeout -1s",
		"client login -tls -insecure",
		"client login -password secret",
		"server stray",
		"server -nosuchflag",
		"server -addr localhost:65536",
		"server -addr localhost:0 -session 0",
		"server -addr localhost:0 -idle -1s",
		"server -addr localhost:0 -conn-idle 0",
		"server -addr localhost:0 -min-password 0",
		"server -addr localhost:0 -min-password 1025",
		"server -addr localhost:0 -iterations 999",
		"server -addr localhost:0 -tls -insecure",
		"server -addr :0",
		"server -addr 0.0.0.0:0",
		"server -addr [::]:0",
		"server -addr 192.0.2.1:0",
	} {
		var stderr strings.Builder
		cmd := program(t, strings.Fields(args)...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("authserver %s: %v, want exit status 2", args, err)
		}
		if message := stderr.String(); !strings.HasPrefix(message, "authserver: ") || strings.Count(message, "\n") != 1 {
			t.Errorf("authserver %s printed %q, want one line", args, message)
		}
	}
}

func TestHelp(t *testing.T) {
	for args, flag := range map[string]string{"-h": "-h", "client -h": "-user", "client login -h": "-timeout", "server -h": "-min-password"} {
		help, err := program(t, strings.Fields(args)...).Output()
		if err != nil || !strings.Contains(string(help), "Example") || !strings.Contains(string(help), flag) {
			t.Errorf("authserver %s: %v, and printed\n%s", args, err, help)
		}
	}
}

// TestFailure checks that what can't be done ends with status 1 and one line.
func TestFailure(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	for args, want := range map[string]string{
		"server -addr " + other.Addr().String():                      other.Addr().String(),
		"server -addr localhost:0 -users nosuchfolder/users.json":    "nosuchfolder",
		"server -addr localhost:0 -users .":                          "reading the users",
		"server -addr nosuchhost.invalid:0":                          "nosuchhost.invalid",
		"client hello -addr " + closed.Addr().String():               "refused",
		"client whoami -addr " + other.Addr().String():               "nobody is logged in",
		"client hello -timeout 300ms -addr " + other.Addr().String(): "no answer within 300ms",
		"client login -addr " + other.Addr().String():                "end of input",
	} {
		var stderr strings.Builder
		cmd := program(t, strings.Fields(args)...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("authserver %s: %v, want exit status 1", args, err)
		}
		if message := stderr.String(); !strings.Contains(message, want) || strings.Count(message, "\n") != 1 {
			t.Errorf("authserver %s printed %q, want one line with %q", args, message, want)
		}
	}
}

// TestProgram uses the program as a student does, over TCP and over TLS: a
// server, every command of the client, Ctrl-C.
func TestProgram(t *testing.T) {
	for _, secure := range []bool{false, true} {
		server := program(t, "server", "-addr", "127.0.0.1:0", "-iterations", "1000")
		if secure {
			server.Args = append(server.Args, "-tls")
		}
		addr, output := startProgram(t, server)

		home := t.TempDir()
		client := func(stdin, command string, args ...string) string {
			cmd := program(t, append([]string{"client", command, "-addr", addr}, args...)...)
			if secure {
				cmd.Args = append(cmd.Args, "-tls")
			}
			cmd.Env = append(cmd.Env, "HOME="+home, "XDG_CONFIG_HOME="+home, "AppData="+home)
			cmd.Stdin = strings.NewReader(stdin)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			stdout, err := cmd.Output()
			if err != nil {
				return strings.TrimPrefix(stderr.String(), "authserver: ")
			}
			return string(stdout)
		}
		for _, step := range []struct {
			stdin, command, user, want string
		}{
			{"Anna\n", "hello", "", "Pleased to meet you, Anna!\n"},
			{"", "hello", "", "Hello, Anna!\n"},
			{"short\n", "register", "anna", "register: the password is too short: it needs 15 characters or more\n"},
			{"a password of anna\n", "register", "anna", "anna is registered\n"},
			{"", "whoami", "", "nobody is logged in to " + addr + "\n"},
			{"a password of boris\n", "login", "anna", "login: wrong user or password\n"},
			{"anna\r\na password of anna\r\n", "login", "", "anna is logged in until 2"},
			{"", "whoami", "", "anna\n"},
			{"a password of anna\nanother one of anna", "passwd", "anna", "the password of anna is changed, and all sessions have ended\n"},
			{"", "whoami", "", "whoami: no such session: log in\n"},
			{"another one of anna\n", "login", "anna", "anna is logged in until 2"},
			{"", "logout", "", "logged out\n"},
			{"", "whoami", "", "nobody is logged in to " + addr + "\n"},
		} {
			var args []string
			if step.user != "" {
				args = []string{"-user", step.user}
			}
			if got := client(step.stdin, step.command, args...); !strings.HasPrefix(got, step.want) {
				t.Errorf("tls %v: client %s %v with input %q printed %q, want %q", secure, step.command, args, step.stdin, got, step.want)
			}
		}
		checkPrivate(t, home)
		checkPrivate(t, server.Dir)

		if runtime.GOOS == "windows" {
			continue // a process can't interrupt another there
		}
		server.Process.Signal(os.Interrupt)
		rest, _ := io.ReadAll(output)
		if err := server.Wait(); err != nil || len(rest) > 0 {
			t.Errorf("server after Ctrl-C: %v, and printed %q; want exit status 0 and nothing", err, rest)
		}
	}
}

// checkPrivate wants every file in folder to be the user's alone; only the
// certificate is for others as well.
func checkPrivate(t *testing.T, folder string) {
	t.Helper()
	filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); !entry.IsDir() && !strings.HasSuffix(path, ".crt") && runtime.GOOS != "windows" && mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", path, mode)
		}
		return nil
	})
}

func TestInterruptedClient(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't interrupt another on Windows")
	}
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serverSocket.Close()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT} { // the last is Ctrl-\
		var stderr strings.Builder
		cmd := program(t, "client", "hello", "-timeout", "1m", "-addr", serverSocket.Addr().String())
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		connectionSocket, err := serverSocket.Accept()
		if err != nil {
			t.Fatal(err)
		}
		connectionSocket.Read(make([]byte, 100)) // the request: it waits for the answer
		cmd.Process.Signal(sig)
		err = cmd.Wait()
		connectionSocket.Close()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("after %v: %v, want exit status 1", sig, err)
		}
		if !strings.HasSuffix(stderr.String(), "authserver: interrupted\n") {
			t.Errorf("after %v it printed %q", sig, stderr.String())
		}
	}
}

// TestTwoServers has two servers for one file, of which the second is refused.
func TestTwoServers(t *testing.T) {
	first := program(t, "server", "-addr", "127.0.0.1:0")
	startProgram(t, first)
	second := program(t, "server", "-addr", "127.0.0.1:0", "-users", filepath.Join(first.Dir, "users.json"))
	output, err := second.CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(output), "another server") {
		t.Errorf("the second server: %v, and printed %q", err, output)
	}
	first.Process.Kill()
	first.Wait()
	third := program(t, "server", "-addr", "127.0.0.1:0", "-users", filepath.Join(first.Dir, "users.json"))
	startProgram(t, third)
}

// TestKill ends the server at once after each answer: what it said is true.
func TestKill(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users.json")
	tokens := map[string]string{}
	for _, name := range strings.Fields("anna boris vera grigori dina") {
		server := program(t, "server", "-addr", "127.0.0.1:0", "-iterations", "1000", "-users", users)
		addr, _ := startProgram(t, server)
		client := dial(t, addr)
		for user, token := range tokens {
			if a := client.ask(request{Op: "whoami", Token: token}); a.User != user {
				t.Fatalf("whoami of %s = %+v after a crash", user, a)
			}
		}
		if a := client.ask(request{Op: "register", User: name, Password: "a password of " + name}); !a.OK {
			t.Fatalf("register = %+v", a)
		}
		a := client.ask(request{Op: "login", User: name, Password: "a password of " + name})
		server.Process.Kill()
		server.Wait()
		if !a.OK {
			t.Fatalf("login = %+v", a)
		}
		tokens[name] = a.Token
	}
}
