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

const usage = `Tcpclient sends a sentence to a server over TCP and prints the answer.

usage: tcpclient [-addr host:port] [-timeout 5s] [-loop] [-ask]

`

const example = `
Example: an echo server, then, in a second terminal, a client that goes on.

	tcpserver -addr localhost:12000 -mode echo
	tcpclient -addr localhost:12000 -loop
`

// parse reads the command line into flags. With -h it prints the usage and
// ends the program; anything that is not a flag is a mistake.
func parse(flags *flag.FlagSet, args []string) {
	flags.SetOutput(io.Discard) // a mistake gets one line, not the whole usage
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(os.Stdout)
		fmt.Print(usage)
		flags.PrintDefaults()
		fmt.Print(example)
		os.Exit(0)
	}
	if err != nil {
		misused("%v", err)
	}
	if flags.NArg() > 0 {
		misused("%q is not a flag", flags.Arg(0))
	}
}

// checkAddr wants a host and a port; whether the host exists is seen later.
func checkAddr(addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		misused("-addr: %v", err)
	}
	if number, err := net.LookupPort("tcp", port); err != nil || number == 0 {
		misused("-addr %q: %q is not a port to send to", addr, port)
	}
}

// misused says what is wrong with the command line and exits with status 2.
func misused(format string, a ...any) {
	log.Printf(format, a...)
	os.Exit(2)
}
