package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"socketlab/framing"
)

// signOfLife is how often a client that has nothing to say sends an empty line,
// which the server passes over. It is well below the -idle of a server.
const signOfLife = time.Minute

type client struct {
	conn    *framing.Conn
	timeout time.Duration
	screen  *screen
	leaving atomic.Bool
}

func newClient(conn net.Conn, timeout time.Duration, screen *screen) *client {
	return &client{conn: framing.NewConn(conn), timeout: timeout, screen: screen}
}

// run is the protocol from the client's side: the name, the server's answer,
// and then lines in both directions until one side leaves.
func (c *client) run(name string, input io.Reader) error {
	c.conn.SetDeadline(time.Now().Add(c.timeout))
	if err := c.conn.SendText(name); err != nil {
		return err
	}
	answer, err := c.conn.ReceiveText()
	if err != nil {
		return fmt.Errorf("waiting for the server's welcome: %w", c.reason(err))
	}
	if refusal, refused := strings.CutPrefix(answer, "! "); refused {
		return errors.New("the server refuses: " + printable(refusal))
	}
	c.conn.SetReadDeadline(time.Time{}) // others may say nothing for hours
	if err := c.screen.show(answer); err != nil {
		return err
	}

	gone := make(chan struct{})
	defer close(gone)
	go c.live(gone)
	// Nothing but the end of the program ends the wait for a line of input.
	go c.talk(bufio.NewReaderSize(input, maxLine+len("\r\n")))
	return c.listen()
}

// listen shows what the server sends until it hangs up, which is an error
// unless we are leaving.
func (c *client) listen() error {
	for {
		text, err := c.conn.ReceiveText()
		switch {
		case err == framing.ErrNotText:
			continue // of no use to anybody
		case err != nil && c.leaving.Load() && !errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return c.reason(err)
		}
		c.conn.SetWriteDeadline(time.Now().Add(c.timeout)) // it is there, though it may take our lines slowly
		if err := c.screen.show(text); err != nil {
			return err // nobody sees what is said, with standard output on a full disk, say
		}
		if c.leaving.Load() {
			c.conn.SetReadDeadline(time.Now().Add(c.timeout))
		}
	}
}

func (c *client) reason(err error) error {
	switch {
	case err == io.EOF:
		return errors.New("the server has hung up")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the server is silent for %v", c.timeout)
	}
	return fmt.Errorf("the server is gone: %w", err)
}

// talk says line after line of input, until one says /quit or there are no
// more, and then leaves.
func (c *client) talk(input *bufio.Reader) {
	for {
		c.screen.prompt()
		line, err := readLine(input)
		if err != io.EOF {
			c.screen.entered()
		}
		if err == errTooLong {
			c.screen.trouble(err)
			continue
		}
		if err != nil {
			if err != io.EOF {
				c.screen.trouble(fmt.Errorf("reading the next line: %w", err))
			}
			break
		}
		command, rest := parseLine(line)
		if command == "/quit" {
			break
		}
		if strings.TrimSpace(command+rest) == "" {
			continue
		}
		if err := c.say(line); err == framing.ErrNotText {
			c.screen.trouble(fmt.Errorf("not sent: %w", err))
		} else if err != nil {
			c.conn.SetReadDeadline(time.Now()) // ends listen, which says why
			return
		}
	}
	c.leaving.Store(true)
	c.conn.SetReadDeadline(time.Now().Add(c.timeout))
	c.say("/quit")
}

// live gives signs of life until the server is gone.
func (c *client) live(gone <-chan struct{}) {
	for {
		select {
		case <-time.After(signOfLife):
			c.say("")
		case <-gone:
			return
		}
	}
}

// say sends a line, for which a server that is busy may take its time, but not
// without a word.
func (c *client) say(line string) error {
	c.conn.SetWriteDeadline(time.Now().Add(c.timeout))
	return c.conn.SendText(line)
}

// readLine reads a line without its end. One that is too long for the server is
// passed over and gives errTooLong.
func readLine(input *bufio.Reader) (string, error) {
	line, err := input.ReadSlice('\n')
	if err == io.EOF && len(line) > 0 {
		err = nil // the last line needs no end
	}
	text := strings.TrimRight(string(line), "\r\n")
	if err == bufio.ErrBufferFull {
		for err == bufio.ErrBufferFull {
			_, err = input.ReadSlice('\n')
		}
		return "", errTooLong
	}
	if err == nil && len(text) > maxLine {
		err = errTooLong
	}
	return text, err
}
