package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"time"
	"unicode"
)

const (
	maxDatagram = 65535   // bytes: the length field of UDP (RFC 768) counts no further
	bufferSize  = 1 << 20 // bytes: see serve
	maxPrinted  = 1024    // bytes: see thank
)

// serve answers each datagram with what modify makes of it, until ctx is done.
func serve(ctx context.Context, serverSocket *net.UDPConn, modify func(message []byte) []byte) {
	context.AfterFunc(ctx, func() { serverSocket.SetReadDeadline(time.Now()) }) // ends the wait for a datagram

	// Without these a burst is lost at a busy server's door, and macOS sends
	// no datagram of more than 9 KB. Each system grants what it can.
	serverSocket.SetReadBuffer(bufferSize)
	serverSocket.SetWriteBuffer(bufferSize)

	buffer := make([]byte, maxDatagram)
	for {
		n, clientAddress, err := serverSocket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			log.Printf("receiving a datagram: %v", err)
			time.Sleep(50 * time.Millisecond) // not a busy loop while the trouble lasts
			continue
		}
		message := buffer[:n]
		modifiedMessage := modify(message)
		if _, err := serverSocket.WriteToUDPAddrPort(modifiedMessage, clientAddress); err != nil {
			log.Print(err)
		}
	}
}

// thank prints the message and returns lecture 9's answer to it. Of a long
// message it prints the first maxPrinted bytes, so that one datagram does not
// fill the screen.
func thank(stdout io.Writer, message []byte) []byte {
	fmt.Fprintln(stdout, "Server got data from client:", printable(message[:min(len(message), maxPrinted)]))
	return []byte("Thank you for the data")
}

// printable returns text without control characters, with which a sender could
// recolour the terminal or forge a line of ours.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, string(text))
}
