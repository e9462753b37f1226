// Proxyserver is a forward proxy for HTTP that keeps what it may of the answers.
//
// Usage:
//
//	proxyserver [-addr localhost:8888] [-cache dir] [-cache-size 256MiB]
//	            [-timeout 30s] [-connect] [-methods basic|all] [-v]
//
// Proxyserver serves GET, HEAD and POST for http:// addresses; -methods all
// makes it relay all other methods too, and -connect allows CONNECT, with which
// clients reach https:// addresses through a tunnel. What fails is told in a page
// of the proxy's own, with status 502 if a server can't be reached or does not
// speak HTTP, 504 if it is silent for -timeout, 508 if the way leads back to the
// proxy, 400 for what is no request to a proxy. An answer that breaks off at its
// server breaks off at the client too.
//
// The cache is a shared one by RFC 9111. It is in the directory of -cache, where
// the next proxyserver finds it, or without -cache in a temporary one, which is
// removed at the end. It takes at most -cache-size, and what was used least
// recently goes first. The field Cache-Status tells of each answer where it comes
// from; with -v standard error does.
//
// Proxyserver runs until interrupted. It then lets go of clients that ask
// nothing, gives transfers 5 seconds to finish, and exits with status 0. A second
// interrupt ends it at once.
//
// # The Python template
//
// Proxyserver follows template 6.2 of the lab sheet, variants 3, 4 and 5. The
// template's tcpSerSock and tcpCliSock have their names here, c is the connection
// to the origin server, and the loop is serve, serveClient and reply in proxy.go:
// accept, receive the message, look for the file in the cache and send it, or
// else connect, ask, store the answer in a new file and send it.
//
// These things differ. A request is read to the end of its head, and its body
// too, not as far as one recv gets. Clients are served at the same time. The
// template's file has the name of the URL, which lets a URL name any file of the
// computer; here it is a hash. It never looks whether a file is still good, and
// may not even have been meant for others; see freshness.go. It asks for a page
// at port 80 of a host whose name it has cut "www." off; here it is the host and
// port that the client asks for. And it takes every error for "Illegal request".
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("proxyserver: ")
	flags := flag.NewFlagSet("proxyserver", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:8888", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	dir := flags.String("cache", "", "keep responses in `dir`, over restarts; without it, in a new directory that is removed at the end")
	cacheSize := flags.String("cache-size", "256MiB", "use at most `size` of the disk")
	timeout := flags.Duration("timeout", 30*time.Second, "give up on an origin server that is silent for this long")
	tunnels := flags.Bool("connect", false, "allow CONNECT, which https needs")
	methods := flags.String("methods", "basic", "serve `basic`, which is GET, HEAD and POST, or all methods")
	verbose := flags.Bool("v", false, "log every request on standard error")
	parse(flags, os.Args[1:])
	checkAddr(*addr)
	size, err := parseSize(*cacheSize)
	if err != nil {
		misused("-cache-size %v", err)
	}
	if *timeout <= 0 {
		misused("-timeout %v is not more than zero", *timeout)
	}
	if *methods != "basic" && *methods != "all" {
		misused("-methods %q is not basic or all", *methods)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once

	p := &proxy{timeout: *timeout, tunnels: *tunnels, allMethods: *methods == "all", verbose: *verbose}
	if err := p.run(ctx, *addr, *dir, size, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run opens the cache and the socket, says that the proxy is ready and serves
// clients until ctx is done.
func (p *proxy) run(ctx context.Context, addr, dir string, size int64, stdout io.Writer) error {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "proxyserver-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	}
	store, err := openStore(dir, size)
	if err != nil {
		return err
	}
	defer store.close()
	p.cache = &cache{store: store, flights: map[string]*flight{}, single: map[string]time.Time{}}

	config := net.ListenConfig{KeepAlive: -1} // idleTimeout finds the dead as well
	tcpSerSock, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	p.name = fmt.Sprintf("socketlab-%.8s", rand.Text())
	p.port = tcpSerSock.Addr().(*net.TCPAddr).Port
	fmt.Fprintln(stdout, "The server is ready to receive on", tcpSerSock.Addr())

	p.serve(ctx, tcpSerSock)
	return nil
}
