package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// listingSize, in bytes, is what the listing's server receives of a sentence,
// and its client of an answer.
const listingSize = 1024

var (
	errEnd   = errors.New("end of input")
	errEmpty = errors.New("an empty sentence can't be answered: TCP delivers bytes, and it has none")
)

// prompt asks for a sentence and returns it: a line of input, without its end.
func prompt(input *bufio.Scanner, stdout io.Writer) ([]byte, error) {
	fmt.Fprint(stdout, "Input lowercase sentence:")
	sentence, err := readLine(input)
	if err != nil {
		fmt.Fprintln(stdout) // ends the line of the prompt
		return nil, fmt.Errorf("reading the sentence: %w", err)
	}
	if len(sentence) == 0 {
		return nil, errEmpty
	}
	return sentence, nil
}

// exchange sends the sentence and receives the answer, which ends where the
// server hangs up or where as much has come as was sent. It returns what has
// come together with the error, if any.
func exchange(clientSocket *impatientConn, sentence []byte) ([]byte, error) {
	clientSocket.SetDeadline(time.Now().Add(clientSocket.timeout))
	modifiedSentence := make([]byte, max(len(sentence), listingSize))
	var n int
	var err error
	received := make(chan struct{})
	// The server may answer before the sentence has been sent to its end, and
	// wait for us to receive, as we would wait for it to receive the rest.
	go func() {
		n, err = io.ReadAtLeast(clientSocket, modifiedSentence, len(sentence))
		close(received)
	}()

	sent, sendErr := clientSocket.Write(sentence)
	log.Printf("sent %d bytes", sent)
	<-received
	log.Printf("received %d bytes", n)

	switch {
	case err == io.EOF || n == 0 && errors.Is(err, syscall.ECONNRESET):
		err = errors.New("no answer: the server has hung up")
	case err == io.ErrUnexpectedEOF && len(sentence) <= listingSize:
		err = nil // a short answer, and yet an answer
	case err != nil && n > 0:
		err = fmt.Errorf("the answer is cut: %d bytes were sent, %d came back (%w)", sent, n, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("no answer within %v", clientSocket.timeout)
	case err == nil && sendErr != nil:
		err = fmt.Errorf("only %d of %d bytes were sent: %w", sent, len(sentence), sendErr)
	}
	return modifiedSentence[:n], err
}

// show prints what came of the answer.
func show(stdout io.Writer, modifiedSentence []byte) error {
	if len(modifiedSentence) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(stdout, "From Server:", printable(modifiedSentence))
	return err
}

func hangUp(clientSocket net.Conn) {
	clientSocket.Close()
	log.Print("disconnected")
}

// An impatientConn gives up when nothing comes for longer than timeout.
type impatientConn struct {
	net.Conn
	timeout time.Duration
}

// Read moves the deadline of both directions: while the answer comes, a long
// sentence has time to leave.
func (c *impatientConn) Read(p []byte) (int, error) {
	c.SetDeadline(time.Now().Add(c.timeout))
	return c.Conn.Read(p)
}

// readLine reads a line without its end, and returns an error if there is none.
func readLine(input *bufio.Scanner) ([]byte, error) {
	if input.Scan() {
		return input.Bytes(), nil
	}
	switch err := input.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("the line is longer than %d bytes", maxLine)
	case err != nil:
		return nil, err
	}
	return nil, errEnd
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
