package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode"

	"socketlab/framing"
)

var commands = map[string]func(*client) error{
	"hello":    (*client).hello,
	"register": (*client).register,
	"login":    (*client).login,
	"whoami":   (*client).whoami,
	"passwd":   (*client).passwd,
	"logout":   (*client).logout,
}

type client struct {
	addr     string
	user     string // as -user says
	secure   bool
	insecure bool
	timeout  time.Duration
	input    *input
	stdout   io.Writer

	conn *framing.Conn
}

func clientCommand(args []string, stdin *os.File, stdout io.Writer) error {
	command, args := parseCommand(args)
	flags := flag.NewFlagSet("authserver client", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:9091", "the server's `host:port`")
	user := flags.String("user", "", "the `name` of the user; without it, it is asked for")
	secure := flags.Bool("tls", false, "speak TLS, and know the server by its certificate")
	insecure := flags.Bool("insecure", false, "let passwords and tokens cross the network in clear")
	timeout := flags.Duration("timeout", 5*time.Second, "how long the server may be silent")
	parse(flags, args, clientUsage)
	checkAddr(*addr, 1)
	if *timeout <= 0 {
		misused("-timeout %v is not more than zero", *timeout)
	}
	checkSecurity(*secure, *insecure)

	in := newInput(stdin)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT) // the last is Ctrl-\
	go func() {
		<-interrupts
		signal.Ignore(os.Interrupt, syscall.SIGQUIT) // a second one must not end the stty that restore starts
		in.restore()
		fmt.Fprintln(os.Stderr) // ends the line of the prompt
		log.Fatal("interrupted")
	}()

	c := &client{addr: *addr, user: *user, secure: *secure, insecure: *insecure, timeout: *timeout, input: in, stdout: stdout}
	if err := c.connect(); err != nil {
		return err
	}
	defer c.conn.Close()
	return command(c)
}

// connect connects to the server and sees to it that nobody can listen or
// answer in its place, as far as that is wanted.
func (c *client) connect() error {
	if _, err := kept(c.addr, pinFile); err == nil && !c.secure {
		return fmt.Errorf("%s has spoken TLS before, and in clear it may be another: say -tls", c.addr)
	}
	// The name stands for the address that the server takes it for. Of several,
	// another one may be somebody else's.
	serverAddress, err := net.ResolveTCPAddr("tcp", c.addr)
	if err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", serverAddress.String(), c.timeout)
	if err != nil {
		return err
	}
	if c.secure {
		secure := tls.Client(conn, &tls.Config{
			MinVersion:         tls.VersionTLS13,
			InsecureSkipVerify: true, // nobody has signed for the server: VerifyConnection knows it
			VerifyConnection:   func(state tls.ConnectionState) error { return checkPin(c.addr, state.PeerCertificates[0].Raw) },
		})
		secure.SetDeadline(time.Now().Add(c.timeout))
		if err := secure.Handshake(); err != nil {
			conn.Close()
			return fmt.Errorf("beginning TLS with %s: %w", c.addr, err)
		}
		conn = secure
	} else if addr := addressOf(conn); !addr.IsLoopback() && !c.insecure {
		conn.Close()
		return fmt.Errorf("%v is not loopback, and what is secret would cross the network in clear: say -tls, or -insecure if that is meant", addr)
	}
	c.conn = framing.NewConn(conn)
	c.conn.MaxSize = maxMessage
	return nil
}

// ask sends a request and returns the answer; one that is not ok is an error.
func (c *client) ask(r request) (answer, error) {
	var a answer
	text, err := json.Marshal(r)
	if err != nil {
		return a, err
	}
	c.conn.SetDeadline(time.Now().Add(c.timeout))
	err = c.conn.Send(text)
	var reply []byte
	if err == nil {
		reply, err = c.conn.Receive()
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return a, fmt.Errorf("%s: no answer within %v", r.Op, c.timeout)
	case err == io.EOF:
		return a, fmt.Errorf("%s: the server has hung up (does it want -tls?)", r.Op)
	case err != nil:
		return a, fmt.Errorf("%s: %w", r.Op, err)
	}
	if err := json.Unmarshal(reply, &a); err != nil {
		return a, fmt.Errorf("%s: the answer is not one of this protocol: %w", r.Op, err)
	}
	if !a.OK {
		return a, refusal{r.Op, a.Error}
	}
	return a, nil
}

// A refusal is what the server has against a request.
type refusal struct{ op, reason string }

func (r refusal) Error() string { return r.op + ": " + printable(r.reason) }

func (c *client) hello() error {
	a, err := c.ask(request{Op: "hello"})
	if err != nil {
		return err
	}
	if a.Known != nil && *a.Known {
		fmt.Fprintf(c.stdout, "Hello, %s!\n", printable(a.Name))
		return nil
	}
	name, err := c.input.line("What is your name? ")
	if err != nil {
		return err
	}
	if _, err := c.ask(request{Op: "name", Name: name}); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "Pleased to meet you, %s!\n", printable(name))
	return nil
}

func (c *client) register() error {
	user, err := c.userName()
	if err != nil {
		return err
	}
	password, err := c.input.newPassword("Password: ")
	if err != nil {
		return err
	}
	if _, err := c.ask(request{Op: "register", User: user, Password: password}); err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, printable(user), "is registered")
	return nil
}

func (c *client) login() error {
	user, err := c.userName()
	if err != nil {
		return err
	}
	password, err := c.input.password("Password: ")
	if err != nil {
		return err
	}
	a, err := c.ask(request{Op: "login", User: user, Password: password})
	if err != nil {
		return err
	}
	if err := keep(c.addr, tokenFile, a.Token); err != nil {
		return fmt.Errorf("keeping the token: %w", err)
	}
	fmt.Fprintf(c.stdout, "%s is logged in until %s\n", printable(user), printable(a.Expires))
	return nil
}

func (c *client) whoami() error {
	token, err := c.token()
	if err != nil {
		return err
	}
	a, err := c.ask(request{Op: "whoami", Token: token})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, printable(a.User))
	return nil
}

func (c *client) passwd() error {
	user, err := c.userName()
	if err != nil {
		return err
	}
	old, err := c.input.password("Old password: ")
	if err != nil {
		return err
	}
	password, err := c.input.newPassword("New password: ")
	if err != nil {
		return err
	}
	if _, err := c.ask(request{Op: "passwd", User: user, Password: old, New: password}); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "the password of %s is changed, and all sessions have ended\n", printable(user))
	return nil
}

func (c *client) logout() error {
	token, err := c.token()
	if err != nil {
		return err
	}
	_, err = c.ask(request{Op: "logout", Token: token})
	if err != nil && err != (refusal{"logout", errNoSession.Error()}) {
		return err // and the token is kept, for another try
	}
	if err := forget(c.addr, tokenFile); err != nil {
		return err
	}
	if err == nil {
		fmt.Fprintln(c.stdout, "logged out")
	}
	return err
}

func (c *client) userName() (string, error) {
	if c.user != "" {
		return c.user, nil
	}
	return c.input.line("User: ")
}

func (c *client) token() (string, error) {
	token, err := kept(c.addr, tokenFile)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("nobody is logged in to %s", c.addr)
	}
	return token, err
}

// printable returns text without control characters, with which a sender could
// recolour the terminal or forge a line of ours.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}
