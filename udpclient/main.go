// Udpclient sends a sentence to a server in one datagram and prints the answer.
//
// Usage:
//
//	udpclient [-addr host:port] [-timeout 5s] [-ask]
//
// The sentence is a line of standard input, at most 65,507 bytes of it: all
// that UDP carries over IPv4. The answer goes to standard output without
// control characters. With -ask udpclient asks for the server's host and port
// first and offers those of -addr.
//
// UDP promises nothing, so udpclient waits for -timeout and then says that no
// answer came; where the system reports that nobody listens on the server's
// port, it says that at once. In both cases it exits with status 1.
//
// # The Python listing
//
// Udpclient follows UDPClient.py, step by step and under its names. The
// listing's socket is unconnected: it takes a datagram from anybody for the
// answer and waits for ever when none comes. Here net.DialUDP connects the
// socket, which sends nothing, but has the system pass on what the server sends
// and nothing else, and report a port where nobody listens.
package main

import (
	"bufio"
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

// maxDatagram is a little more than UDP carries (65,507 bytes over IPv4, 65,527
// over IPv6): its length field (RFC 768) counts no further, header included.
const maxDatagram = 65535

func main() {
	log.SetFlags(0)
	log.SetPrefix("udpclient: ")
	flags := flag.NewFlagSet("udpclient", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:12000", "the server's `host:port`")
	timeout := flags.Duration("timeout", 5*time.Second, "how long to wait for the answer")
	asking := flags.Bool("ask", false, "ask for the host and the port first")
	parse(flags, os.Args[1:])
	checkAddr(*addr)
	if *timeout <= 0 {
		misused("-timeout %v is not more than zero", *timeout)
	}

	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupts
		fmt.Fprintln(os.Stderr) // ends the line of the prompt
		log.Fatal("interrupted")
	}()

	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, maxDatagram)
	if *asking {
		var err error
		if *addr, err = ask(input, os.Stderr, *addr); err != nil {
			log.Fatal(err)
		}
	}
	if err := run(*addr, *timeout, input, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run is the listing: it sends a line of input to addr and prints the answer.
func run(addr string, timeout time.Duration, input *bufio.Scanner, stdout io.Writer) error {
	serverAddress, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return err
	}
	clientSocket, err := net.DialUDP("udp", nil, serverAddress)
	if err != nil {
		return err
	}
	defer clientSocket.Close()

	fmt.Fprint(stdout, "Input lowercase sentence:")
	message, err := readLine(input)
	if err != nil {
		fmt.Fprintln(stdout) // ends the line of the prompt
		return fmt.Errorf("reading the sentence: %w", err)
	}
	if err := send(clientSocket, message); err != nil {
		return err
	}
	modifiedMessage, err := receive(clientSocket, timeout)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, printable(modifiedMessage))
	return err
}
