package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
	"unicode"
)

// request connects to the server and returns the sonnet, or what has come of it
// together with the error.
func request(ctx context.Context, addr string, timeout time.Duration) ([]byte, error) {
	dialer := net.Dialer{Timeout: timeout}
	clientSocket, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer clientSocket.Close()
	context.AfterFunc(ctx, func() { clientSocket.Close() }) // ends the wait for the sonnet
	return receive(impatientConn{clientSocket, timeout})
}

// receive receives until the server hangs up. The listing's one recv returns
// what is there at the moment, which may be half a sonnet.
func receive(clientSocket impatientConn) ([]byte, error) {
	sonnet, err := io.ReadAll(io.LimitReader(clientSocket, maxSize+1))
	switch {
	case len(sonnet) > maxSize:
		return sonnet[:maxSize], fmt.Errorf("the server sends more than %d bytes, and that is no sonnet", maxSize)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("receiving the sonnet: the server is silent for %v", clientSocket.timeout)
	case err == nil && len(sonnet) == 0:
		err = errors.New("no sonnet: the server has hung up")
	}
	return sonnet, err
}

// An impatientConn gives up when nothing comes for longer than timeout.
type impatientConn struct {
	net.Conn
	timeout time.Duration
}

func (c impatientConn) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(c.timeout))
	return c.Conn.Read(p)
}

// show prints what has come of the sonnet.
func show(stdout io.Writer, sonnet []byte) error {
	if len(sonnet) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(stdout, strings.TrimSuffix(printable(sonnet), "\n"))
	return err
}

// printable returns text without control characters other than ends of lines,
// for with them a server could recolour the terminal or overwrite what is on it.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, string(text))
}
