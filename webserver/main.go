// Webserver serves the files of a folder over HTTP.
//
// Usage:
//
//	webserver [-addr host:port] [-root folder] [-serial] [-idle 60s] [-quiet]
//
// Without -root it serves a small site of its own: a guide to the labs,
// HelloWorld.html and a picture.
//
// A name that ends in a slash is a folder, for which its index.html is sent, or
// else a list of what is in it. Nothing outside the root is served, whatever
// the name or a symbolic link says, and nothing whose name begins with a dot.
//
// Each request is a line on standard error, in the Common Log Format; -quiet
// turns these off. With -serial one connection is served at a time, waited for
// 5 seconds at most and closed after its answer, which is variant 1 of the lab;
// otherwise each has a goroutine of its own, variant 2.
//
// A connection on which no request comes for -idle is closed, and so is one
// whose client takes longer than 10 seconds to send a request's head, or does
// not receive anything for 30 seconds. Webserver runs until interrupted. It then
// closes the connections that are idle, gives the answers under way 5 seconds,
// and exits with status 0. A second interrupt ends it at once.
//
// # The Python listing
//
// Webserver follows template 6.1 of the lab, under its names: serverSocket,
// connectionSocket, message, filename. The template is server.go; its accept is
// serve, its try is answer, its except IOError is the error that answer returns.
// What the template leaves out has files of its own, to be put aside at first:
//
//	client.go     the connection: buffers, time limits, closing
//	request.go    the syntax of a request (RFC 9112)
//	response.go   the head of an answer, and its body
//	file.go       what is found under a name; cache.go remembers it
//	condition.go  If-Match and its like: 304 and 412 (RFC 9110, section 13)
//	range.go      Range: 206 and 416 (RFC 9110, section 14)
//	listing.go    the page for a folder
//	status.go     the page for an error
//	log.go        the line for a request
//	mime.go       the type of a file
//
// The template differs in four ways. It takes what one recv brings for the
// whole request; here it ends with its empty line. It sends the file letter by
// letter; here the head and a small file leave in one write, and the system
// copies a large one (sendfile). It closes after each answer; here the
// connection stays open for the next request. And it opens any name that it is
// sent, "../../etc/passwd" as well.
package main

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

//go:embed site
var embedded embed.FS

func main() {
	log.SetFlags(0)
	log.SetPrefix("webserver: ")
	flags := flag.NewFlagSet("webserver", flag.ContinueOnError)
	addr := flags.String("addr", ":8080", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	root := flags.String("root", "", "serve the files of `folder`, not the built-in guide to the labs")
	serial := flags.Bool("serial", false, "serve one connection at a time, and one request on it")
	idle := flags.Duration("idle", time.Minute, "close a connection on which no request comes for this long")
	quiet := flags.Bool("quiet", false, "no line for each request")
	parse(flags, os.Args[1:])
	checkAddr(*addr)
	if *idle <= 0 {
		misused("-idle %v is not more than zero", *idle)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once

	s := &server{serial: *serial, idle: *idle, log: os.Stderr}
	if *quiet {
		s.log = nil
	}
	if err := s.run(ctx, *addr, *root, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run opens the root and the socket, says that the server is ready and serves
// clients until ctx is done.
func (s *server) run(ctx context.Context, addr, root string, stdout io.Writer) error {
	if root == "" {
		s.files, _ = fs.Sub(embedded, "site")
	} else {
		folder, err := openFolder(root)
		if err != nil {
			return err
		}
		defer folder.Close()
		s.files = folder
	}
	serverSocket, err := listen(ctx, addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "The server is ready to receive on", serverSocket.Addr())
	log.Printf("open http://%s/ in a browser", browserAddr(serverSocket.Addr().(*net.TCPAddr)))

	s.serve(ctx, serverSocket)
	return nil
}

// listen turns TCP's keep-alive probes off, which cost three system calls for
// each client: the time limits let go of one that is gone.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	return config.Listen(ctx, "tcp", addr)
}

// browserAddr is what to type on this machine to reach addr.
func browserAddr(addr *net.TCPAddr) string {
	if addr.IP.IsUnspecified() || addr.IP.IsLoopback() {
		return fmt.Sprintf("localhost:%d", addr.Port)
	}
	return addr.String()
}
