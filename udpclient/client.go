package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// readLine reads a line without its end, and returns an error if there is none.
func readLine(input *bufio.Scanner) ([]byte, error) {
	if input.Scan() {
		return input.Bytes(), nil
	}
	switch err := input.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("the line is longer than %d bytes", maxDatagram)
	case err != nil:
		return nil, err
	}
	return nil, errors.New("end of input")
}

// send sends message in one datagram.
func send(clientSocket *net.UDPConn, message []byte) error {
	clientSocket.SetWriteBuffer(maxDatagram) // macOS sends no more than 9 KB without it
	_, err := clientSocket.Write(message)
	return err
}

// receive waits at most timeout for the answer.
func receive(clientSocket *net.UDPConn, timeout time.Duration) ([]byte, error) {
	clientSocket.SetReadDeadline(time.Now().Add(timeout))
	buffer := make([]byte, maxDatagram)
	n, err := clientSocket.Read(buffer)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("no answer from %v within %v", clientSocket.RemoteAddr(), timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("no answer: nobody listens on %v", clientSocket.RemoteAddr())
	}
	return buffer[:n], err
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
