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
