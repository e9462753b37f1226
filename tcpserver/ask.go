package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// askPort asks for the port on output until input has an answer that is one,
// and returns addr with this port. An empty answer means the port of addr.
func askPort(input *bufio.Scanner, output io.Writer, addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	for {
		fmt.Fprintf(output, "Port [%s]: ", port)
		if !input.Scan() {
			fmt.Fprintln(output) // ends the line of the question
			return "", fmt.Errorf("reading the port: %w", cmp.Or(input.Err(), errors.New("end of input")))
		}
		answer := strings.TrimSpace(input.Text())
		if answer == "" {
			return addr, nil
		}
		if _, err := strconv.ParseUint(answer, 10, 16); err == nil {
			return net.JoinHostPort(host, answer), nil
		}
		fmt.Fprintf(output, "%q is not a port: ports are the numbers from 1 to 65535, and 0 means any free one; please try again\n", answer)
	}
}
