package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"socketlab/framing"
)

var errShorter = errors.New("the file has become shorter")

// A senderClient is the role send.
type senderClient struct {
	addr, from, to string
	dir, file      string
	timeout        time.Duration
	input          *bufio.Scanner
	stdout         io.Writer
	stderr         io.Writer // for the progress, nil if it is no terminal
	columns        int
}

// run is the exercise: the client chooses an image from a list, and sends it to
// another client.
func (c *senderClient) run(ctx context.Context) (err error) {
	path := c.file
	if path == "" {
		if path, err = chooseImage(c.dir, c.input, c.stdout); err != nil {
			return err
		}
	}
	file, _, size, err := openImage(path)
	if err != nil {
		return err
	}
	defer file.Close()

	live, err := dial(ctx, c.addr, c.timeout)
	if err != nil {
		return err
	}
	defer func() { live.Close() }()
	conn := newConn(live)
	if c.to == "" {
		list, err := ask(conn, c.timeout, request{Role: "list"})
		if err != nil {
			return fmt.Errorf("asking for the receivers: %w", err)
		}
		asked := time.Now()
		if c.to, err = chooseReceiver(list.Receivers, c.input, c.stdout); err != nil {
			return err
		}
		if time.Since(asked) > time.Minute { // the server may have let us go, for our silence
			live.Close()
			if live, err = dial(ctx, c.addr, c.timeout); err != nil {
				return err
			}
			conn = newConn(live)
		}
	}

	start := time.Now()
	if err := c.send(ctx, live, conn, file, size); err != nil {
		return fmt.Errorf("sending %s to %s: %w", printable(filepath.Base(path)), printable(c.to), err)
	}
	fmt.Fprintf(c.stdout, "%s has saved %s, %s, in %.1f s\n",
		printable(c.to), printable(filepath.Base(path)), humanSize(size), time.Since(start).Seconds())
	return nil
}

// send offers the file, sends it when the receiver wants it, and returns nil
// when the receiver has saved it.
func (c *senderClient) send(ctx context.Context, live *liveConn, conn *framing.Conn, file *os.File, size int64) error {
	hash := sha256.New()
	if err := c.copy("reading "+filepath.Base(file.Name()), hash, file, size, "\r"); err != nil {
		return err
	}
	stop := live.watch(ctx)
	defer stop()
	o := offer{From: c.from, Name: filepath.Base(file.Name()), Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))}
	if err := sendMessage(conn, request{Role: "send", To: c.to, offer: o}); err != nil {
		return err
	}
	if _, err := hearServer(conn); err != nil { // comes when it is our turn
		return err
	}

	verdict := make(chan error, 1)
	go func() { // already while we send, for the image may break off behind the server
		_, err := hearServer(conn)
		verdict <- err
		live.SetWriteDeadline(time.Now())
	}()
	if err := c.copy("sending "+o.Name, live, file, size, "\n"); err != nil {
		if err == errShorter {
			return err // and the end of the connection tells the others
		}
		live.SetReadDeadline(time.Now().Add(c.timeout)) // perhaps the server tells why
		if refusal := <-verdict; errors.As(refusal, new(refused)) {
			return refusal
		}
		return err
	}
	return <-verdict
}

// copy copies the file, from its beginning, and shows how far it is, on a line
// that it leaves by end.
func (c *senderClient) copy(what string, to io.Writer, file *os.File, size int64, end string) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	bar := progress{output: c.stderr, columns: c.columns, what: printable(what), size: size}
	defer bar.end(end)
	for bar.done < size {
		n, err := io.CopyN(to, file, min(size-bar.done, minPortion))
		bar.add(n)
		if err == io.EOF {
			return errShorter
		}
		if err != nil {
			return err
		}
	}
	return nil
}
