// Imagerelay sends images from one client to another, through a server.
//
// Usage:
//
//	imagerelay server [-addr host:port] [-idle 5m]
//	imagerelay receive -name bob [-addr host:port] [-dir .] [-preview=false] [-timeout 5s]
//	imagerelay send [-to bob] [-from alice] [-addr host:port] [-dir .] [-timeout 5s] [file]
//	imagerelay samples [-dir .]
//
// The receiver registers under a name and waits. It saves each image in -dir,
// under a new name if there is a file of that name, prints a line about it and,
// on a terminal, shows it. It answers that it has the image when the image is
// whole by its SHA-256, is a PNG, JPEG, GIF, WebP or BMP by its first bytes, and
// is on the disk; an image that is not, or breaks off, leaves no file. When the
// connection ends the receiver registers again, after pauses of up to 30
// seconds. It runs until interrupted and then exits with status 1.
//
// The sender lists the images of -dir and asks for one, lists the receivers and
// asks for one, sends the image, and says what became of it. With -to and a
// file it asks nothing. It exits with status 0 if the image is saved, or else 1.
//
// The server passes on what a sender sends as it comes, and holds none of it, so
// that a large image takes no more memory than a small one. A receiver gets one
// image at a time, and 20 more senders wait for their turn, 10 minutes at most.
// The server lets go of a client that is silent for -idle when it is its turn,
// and of both clients of an image that does not move for so long. It runs until
// interrupted, gives images that are on their way 5 seconds to arrive, and exits
// with status 0.
//
// The clients give up when the server is silent for -timeout. While another
// client is what they wait for they ask the server for the list of receivers, on
// another connection, to know that it is there.
//
// Samples draws three pictures to send.
//
// # The protocol
//
// Control messages are JSON objects in the frames of package framing: a length
// of 4 bytes, and then the text. An image is its bytes and nothing else.
//
//	receiver to server  {"role":"receive","name":"bob"}
//	server to receiver  {"ok":true}
//	sender to server    {"role":"list"}
//	server to sender    {"ok":true,"receivers":["bob"]}
//	sender to server    {"role":"send","from":"alice","to":"bob","name":"cat.png","size":123,"sha256":"…"}
//	server to receiver  {"from":"alice","name":"cat.png","size":123,"sha256":"…"}
//	receiver to server  {"ok":true}, and the server to the sender
//	sender to server    123 bytes, and the server to the receiver
//	receiver to server  {"ok":true}, and the server to the sender
//
// Any answer may be {"ok":false,"error":"…"} instead. A message has at most 16
// KiB; a person's name has from 1 to 20 letters, digits, _ or -.
//
// # The exercise
//
// Imagerelay is variant 9 of the sheet: a client chooses an image from a list
// and sends it to another client through the server. The sheet has no listing
// for it. In its terms the server is a TCPServer.py that keeps the
// connectionSocket of each receiver, and for a sender has a loop of recv from
// one socket and send to the other: see relay, and senderClient.run for the
// client.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("imagerelay: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once

	var err error
	switch role, args := parseRole(os.Args[1:]); role {
	case "server":
		err = serverCommand(ctx, args, os.Stdout)
	case "receive":
		err = receiveCommand(ctx, args, os.Stdout)
	case "send":
		err = sendCommand(ctx, args, os.Stdin, os.Stdout)
	case "samples":
		err = samplesCommand(args, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serverCommand(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("imagerelay server", flag.ContinueOnError)
	addr := flags.String("addr", ":9093", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	idle := flags.Duration("idle", 5*time.Minute, "let go of a client that is silent for this long when it is its turn")
	parse(flags, args, serverUsage, 0)
	checkAddr(*addr, 0)
	checkPositive("-idle", *idle)

	serverSocket, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "The server is ready to receive on", serverSocket.Addr())
	s := &server{idle: *idle, receivers: make(map[string]*receiver)}
	s.serve(ctx, serverSocket)
	return nil
}

func receiveCommand(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("imagerelay receive", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:9093", "the server's `host:port`")
	name := flags.String("name", "", "receive images under this `name`")
	dir := flags.String("dir", ".", "save them in this `folder`")
	preview := flags.Bool("preview", true, "show them, on a terminal")
	timeout := flags.Duration("timeout", 5*time.Second, "how long the server may be silent")
	parse(flags, args, receiveUsage, 0)
	checkAddr(*addr, 1)
	checkPositive("-timeout", *timeout)
	if err := checkName(*name); err != nil {
		misused("-name: %v", err)
	}

	folder, err := os.OpenRoot(*dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	c := &receiverClient{addr: *addr, name: *name, dir: *dir, folder: folder, timeout: *timeout, preview: *preview, stdout: stdout}
	return c.run(ctx)
}

func sendCommand(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("imagerelay send", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:9093", "the server's `host:port`")
	to := flags.String("to", "", "send to the receiver of this `name`, and don't ask")
	from := flags.String("from", userName(), "who it is from, a `name`")
	dir := flags.String("dir", ".", "list the images of this `folder`")
	timeout := flags.Duration("timeout", 5*time.Second, "how long the server may be silent")
	parse(flags, args, sendUsage, 1)
	checkAddr(*addr, 1)
	checkPositive("-timeout", *timeout)
	if err := checkName(*from); err != nil {
		misused("-from: %v", err)
	}
	if err := checkName(*to); *to != "" && err != nil {
		misused("-to: %v", err)
	}

	context.AfterFunc(ctx, func() {
		fmt.Fprintln(os.Stderr) // ends the line of the question, or of the progress
		log.Fatal(errInterrupted)
	})
	c := &senderClient{addr: *addr, from: *from, to: *to, dir: *dir, file: flags.Arg(0), timeout: *timeout,
		input: bufio.NewScanner(stdin), stdout: stdout}
	if columns, _, terminal := window(os.Stderr); terminal {
		c.stderr, c.columns = os.Stderr, columns
	}
	return c.run(ctx)
}

func samplesCommand(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("imagerelay samples", flag.ContinueOnError)
	dir := flags.String("dir", ".", "draw them in this `folder`")
	parse(flags, args, samplesUsage, 0)
	return drawSamples(*dir, stdout)
}

// userName returns the name of whoever has started the program, as far as it is
// a name for the protocol.
func userName() string {
	if u, err := user.Current(); err == nil {
		name := u.Username[strings.LastIndex(u.Username, `\`)+1:] // Windows puts the domain before it
		if checkName(name) == nil {
			return name
		}
	}
	return "somebody"
}
