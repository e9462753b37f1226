package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
)

const usage = `Proxyserver is a forward proxy for HTTP that keeps what it may of the answers.

usage: proxyserver [-addr localhost:8888] [-cache dir] [-cache-size 256MiB]
                   [-timeout 30s] [-connect] [-methods basic|all] [-v]

`

const example = `
Example: a proxy with a cache that outlives it, then, in a second terminal, the
same page twice. The Cache-Status field tells where each answer comes from.

	proxyserver -cache ./pages
	curl -x localhost:8888 -i http://example.com/
	curl -x localhost:8888 -i http://example.com/
`

// parse reads the command line into flags. With -h it prints the usage and
// ends the program; anything that is not a flag is a mistake.
func parse(flags *flag.FlagSet, args []string) {
	flags.SetOutput(io.Discard) // a mistake gets one line, not the whole usage
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(os.Stdout)
		fmt.Print(usage)
		flags.PrintDefaults()
		fmt.Print(example)
		os.Exit(0)
	}
	if err != nil {
		misused("%v", err)
	}
	if flags.NArg() > 0 {
		misused("%q is not a flag", flags.Arg(0))
	}
}

// checkAddr wants a host and a port; whether the host exists is seen later.
func checkAddr(addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		misused("-addr %q: %v", addr, err)
	}
}

// parseSize reads a number of bytes as people write it: 1000, 64KiB, 256MiB, 1G.
func parseSize(size string) (int64, error) {
	digits := strings.TrimRight(size, "BKMGTikmgtb")
	unit := strings.ToUpper(strings.TrimSuffix(strings.TrimRight(size[len(digits):], "Bb"), "i"))
	shift, ok := map[string]int{"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[unit]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !ok || n <= 0 || n > 1<<(62-shift) {
		return 0, fmt.Errorf("%q is not a size like 64KiB, 256MiB or 1GiB", size)
	}
	return n << shift, nil
}

// misused says what is wrong with the command line and exits with status 2.
func misused(format string, a ...any) {
	log.Printf(format, a...)
	os.Exit(2)
}
