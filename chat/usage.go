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

const usage = `Chat is a chat for many users.

usage: chat server [flags]               the room
       chat client -name name [flags]    a user in it

Each of the two tells its flags with -h.

Example: a server, then, in two more terminals, two users.

	chat server -addr localhost:9090
	chat client -name anna
	chat client -name борис
`

const serverUsage = `Chat server is a room where many users chat.

usage: chat server [-addr host:port] [-history 50] [-rate 10] [-max 2000] [-idle 5m]

Example: a small room that forgets what was said.

	chat server -addr localhost:9090 -max 20 -history 0

`

const clientUsage = `Chat client says each line of its input to all others, and prints what they say.

usage: chat client -name name [-addr host:port] [-timeout 5s]

A line that begins with a slash is a command:

	/who             list who is here
	/msg NAME TEXT   say TEXT to NAME alone
	/me ACTION       show everybody "* you ACTION"
	/nick NAME       take another name
	/help            list the commands
	/quit            leave

Example: as a user, then as a program that has something to say.

	chat client -name anna -addr localhost:9090
	date | chat client -name clock

`

// parseRole returns the role, which is the first argument, and the rest.
func parseRole(args []string) (role string, rest []string) {
	if len(args) == 0 {
		misused("which role? chat server or chat client (chat -h tells more)")
	}
	switch args[0] {
	case "client", "server":
		return args[0], args[1:]
	case "-h", "-help", "--help":
		fmt.Print(usage)
		os.Exit(0)
	}
	misused("%q is neither server nor client (chat -h tells more)", args[0])
	return "", nil
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

// misused says what is wrong with the command line and exits with status 2.
func misused(format string, a ...any) {
	log.Printf(format, a...)
	os.Exit(2)
}
