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

const usage = `Sonnet sends a sonnet of Shakespeare's, chosen at random, to whoever connects.

usage: sonnet server [flags]    send a sonnet to each connection
       sonnet client [flags]    get one and print it

Each of the two tells its flags with -h.

Example: a server, then, in a second terminal, a client.

	sonnet server -addr localhost:9092
	sonnet client -addr localhost:9092
`

const serverUsage = `Sonnet server sends a sonnet, chosen at random, to each connection.

usage: sonnet server [-addr host:port] [-file sonnets.txt] [-idle 5m]

Example: a file of your own, each poem with a Roman numeral above it and a blank
line between two.

	sonnet server -addr localhost:9092 -file poems.txt

`

const clientUsage = `Sonnet client gets a sonnet from the server and prints it.

usage: sonnet client [-addr host:port] [-timeout 5s]

Example: a server on another computer, which has a second to answer.

	sonnet client -addr 192.168.1.5:9092 -timeout 1s

`

// parseRole returns the role, which is the first argument, and the rest.
func parseRole(args []string) (role string, rest []string) {
	if len(args) == 0 {
		misused("which role? sonnet server or sonnet client (sonnet -h tells more)")
	}
	switch args[0] {
	case "server", "client":
		return args[0], args[1:]
	case "-h", "-help", "--help":
		fmt.Print(usage)
		os.Exit(0)
	}
	misused("%q is neither server nor client (sonnet -h tells more)", args[0])
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
