package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	"socketlab/framing"
)

const (
	firstPause = 250 * time.Millisecond // before registering again, and then longer each time
	maxPause   = 30 * time.Second
)

var errInterrupted = errors.New("interrupted")

// A receiverClient is the role receive.
type receiverClient struct {
	addr    string
	name    string
	dir     string // where folder is, to be shown
	folder  *os.Root
	timeout time.Duration
	preview bool
	stdout  io.Writer
}

// run receives images until ctx is done. When the connection ends it registers
// again, unless it has never been registered at all.
func (c *receiverClient) run(ctx context.Context) error {
	pause := firstPause
	for ever := false; ; {
		start := time.Now()
		registered, err := c.session(ctx)
		if ctx.Err() != nil {
			return errInterrupted
		}
		ever = ever || registered
		if registered && time.Since(start) > pause {
			pause = firstPause // it was not for nothing
		}
		if !ever {
			return err
		}
		log.Printf("%v; registering again in %v", err, pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errInterrupted
		}
		pause = min(2*pause, maxPause)
	}
}

// session registers and receives images until the connection ends, and returns
// why it did.
func (c *receiverClient) session(ctx context.Context) (registered bool, err error) {
	live, err := dial(ctx, c.addr, c.timeout)
	if err != nil {
		return false, err
	}
	defer live.Close()
	stop := context.AfterFunc(ctx, func() { live.Close() })
	defer stop()

	conn := newConn(live)
	if _, err := ask(conn, c.timeout, request{Role: "receive", offer: offer{Name: c.name}}); err != nil {
		return false, fmt.Errorf("registering as %s: %w", c.name, err)
	}
	log.Printf("registered as %s, waiting for images", c.name)
	for {
		var o offer
		err := receiveMessage(conn, &o)
		switch {
		case err == nil:
			err = c.take(ctx, live, conn, o)
		case errors.Is(err, errNonsense):
			err = sendMessage(conn, refusal("%v", err))
		case err == io.EOF:
			err = errors.New("the server has hung up")
		}
		if err != nil {
			return true, err
		}
	}
}

// take answers an offer, receives the image and answers again. An error means
// that the connection has ended.
func (c *receiverClient) take(ctx context.Context, live *liveConn, conn *framing.Conn, o offer) error {
	what := fmt.Sprintf("%s from %s", printable(o.Name), printable(o.From))
	saving, err := startSaving(c.folder, o)
	if err != nil {
		err = withoutPath(err)
		log.Printf("refused %s: %v", what, err)
		return sendMessage(conn, refusal("%v", err))
	}
	defer saving.end()
	if err := sendMessage(conn, answer{OK: true}); err != nil {
		return err
	}

	stop := live.watch(ctx)
	err, connErr := saving.receive(conn)
	stop()
	if connErr != nil {
		if connErr == io.EOF {
			connErr = errors.New("the server has hung up")
		}
		return fmt.Errorf("dropped %s, which broke off: %w", what, connErr)
	}
	var name string
	var p picture
	if err == nil {
		name, p, err = saving.finish()
	}
	if err != nil {
		err = withoutPath(err)
		log.Printf("dropped %s: %v", what, err)
		return sendMessage(conn, refusal("%v", err))
	}
	fmt.Fprintf(c.stdout, "%s: %s, %s pixels, %s, saved as %s\n",
		what, p.format, p.pixels(), humanSize(o.Size), printable(filepath.Join(c.dir, name)))
	err = sendMessage(conn, answer{OK: true})
	if c.preview {
		c.show(name)
	}
	return err
}

// withoutPath returns an error without the name of our temporary file, which is
// no concern of the sender's.
func withoutPath(err error) error {
	if pathErr := new(fs.PathError); errors.As(err, &pathErr) {
		return fmt.Errorf("saving it: %w", pathErr.Err)
	}
	return err
}

// ask sends a request to the server and returns its answer, which comes at once
// or is taken for silence. That the server refuses is an error.
func ask(conn *framing.Conn, timeout time.Duration, r request) (answer, error) {
	conn.SetDeadline(time.Now().Add(timeout))
	defer conn.SetDeadline(time.Time{})
	if err := sendMessage(conn, r); err != nil {
		return answer{}, err
	}
	return hearServer(conn)
}

// hearServer receives an answer. That it is no is an error.
func hearServer(conn *framing.Conn) (answer, error) {
	var a answer
	err := receiveMessage(conn, &a)
	var timeout net.Error
	switch {
	case err == io.EOF:
		return a, errors.New("the server has hung up")
	case errors.As(err, &timeout) && timeout.Timeout():
		return a, errSilent
	case err != nil:
		return a, err
	case !a.OK:
		return a, refused(printable(a.Error))
	}
	return a, nil
}

// refused is the error of an answer that is no, and its reason.
type refused string

func (r refused) Error() string { return "refused: " + string(r) }
