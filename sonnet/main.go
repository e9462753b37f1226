// Sonnet sends a sonnet of Shakespeare's, chosen at random, to whoever connects.
//
// Usage:
//
//	sonnet server [-addr host:port] [-file sonnets.txt] [-idle 5m]
//	sonnet client [-addr host:port] [-timeout 5s]
//
// The server sends to each connection one sonnet, its numeral and then its
// lines, and closes it. What the client sends, if anything, does not matter, so
// that nc localhost 9092 is a client too: it is the quote of the day of RFC 865
// with better quotes. Every sonnet is equally likely, every time. The server
// has all 154 of them built in; with -file it reads others when it starts.
//
// It runs until interrupted, gives sonnets that are on their way 5 seconds to
// arrive, and exits with status 0.
//
// The client prints the sonnet, without control characters. It exits with
// status 1 when the server can't be reached, when it is silent for -timeout,
// and when what comes is longer than 1 MiB or nothing at all.
//
// # The file
//
// A file for -file has the form of sonnets.txt beside this program: each sonnet
// is a Roman numeral on a line of its own and then at least one line of verse,
// and a blank line stands between two sonnets. The numerals grow, but may leave
// numbers out. The text is UTF-8, of at most 1 MiB, without control characters;
// lines may end as they do on Windows. A file that is not of this form is
// refused, with the number of the line that is wrong.
//
// # The exercise
//
// Sonnet is variant 8 of the sheet: a client that turns to the server gets a
// random sonnet of Shakespeare's from a file. The sheet has no listing for it;
// the server is its TCPServer.py without the recv, the client its TCPClient.py
// without the send, and in both a part is different where the listing would
// lose some of the sonnet: see hangUp and receive.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("sonnet: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once

	var err error
	switch role, args := parseRole(os.Args[1:]); role {
	case "server":
		err = serverCommand(ctx, args, os.Stdout)
	case "client":
		err = clientCommand(ctx, args, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serverCommand(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("sonnet server", flag.ContinueOnError)
	addr := flags.String("addr", ":9092", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	file := flags.String("file", "", "serve the sonnets of this `file`, not Shakespeare's")
	idle := flags.Duration("idle", 5*time.Minute, "let go of a client that has not taken its sonnet after this long")
	parse(flags, args, serverUsage)
	checkAddr(*addr, 0)
	if *idle <= 0 {
		misused("-idle %v is not more than zero", *idle)
	}

	sonnets, err := load(*file)
	if err != nil {
		return err
	}
	// No keep-alive probes: no connection lives that long, and setting the probes
	// up would cost each four system calls.
	config := net.ListenConfig{KeepAlive: -1}
	serverSocket, err := config.Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "The server is ready to receive on", serverSocket.Addr())

	s := &server{sonnets: sonnets, idle: *idle}
	s.serve(ctx, serverSocket.(*net.TCPListener))
	return nil
}

func clientCommand(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("sonnet client", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:9092", "the server's `host:port`")
	timeout := flags.Duration("timeout", 5*time.Second, "how long the server may be silent")
	parse(flags, args, clientUsage)
	checkAddr(*addr, 1)
	if *timeout <= 0 {
		misused("-timeout %v is not more than zero", *timeout)
	}

	sonnet, err := request(ctx, *addr, *timeout)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	return errors.Join(show(stdout, sonnet), err)
}
