package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// ask asks for the server's host and port on output, reads the answers from
// input and returns both as an address. An empty answer means what addr says.
func ask(input *bufio.Scanner, output io.Writer, addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	host, err = question(input, output, "Server host", cmp.Or(host, "localhost"), checkHost)
	if err != nil {
		return "", err
	}
	port, err = question(input, output, "Server port", port, checkPort)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, port), nil
}

// question asks until check has nothing against the answer.
func question(input *bufio.Scanner, output io.Writer, about, proposal string, check func(answer string) error) (string, error) {
	for {
		fmt.Fprintf(output, "%s [%s]: ", about, proposal)
		line, err := readLine(input)
		if err != nil {
			fmt.Fprintln(output) // ends the line of the question
			return "", fmt.Errorf("reading the answer to %q: %w", about, err)
		}
		answer := cmp.Or(strings.TrimSpace(string(line)), proposal)
		if err = check(answer); err == nil {
			return answer, nil
		}
		fmt.Fprintf(output, "%v; please try again\n", err)
	}
}

func checkHost(answer string) error {
	_, err := net.LookupHost(answer)
	return err
}

func checkPort(answer string) error {
	if port, err := strconv.ParseUint(answer, 10, 16); err != nil || port == 0 {
		return fmt.Errorf("%q is not a port: ports are the numbers from 1 to 65535", answer)
	}
	return nil
}
