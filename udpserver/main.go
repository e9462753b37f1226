// Udpserver sends each datagram back in upper case.
//
// Usage:
//
//	udpserver [-addr host:port] [-reply upper|thanks]
//
// With -reply thanks it answers every datagram with "Thank you for the data"
// and prints what came, at most 1 KB of it and without control characters.
//
// Udpserver runs until interrupted and then exits with status 0. A datagram
// that can't be answered is reported on standard error, and the server goes on.
//
// # The Python listing
//
// Udpserver follows UDPServer.py, and with -reply thanks the UDP server of
// lecture 9. The listing's socket and bind are one ListenPacket, its recvfrom
// and sendto are ReadFromUDPAddrPort and WriteToUDPAddrPort, and the names are
// the listing's: serverSocket, clientAddress, message, modifiedMessage.
//
// Three things differ. The listing receives 2048 bytes at most and drops the
// rest of a longer datagram; here any datagram fits. The listing's upper
// changes the letters a to z; here it changes letters of any alphabet. And one
// datagram that can't be answered ends the listing with an exception.
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
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("udpserver: ")
	flags := flag.NewFlagSet("udpserver", flag.ContinueOnError)
	addr := flags.String("addr", ":12000", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	reply := flags.String("reply", "upper", "answer with the datagram in `upper` case, or with thanks")
	parse(flags, os.Args[1:])
	checkAddr(*addr)
	if *reply != "upper" && *reply != "thanks" {
		misused("-reply %q is neither upper nor thanks", *reply)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once

	if err := run(ctx, *addr, *reply, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run opens the socket, says that the server is ready and answers datagrams
// until ctx is done.
func run(ctx context.Context, addr, reply string, stdout io.Writer) error {
	var config net.ListenConfig
	socket, err := config.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return err
	}
	serverSocket := socket.(*net.UDPConn)
	defer serverSocket.Close()
	fmt.Fprintln(stdout, "The server is ready to receive on", serverSocket.LocalAddr())

	modify := upper
	if reply == "thanks" {
		modify = func(message []byte) []byte { return thank(stdout, message) }
	}
	serve(ctx, serverSocket, modify)
	return nil
}
