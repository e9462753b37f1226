package main

import (
	"bufio"
	"context"
	"io"
	"net"
)

// bufferSize, in bytes, is how much one system call receives or sends at most.
// With none, bulk data takes two calls for each portion of 1 KB, and goes
// through at a third of the speed.
const bufferSize = 16 << 10

// echo is the practicum's echo server: it sends back, portion by portion, all
// that the client sends.
func (s *server) echo(ctx context.Context, connectionSocket *net.TCPConn) error {
	in := bufio.NewReaderSize(connectionSocket, bufferSize)
	out := bufio.NewWriterSize(connectionSocket, bufferSize)
	portion := make([]byte, maxSentence)
	for {
		if in.Buffered() == 0 {
			s.setDeadline(ctx, connectionSocket)
		}
		n, err := in.Read(portion)
		if err != nil {
			return err
		}
		s.service.Printf("received %d bytes from %v", n, connectionSocket.RemoteAddr())
		out.Write(portion[:n])
		if in.Buffered() > 0 {
			continue // the next portion is at hand, and goes with this one
		}
		n = out.Buffered()
		if err := out.Flush(); err != nil {
			return err
		}
		s.service.Printf("sent %d bytes to %v", n, connectionSocket.RemoteAddr())
	}
}

// thank is the server of lecture 9.
func (s *server) thank(ctx context.Context, connectionSocket *net.TCPConn) error {
	s.setDeadline(ctx, connectionSocket)
	n, err := io.WriteString(connectionSocket, "Thank you for the connection")
	if err != nil {
		return err
	}
	s.service.Printf("sent %d bytes to %v", n, connectionSocket.RemoteAddr())
	return s.hangUp(ctx, connectionSocket)
}
