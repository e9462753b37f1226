// Tcpclient sends a sentence to a server over TCP and prints the answer.
//
// Usage:
//
//	tcpclient [-addr host:port] [-timeout 5s] [-loop] [-ask]
//
// The sentence is a line of standard input, of at most 16 MiB. The answer goes
// to standard output without control characters, service messages (connected,
// sent, received, disconnected) go to standard error. With -loop tcpclient
// sends line after line, and prints the answer to each, until a line says exit
// or the input ends; this wants a server that goes on, such as tcpserver -mode
// echo. With -ask tcpclient asks for the server's host and port first and
// offers those of -addr.
//
// Tcpclient exits with status 1 when the server can't be reached, when it is
// silent for -timeout, and when a sentence of more than 1024 bytes, all that the
// listing's server receives, comes back shorter. An empty sentence is refused:
// TCP delivers bytes, and of no bytes at all the server would hear nothing.
//
// # The Python listing
//
// Tcpclient follows TCPClient.py, step by step and under its names; -loop is
// what the practicum makes of it. The listing's socket and connect are one
// net.DialTimeout. Its send may send a part of a long sentence only, its one
// recv may receive a part of the answer only, and neither ever gives up: see
// exchange.
package main

import (
	"bufio"
	"cmp"
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

const maxLine = 16 << 20 // bytes: a longer line of input is refused

func main() {
	log.SetFlags(0)
	log.SetPrefix("tcpclient: ")
	flags := flag.NewFlagSet("tcpclient", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:12000", "the server's `host:port`")
	timeout := flags.Duration("timeout", 5*time.Second, "how long the server may be silent")
	looping := flags.Bool("loop", false, "send line after line, until one says exit")
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
	input.Buffer(nil, maxLine)
	if *asking {
		var err error
		if *addr, err = ask(input, os.Stderr, *addr); err != nil {
			log.Fatal(err)
		}
	}
	if err := run(*addr, *timeout, *looping, input, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run is the listing: it connects to addr, sends a line of input and prints the
// answer. With looping it goes on with the next line.
func run(addr string, timeout time.Duration, looping bool, input *bufio.Scanner, stdout io.Writer) error {
	conn, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return err
	}
	clientSocket := &impatientConn{conn, timeout}
	defer hangUp(clientSocket)
	log.Print("connected to ", clientSocket.RemoteAddr())
	if looping {
		return converse(clientSocket, input, stdout)
	}

	sentence, err := prompt(input, stdout)
	if err != nil {
		return err
	}
	modifiedSentence, err := exchange(clientSocket, sentence)
	return cmp.Or(show(stdout, modifiedSentence), err)
}
