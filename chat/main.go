// Chat is a chat for many users: a server with one room, and a client for the
// terminal.
//
// Usage:
//
//	chat server [-addr host:port] [-history 50] [-rate 10] [-max 2000] [-idle 5m]
//	chat client -name name [-addr host:port] [-timeout 5s]
//
// The client says each line of standard input to all others in the room, and
// prints what they say:
//
//	<anna> text      anna says text
//	[anna] text      anna says text to you alone
//	* text           somebody joins, leaves, is renamed or acts; a list
//	! text           what you asked for can't be done, and why
//
// A line that begins with a slash is a command:
//
//	/who             list who is here
//	/msg NAME TEXT   say TEXT to NAME alone
//	/me ACTION       show everybody "* you ACTION"
//	/nick NAME       take another name
//	/help            list the commands
//	/quit            leave
//
// To say a line that begins with a slash, put a space before it. A name has 1
// to 20 letters of any alphabet, digits, _ or -. The names Anna and anna are
// one. On a terminal each name has a colour (unless NO_COLOR is set), and what
// comes while you type appears above the line that you are typing.
//
// The client exits with status 0 after /quit and at the end of its input, and
// with status 1 when the server refuses the name, goes away, or is silent for
// -timeout when it should answer. So that a user who only listens is not let
// go, it gives the server a sign of life every minute.
//
// The server gives newcomers the last -history lines, takes -rate messages a
// second from each client (what comes faster waits; 0 takes any), lets -max
// clients in, and lets go of a client that sends nothing for -idle, or whose
// connection is dead. A client that does not read what others say is let go as
// well, and never slows another. A line has at most 4096 bytes. The server runs
// until interrupted, tells the clients that it stops, and exits with status 0.
//
// # The exercise
//
// This is variant 7 of the sheet and the last task of the practicum; there is
// no listing. In the listings' servers one recv is one message. Here messages
// are those of package framing, so that two that arrive together stay two, and
// the room belongs to one goroutine, so that everybody sees one order: see
// room.
package main

import (
	"context"
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
	log.SetPrefix("chat: ")
	var err error
	switch role, args := parseRole(os.Args[1:]); role {
	case "server":
		err = serverCommand(args, os.Stdout)
	case "client":
		err = clientCommand(args, os.Stdin, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serverCommand(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("chat server", flag.ContinueOnError)
	addr := flags.String("addr", ":9090", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	history := flags.Int("history", 50, "how many of the last `lines` a newcomer gets, from 0 to 1000")
	rate := flags.Int("rate", 10, "how many `messages` a second to take from one client, 0 for any")
	limit := flags.Int("max", 2000, "how many `clients` to let in, from 1 to 100000")
	idle := flags.Duration("idle", 5*time.Minute, "let go of a client that sends nothing for this long")
	parse(flags, args, serverUsage)
	checkAddr(*addr, 0)
	if *history < 0 || *history > 1000 {
		misused("-history %d is not from 0 to 1000", *history)
	}
	if *rate < 0 {
		misused("-rate %d is less than zero", *rate)
	}
	if *limit < 1 || *limit > 100000 {
		misused("-max %d is not from 1 to 100000", *limit)
	}
	if *idle <= 0 {
		misused("-idle %v is not more than zero", *idle)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once

	config := net.ListenConfig{KeepAliveConfig: keepAlive}
	listener, err := config.Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "The server is ready to receive on", listener.Addr())
	s := &server{room: newRoom(*limit, *history), rate: *rate, idle: *idle}
	s.serve(ctx, listener)
	return nil
}

func clientCommand(args []string, stdin, stdout *os.File) error {
	flags := flag.NewFlagSet("chat client", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:9090", "the server's `host:port`")
	name := flags.String("name", "", "the `name` to be known by: 1 to 20 letters, digits, _ or -")
	timeout := flags.Duration("timeout", 5*time.Second, "how long the server may be silent when it should answer")
	parse(flags, args, clientUsage)
	checkAddr(*addr, 1)
	if *name == "" {
		misused("-name is missing: by what name are you known?")
	}
	if !isName(*name) {
		misused("-name %q: %v", *name, errName)
	}
	if *timeout <= 0 {
		misused("-timeout %v is not more than zero", *timeout)
	}

	screen := newScreen(stdin, stdout)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupts
		screen.leave()
		log.Fatal("interrupted")
	}()

	conn, err := net.DialTimeout("tcp", *addr, *timeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer screen.leave()
	return newClient(conn, *timeout, screen).run(*name, stdin)
}
