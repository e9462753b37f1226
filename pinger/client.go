package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

const maxPrinted = 1024 // bytes of an answer, so that one does not fill the screen

type client struct {
	clientSocket net.Conn // connected to the server
	timeout      time.Duration
	stdout       io.Writer
	answered     []bool // by the number of the ping, from 0 on, and 0 is none
	statistics
}

// run sends count pings and prints what becomes of each, and then the summary,
// also when ctx is done before. It returns an error if no answer came.
func (c *client) run(ctx context.Context, count int, interval time.Duration) error {
	context.AfterFunc(ctx, func() { c.clientSocket.SetReadDeadline(time.Now()) }) // ends the wait for an answer
	c.answered = make([]bool, count+1)

	for number := 1; number <= count && ctx.Err() == nil; number++ {
		sent := time.Now()
		message := fmt.Sprintf("Ping %d %.6f", number, float64(sent.UnixMicro())/1e6)
		_, err := c.clientSocket.Write([]byte(message))
		c.transmitted++

		var answer []byte
		if err == nil {
			answer, err = c.await(ctx, number, sent.Add(c.timeout))
		}
		rtt := time.Since(sent)

		switch {
		case err == nil:
			c.received(rtt)
			fmt.Fprintf(c.stdout, "%s: RTT %.6f s\n", printable(answer), rtt.Seconds())
		case ctx.Err() != nil: // interrupted
		case errors.Is(err, os.ErrDeadlineExceeded):
			fmt.Fprintln(c.stdout, "Request timed out")
		case errors.Is(err, syscall.ECONNREFUSED):
			fmt.Fprintf(c.stdout, "Request lost: nobody listens on %v\n", c.clientSocket.RemoteAddr())
		default:
			fmt.Fprintf(c.stdout, "Request lost: %v\n", err)
		}

		if number < count {
			select {
			case <-time.After(time.Until(sent.Add(interval))):
			case <-ctx.Done():
			}
		}
	}

	if _, err := fmt.Fprint(c.stdout, &c.statistics); err != nil {
		return err
	}
	if c.answers == 0 {
		return fmt.Errorf("no answer from %v", c.clientSocket.RemoteAddr())
	}
	return nil
}

// await returns the answer to the ping of this number, the last one sent. What
// else comes until the deadline is an answer that is late or comes again, or no
// answer at all, and await prints it as what it is.
func (c *client) await(ctx context.Context, number int, deadline time.Time) ([]byte, error) {
	c.clientSocket.SetReadDeadline(deadline)
	if ctx.Err() != nil {
		return nil, ctx.Err() // or else we have moved the deadline that run set
	}
	buffer := make([]byte, maxDatagram)
	for {
		n, err := c.clientSocket.Read(buffer)
		if err != nil {
			return nil, err
		}
		answer := buffer[:n]

		got, ok := parseAnswer(answer)
		if !ok || got < 1 || got > number {
			fmt.Fprintf(c.stdout, "not an answer: %s\n", printable(answer))
			continue
		}
		again := c.answered[got]
		c.answered[got] = true
		switch {
		case again:
			fmt.Fprintf(c.stdout, "duplicate answer to ping %d: %s\n", got, printable(answer))
		case got < number:
			fmt.Fprintf(c.stdout, "late answer to ping %d: %s\n", got, printable(answer))
		default:
			return answer, nil
		}
	}
}

// parseAnswer returns the number of the ping that an answer answers. The server
// has put the word into upper case, or has not: a student's may well be an echo.
func parseAnswer(answer []byte) (number int, ok bool) {
	fields := strings.Fields(string(answer))
	if len(fields) < 2 || !strings.EqualFold(fields[0], "ping") {
		return 0, false
	}
	number, err := strconv.Atoi(fields[1])
	return number, err == nil
}

// printable returns the beginning of text without control characters, with
// which a sender could recolour the terminal or forge a line of ours.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, string(text[:min(len(text), maxPrinted)]))
}
