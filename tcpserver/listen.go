package main

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
)

// listen opens the listening socket at addr or, with nextPort, at the first
// port from there on that is not taken.
func (s *server) listen(ctx context.Context, addr string, nextPort bool) (*net.TCPListener, error) {
	// No keep-alive probes: idle finds the dead as well, and setting the probes
	// up would cost each connection four system calls.
	config := net.ListenConfig{KeepAlive: -1}
	for {
		serverSocket, err := config.Listen(ctx, "tcp", addr)
		if err == nil {
			return serverSocket.(*net.TCPListener), nil
		}
		if !nextPort || !isTaken(err) {
			return nil, err
		}
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		number, err := net.LookupPort("tcp", port)
		if err != nil {
			return nil, err
		}
		if number == 65535 {
			return nil, errors.New("no port is free up to 65535")
		}
		s.service.Printf("port %d is taken, trying the next", number)
		addr = net.JoinHostPort(host, strconv.Itoa(number+1))
	}
}

// isTaken reports whether another program has the port. Windows has a number of
// its own for that, WSAEADDRINUSE.
func isTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.Errno(10048))
}
