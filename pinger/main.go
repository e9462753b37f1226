// Pinger measures how long a datagram takes to a server and back, over UDP.
//
// Usage:
//
//	pinger client [-addr host:port] [-count 10] [-timeout 1s] [-interval 0]
//	pinger server [-addr host:port] [-loss 0.364] [-dup 0] [-delay 0]
//	              [-jitter 0] [-seed 0]
//
// The client sends -count pings, one after another, each of the form
//
//	Ping number time
//
// with the time in seconds since 1970. It waits at most -timeout for the answer
// to each and prints it with the round-trip time in seconds, or "Request timed
// out", or that nobody listens on the server's port, where the system reports
// that. At the end, or at an interrupt, it prints how many were answered and
// the minimum, average, maximum and mean deviation of the round-trip times. It
// exits with status 0 if any answer came, or else 1.
//
// An answer is a datagram from the server's address that begins with the word
// ping and the number of the ping. One that comes when the client already waits
// for another, or comes again, is shown as late or as a duplicate, and not
// counted.
//
// The server answers each datagram in upper case, but loses some on purpose, by
// default 4 of 11. It can also send an answer twice, and later: by -delay, and
// by up to -jitter more. With -seed other than 0 its chances are the same in
// every run. It runs until interrupted, gives delayed answers 5 seconds to
// leave, and exits with status 0.
//
// # The Python listing
//
// The server follows UDPPingerServer.py, whose socket and bind are one
// ListenPacket here. The listing receives 1024 bytes at most; here any
// datagram fits.
//
// The client is the exercise, variant 6 of the sheet, which names four steps:
// send the ping, print the answer, print the round-trip time, or else print
// "Request timed out". They are the four parts of run. What the sheet does not
// name is that the next datagram need not be the answer to the last ping: see
// await.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// maxDatagram is a little more than UDP carries (65,507 bytes over IPv4, 65,527
// over IPv6): its length field (RFC 768) counts no further, header included.
const maxDatagram = 65535

func main() {
	log.SetFlags(0)
	log.SetPrefix("pinger: ")
	var err error
	switch role, args := parseRole(os.Args[1:]); role {
	case "client":
		err = clientCommand(args, os.Stdout)
	case "server":
		err = serverCommand(args, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func clientCommand(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("pinger client", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:12000", "the server's `host:port`")
	count := flags.Int("count", 10, "how many pings to send, at most a million")
	timeout := flags.Duration("timeout", time.Second, "how long to wait for each answer")
	interval := flags.Duration("interval", 0, "least time from one ping to the next")
	parse(flags, args, clientUsage)
	checkAddr(*addr, 1)
	if *count < 1 || *count > 1e6 {
		misused("-count %d is not from 1 to a million", *count)
	}
	if *timeout <= 0 {
		misused("-timeout %v is not more than zero", *timeout)
	}
	if *interval < 0 {
		misused("-interval %v is less than zero", *interval)
	}

	serverAddress, err := net.ResolveUDPAddr("udp", *addr)
	if err != nil {
		return err
	}
	// Connecting sends nothing, but has the system pass on what the server sends
	// and nothing else, and report a port where nobody listens.
	clientSocket, err := net.DialUDP("udp", nil, serverAddress)
	if err != nil {
		return err
	}
	defer clientSocket.Close()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once
	c := &client{clientSocket: clientSocket, timeout: *timeout, stdout: stdout}
	return c.run(ctx, *count, *interval)
}

func serverCommand(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("pinger server", flag.ContinueOnError)
	addr := flags.String("addr", ":12000", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	loss, dup := share(4.0/11), share(0)
	flags.Var(&loss, "loss", "the `share` of pings to lose, from 0 to 1")
	flags.Var(&dup, "dup", "the `share` of answers to send twice, from 0 to 1")
	delay := flags.Duration("delay", 0, "hold each answer back for so long")
	jitter := flags.Duration("jitter", 0, "and for up to so much longer, by chance")
	seed := flags.Uint64("seed", 0, "lose, hold back and repeat the same in every run with this `number`; 0 for another each time")
	parse(flags, args, serverUsage)
	checkAddr(*addr, 0)
	if *delay < 0 {
		misused("-delay %v is less than zero", *delay)
	}
	if *jitter < 0 {
		misused("-jitter %v is less than zero", *jitter)
	}
	if *seed == 0 {
		*seed = rand.Uint64()
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once

	var config net.ListenConfig
	socket, err := config.ListenPacket(ctx, "udp", *addr)
	if err != nil {
		return err
	}
	serverSocket := socket.(*net.UDPConn)
	defer serverSocket.Close()
	fmt.Fprintln(stdout, "The server is ready to receive on", serverSocket.LocalAddr())

	serve(ctx, serverSocket, newNetwork(float64(loss), float64(dup), *delay, *jitter, *seed))
	return nil
}
