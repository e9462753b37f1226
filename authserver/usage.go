package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

const usage = `Authserver knows clients by address and users by password, and keeps sessions.

usage: authserver server [flags]            keep the users
       authserver client COMMAND [flags]    be one

The commands are hello, register, login, whoami, passwd and logout. Server and
client tell their flags with -h.

Example: a server, then, in a second terminal, a user.

	authserver server
	authserver client register -user anna
	authserver client login -user anna
	authserver client whoami
`

const serverUsage = `Authserver server keeps names, users, passwords and sessions.

usage: authserver server [-addr host:port] [-users file] [-tls | -insecure]
                         [-min-password 15] [-session 8h] [-idle 30m]
                         [-conn-idle 5m] [-iterations 600000]

Example: a server for the network, over TLS, with a certificate of its own.

	authserver server -addr :9091 -tls

`

const clientUsage = `Authserver client speaks to a server: it is asked, or reads from a pipe, what is secret.

usage: authserver client COMMAND [-addr host:port] [-user name] [-tls | -insecure] [-timeout 5s]

	hello     be greeted by name, or be asked for it if the address is unknown
	register  become a user
	login     begin a session, and keep its token for the next commands
	whoami    print whose session it is
	passwd    change the password, which ends all sessions
	logout    end the session

Example: a session with a server in the network.

	authserver client login -addr host:9091 -tls -user anna
	authserver client whoami -addr host:9091 -tls
	authserver client logout -addr host:9091 -tls

`

// parseRole returns the role, which is the first argument, and the rest.
func parseRole(args []string) (role string, rest []string) {
	if len(args) == 0 {
		misused("which role? authserver client or authserver server (authserver -h tells more)")
	}
	switch args[0] {
	case "client", "server":
		return args[0], args[1:]
	case "-h", "-help", "--help":
		fmt.Print(usage)
		os.Exit(0)
	}
	misused("%q is neither client nor server (authserver -h tells more)", args[0])
	return "", nil
}

// parseCommand returns the client's command, which comes first, and the rest.
func parseCommand(args []string) (command func(*client) error, rest []string) {
	if len(args) == 0 {
		misused("which command? hello, register, login, whoami, passwd or logout (authserver client -h tells more)")
	}
	if args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		return nil, args
	}
	command, ok := commands[args[0]]
	if !ok {
		misused("%q is not a command; hello, register, login, whoami, passwd and logout are", args[0])
	}
	return command, args[1:]
}

// parse reads the command line into flags. With -h it prints the usage and
// ends the program; anything that is not a flag is a mistake.
func parse(flags *flag.FlagSet, args []string, usage string) {
	flags.SetOutput(io.Discard) // a mistake gets one line, not the whole usage
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(os.Stdout)
		fmt.Print(usage)
		flags.PrintDefaults()
		os.Exit(0)
	}
	if err != nil {
		misused("%v", err)
	}
	if flags.NArg() > 0 {
		misused("%q is not a flag", flags.Arg(0))
	}
}

// checkAddr wants a host and a port, which is least or more; whether the host
// exists is seen later.
func checkAddr(addr string, least int) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		misused("-addr: %v", err)
	}
	if number, err := net.LookupPort("tcp", port); err != nil || number < least {
		misused("-addr %q: %q is not a port from %d to 65535", addr, port, least)
	}
}

func checkSecurity(secure, insecure bool) {
	if secure && insecure {
		misused("-tls or -insecure: not both")
	}
}

// misused says what is wrong with the command line and exits with status 2.
func misused(format string, a ...any) {
	log.Printf(format, a...)
	os.Exit(2)
}
