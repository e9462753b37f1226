package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"
)

const usage = `Imagerelay sends images from one client to another, through a server.

usage: imagerelay server [flags]              pass images on
       imagerelay receive -name bob [flags]   wait for images and save them
       imagerelay send [flags] [file]         send an image to a receiver
       imagerelay samples [flags]             draw some images to send

Each of the four tells its flags with -h.

Example: a server, a receiver and a sender, in three terminals.

	imagerelay server -addr localhost:9093
	imagerelay receive -name bob
	imagerelay samples && imagerelay send
`

const serverUsage = `Imagerelay server passes images on from senders to receivers.

usage: imagerelay server [-addr host:port] [-idle 5m]

Example: let go of clients that do nothing for a minute.

	imagerelay server -addr localhost:9093 -idle 1m

`

const receiveUsage = `Imagerelay receive waits for images and saves them.

usage: imagerelay receive -name bob [-addr host:port] [-dir .] [-preview=false] [-timeout 5s]

Example: a server on another computer, and a folder of its own for the images.

	imagerelay receive -name bob -addr 192.168.1.5:9093 -dir received

`

const sendUsage = `Imagerelay send sends an image to a receiver, and asks which and to whom.

usage: imagerelay send [-to bob] [-from alice] [-addr host:port] [-dir .] [-timeout 5s] [file]

Example: all is said, and nothing is asked.

	imagerelay send -to bob cat.png

`

const samplesUsage = `Imagerelay samples draws some images to send.

usage: imagerelay samples [-dir .]

Example: in a folder that is there.

	imagerelay samples -dir pictures

`

// parseRole returns the role, which is the first argument, and the rest.
func parseRole(args []string) (role string, rest []string) {
	if len(args) == 0 {
		misused("which role? imagerelay server, receive, send or samples (imagerelay -h tells more)")
	}
	switch args[0] {
	case "server", "receive", "send", "samples":
		return args[0], args[1:]
	case "-h", "-help", "--help":
		fmt.Print(usage)
		os.Exit(0)
	}
	misused("%q is none of server, receive, send and samples (imagerelay -h tells more)", args[0])
	return "", nil
}

// parse reads the command line into flags, and leaves at most so many arguments
// after them. With -h it prints the usage and ends the program.
func parse(flags *flag.FlagSet, args []string, usage string, most int) {
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
	if flags.NArg() > most {
		misused("%q is one argument too many (flags come first)", flags.Arg(most))
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

func checkPositive(name string, duration time.Duration) {
	if duration <= 0 {
		misused("%s %v is not more than zero", name, duration)
	}
}

// misused says what is wrong with the command line and exits with status 2.
func misused(format string, a ...any) {
	log.Printf(format, a...)
	os.Exit(2)
}
