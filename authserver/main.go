// Authserver knows its clients by address and its users by password, and keeps
// sessions by token, over TCP or TLS.
//
// Usage:
//
//	authserver server [-addr host:port] [-users file] [-tls | -insecure]
//	                  [-min-password 15] [-session 8h] [-idle 30m]
//	                  [-conn-idle 5m] [-iterations 600000]
//	authserver client hello|register|login|whoami|passwd|logout [-addr host:port]
//	                  [-user name] [-tls | -insecure] [-timeout 5s]
//
// The server listens on localhost unless told otherwise. On an address that
// others can reach it starts only with -tls, or with -insecure, which sends
// passwords in clear. With -tls it makes itself a certificate at the first
// start, beside the file of the users, and tells its SHA-256 fingerprint on
// standard error at every start.
//
// Users, the hashes of their passwords and of their tokens, and the names of
// known addresses are in the file of -users, which one server at a time can
// use. What was answered with ok is on the disk. A damaged file is refused at
// the start and left as it is.
//
// A session ends after -session, or when it has not been used for -idle, or
// when its user logs out, changes the password, or logs in for the sixth time.
// A connection, which needs no session, is let go when it has been silent for
// -conn-idle. At an interrupt the server finishes the requests it has, for 5
// seconds at most, and exits with status 0.
//
// The commands of the client are:
//
//	hello     be greeted by name, or be asked for it if the address is unknown
//	register  become a user
//	login     begin a session, and keep its token for the next commands
//	whoami    print whose session it is
//	passwd    change the password, which ends all sessions
//	logout    end the session
//
// Passwords are asked for without echo. When standard input is not a terminal,
// each is a line of it; passwd reads the old one and then the new one. Without
// -user the name of the user is asked for, or is the line before. On Windows,
// where this program can't turn the echo off, it says so.
//
// Tokens and the fingerprints of certificates are kept for each -addr in the
// folder authserver of the user's configuration folder, readable for the user
// alone. The first certificate that a server shows is taken for its own; the
// client tells the fingerprint, to be compared with the one that the server has
// told, and from then on refuses any other.
//
// # The practicum
//
// The practicum asks for two servers: an identification server, which greets a
// known IP address by name, asks an unknown one for its name and keeps it in a
// file, and an authentication server, which does the same with passwords, with
// a better mark for storing them safely and for sessions by token. Here both
// are one program: hello and name are the first, the rest is the second. The
// messages are those of package framing, each a JSON object; see converse for
// the dialogue and requests.go for what is answered.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("authserver: ")

	var err error
	switch role, args := parseRole(os.Args[1:]); role {
	case "client":
		err = clientCommand(args, os.Stdin, os.Stdout)
	case "server":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // so that a second interrupt ends the program at once
		err = serverCommand(ctx, args, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serverCommand(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("authserver server", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:9091", "listen on `host:port`; without a host on all interfaces, port 0 for any free port")
	users := flags.String("users", "users.json", "keep the users in `file`")
	secure := flags.Bool("tls", false, "speak TLS, with a certificate of one's own")
	insecure := flags.Bool("insecure", false, "let passwords cross the network in clear")
	minPassword := flags.Int("min-password", 15, "the least `number` of characters in a new password")
	session := flags.Duration("session", 8*time.Hour, "end a session after so long")
	idle := flags.Duration("idle", 30*time.Minute, "end a session that has not been used for so long")
	connIdle := flags.Duration("conn-idle", 5*time.Minute, "let go of a client that is silent for so long")
	iterations := flags.Int("iterations", 600_000, "the `number` of rounds in hashing a password; older hashes are raised to it at login")
	parse(flags, args, serverUsage)
	checkAddr(*addr, 0)
	if *minPassword < 1 || *minPassword > maxPassword {
		misused("-min-password %d is not from 1 to %d", *minPassword, maxPassword)
	}
	if *session <= 0 || *idle <= 0 || *connIdle <= 0 {
		misused("-session %v, -idle %v or -conn-idle %v is not more than zero", *session, *idle, *connIdle)
	}
	if *iterations < 1000 || *iterations > maxIterations {
		misused("-iterations %d is not from 1000 to %d", *iterations, maxIterations)
	}
	checkSecurity(*secure, *insecure)
	serverAddress, err := net.ResolveTCPAddr("tcp", *addr)
	if err != nil {
		return err
	}
	if !serverAddress.IP.IsLoopback() && !*secure && !*insecure {
		misused("others can reach -addr %q, and passwords would cross the network in clear: say -tls, or -insecure if that is meant", *addr)
	}

	store, err := openStore(*users)
	if err != nil {
		return err
	}
	defer store.close()
	serverSocket, err := net.Listen("tcp", serverAddress.String())
	if err != nil {
		return err
	}
	defer serverSocket.Close()
	if *secure {
		certificate, err := ownCertificate(store.path, serverAddress.IP)
		if err != nil {
			return err
		}
		log.Print("the fingerprint of the certificate is ", fingerprint(certificate.Leaf.Raw))
		serverSocket = tls.NewListener(serverSocket, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13})
	}

	cores := runtime.GOMAXPROCS(0)
	// Hashing passwords may take all cores. Go would let the other goroutines
	// wait for it in turns of 10 ms; the system does not, if it has threads for
	// them to choose from.
	runtime.GOMAXPROCS(2 * cores)
	s := &server{
		store:       store,
		hashing:     newHashing(cores),
		guessing:    newGuessing(),
		iterations:  *iterations,
		minPassword: *minPassword,
		session:     *session,
		idle:        *idle,
		connIdle:    *connIdle,
	}
	fmt.Fprintln(stdout, "The server is ready to receive on", serverSocket.Addr())

	s.run(ctx, serverSocket)
	return nil
}
