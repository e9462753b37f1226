package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
)

const usage = `Pinger measures how long a datagram takes to a server and back, over UDP.

usage: pinger client [flags]    send pings and print the round-trip times
       pinger server [flags]    answer pings, but lose some on purpose

Each of the two tells its flags with -h.

Example: a server, then, in a second terminal, a client.

	pinger server -addr localhost:12000
	pinger client -addr localhost:12000
`

const clientUsage = `Pinger client sends pings and prints the round-trip times.

usage: pinger client [-addr host:port] [-count 10] [-timeout 1s] [-interval 0]

Example: a ping a second for a minute.

	pinger client -addr localhost:12000 -count 60 -interval 1s

`

const serverUsage = `Pinger server answers pings in upper case, but loses some on purpose.

usage: pinger server [-addr host:port] [-loss 0.364] [-dup 0] [-delay 0] [-jitter 0] [-seed 0]

Example: a network that loses one ping in ten, and takes from 100 to 300 ms.

	pinger server -addr localhost:12000 -loss 0.1 -delay 100ms -jitter 200ms

`

// parseRole returns the role, which is the first argument, and the rest.
func parseRole(args []string) (role string, rest []string) {
	if len(args) == 0 {
		misused("which role? pinger client or pinger server (pinger -h tells more)")
	}
	switch args[0] {
	case "client", "server":
		return args[0], args[1:]
	case "-h", "-help", "--help":
		fmt.Print(usage)
		os.Exit(0)
	}
	misused("%q is neither client nor server (pinger -h tells more)", args[0])
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
	if number, err := net.LookupPort("udp", port); err != nil || number < least {
		misused("-addr %q: %q is not a port from %d to 65535", addr, port, least)
	}
}

// misused says what is wrong with the command line and exits with status 2.
func misused(format string, a ...any) {
	log.Printf(format, a...)
	os.Exit(2)
}

// A share is a flag with a number from 0 to 1.
type share float64

func (s *share) String() string { return strconv.FormatFloat(float64(*s), 'g', 3, 64) }

func (s *share) Set(text string) error {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || !(0 <= number && number <= 1) { // NaN is not
		return errors.New("not a number from 0 to 1")
	}
	*s = share(number)
	return nil
}
