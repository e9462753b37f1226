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

const usage = `Webserver serves the files of a folder over HTTP, or a built-in guide to the labs.

usage: webserver [-addr host:port] [-root folder] [-serial] [-idle 60s] [-quiet]

`

const example = `
Example: the files of this folder, for a browser at http://localhost:8080/

	webserver -addr localhost:8080 -root .
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
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		misused("-addr %q: %v", addr, err)
	}
}

// misused says what is wrong with the command line and exits with status 2.
func misused(format string, a ...any) {
	log.Printf(format, a...)
	os.Exit(2)
}
