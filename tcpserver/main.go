// Tcpserver reads a sentence from each client over TCP and sends it back in
// upper case.
//
// Usage:
//
//	tcpserver [-addr host:port] [-mode upper|echo|thanks] [-idle 5m]
//	          [-next-port] [-ask] [-log file] [-quiet]
//
// The modes are:
//
//	upper   receive once, at most 1024 bytes, answer in upper case, hang up
//	echo    send back all that comes, in portions of 1 KB, until the client hangs up
//	thanks  say "Thank you for the connection" and hang up
//
// Service messages on standard error, or in the file of -log, tell what the
// server does: started, listening, connected, received, sent, disconnected,
// stopped; -quiet turns them off. With -ask the server asks for the port first,
// and with -next-port it takes the next free one if the port is taken.
//
// A client that is silent for -idle is let go. Tcpserver runs until
// interrupted. It then lets go of clients that are silent, gives the others 5
// seconds to finish, and exits with status 0. A second interrupt ends it at
// once.
//
// # The Python listing
//
// Tcpserver follows TCPServer.py; -mode echo follows the echo servers of the
// practicum and of lecture 7, -mode thanks the TCP server of lecture 9. The
// listing's socket, bind and listen are one net.ListenTCP, accept is Accept,
// recv is Read, send is Write.
//
// Three things differ. Every client has a goroutine of its own, as it has a
// thread in lecture 9, so that a slow one does not hold up the rest; the
// listing serves one after another. An error of one client ends that client,
// in the listing all. And the listing's close drops the answer of a client that
// has sent more than the 1024 bytes the listing receives: see hangUp.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("tcpserver: ")
	flags := flag.NewFlagSet("tcpserver", flag.ContinueOnError)
	addr := flags.String("addr", ":12000", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	mode := flags.String("mode", "upper", "`upper` answers one sentence, echo all that comes, thanks only says thanks")
	idle := flags.Duration("idle", 5*time.Minute, "let go of a client that is silent for this long")
	nextPort := flags.Bool("next-port", false, "take the next free port if the port is taken")
	asking := flags.Bool("ask", false, "ask for the port first")
	logFile := flags.String("log", "", "append the service messages to `file`, not to standard error")
	quiet := flags.Bool("quiet", false, "no service messages")
	parse(flags, os.Args[1:])
	checkAddr(*addr)
	talk, ok := modes[*mode]
	if !ok {
		misused("-mode %q is not upper, echo or thanks", *mode)
	}
	if *idle <= 0 {
		misused("-idle %v is not more than zero", *idle)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once

	if *asking {
		asked := context.AfterFunc(ctx, func() {
			fmt.Fprintln(os.Stderr) // ends the line of the question
			log.Fatal("interrupted")
		})
		var err error
		if *addr, err = askPort(bufio.NewScanner(os.Stdin), os.Stderr, *addr); err != nil {
			log.Fatal(err)
		}
		asked()
	}
	service := log.New(os.Stderr, "", log.LstdFlags)
	if *logFile != "" {
		file, err := os.OpenFile(*logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			log.Fatal(err)
		}
		service.SetOutput(&messageFile{File: file})
	}
	if *quiet {
		service.SetOutput(io.Discard)
	}

	s := &server{talk: talk, idle: *idle, service: service}
	if err := s.run(ctx, *addr, *nextPort, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run opens the socket, says that the server is ready and serves clients until
// ctx is done.
func (s *server) run(ctx context.Context, addr string, nextPort bool, stdout io.Writer) error {
	s.service.Print("server started")
	serverSocket, err := s.listen(ctx, addr, nextPort)
	if err != nil {
		return err
	}
	s.service.Print("listening on ", serverSocket.Addr())
	fmt.Fprintln(stdout, "The server is ready to receive on", serverSocket.Addr())

	s.serve(ctx, serverSocket)
	s.service.Print("server stopped")
	return nil
}
