package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	command     = flag.String("cmd", "", "TestExercise tests the program that `command` starts, not this folder's: a server with -addr, a client without")
	commandAddr = flag.String("addr", "", "the `host:port` where the server that -cmd starts listens")
)

const labAddr = "127.0.0.1:12000" // where the sheet's client looks for its server

// TestExerciseServer holds what the sheet's server does, so that it can be
// aimed at any other:
//
//	go test ./pinger -run TestExercise -args -cmd 'python2 UDPPingerServer.py' -addr 127.0.0.1:12000
func TestExerciseServer(t *testing.T) {
	if *command != "" && *commandAddr == "" {
		t.Skip("-cmd without -addr is a client")
	}
	client, err := net.Dial("udp", startExerciseServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	const pings, inFlight = 220, 20
	answers := make(map[string]int)
	buffer := make([]byte, 2048)
	for i := 1; i <= pings; i++ {
		if _, err := fmt.Fprintf(client, "Ping %d from the test", i); err != nil {
			t.Fatal(err)
		}
		if i%inFlight > 0 {
			continue
		}
		for { // the answers to these are all here when for a while none comes
			client.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			n, err := client.Read(buffer)
			if err != nil {
				break
			}
			answers[string(buffer[:n])]++
		}
	}

	lost := 0
	for i := 1; i <= pings; i++ {
		answer := fmt.Sprintf("PING %d FROM THE TEST", i)
		switch answers[answer] {
		case 0:
			lost++
		case 1:
		default:
			t.Fatalf("sent %q once, expected %q once, but it came %d times", fmt.Sprintf("Ping %d from the test", i), answer, answers[answer])
		}
		delete(answers, answer)
	}
	if len(answers) > 0 {
		t.Errorf("sent %q and so on to %d, expected nothing but these in upper case, but this came too: %.500q",
			"Ping 1 from the test", pings, slices.Collect(maps.Keys(answers)))
	}
	// 4 of 11 are lost: 80 of 220. The standard deviation is 7.1.
	if lost < 50 || lost > 110 {
		t.Errorf("sent %d pings, expected 4 of 11 to be lost, about 80, but %d were", pings, lost)
	}
}

// TestExerciseClient holds what variant 6 of the sheet asks of the client and
// no more, so that it can be aimed at a student's program, for which it plays
// the server:
//
//	go test ./pinger -run TestExercise -args -cmd 'python3 UDPPinger.py'
func TestExerciseClient(t *testing.T) {
	if *command != "" && *commandAddr != "" {
		t.Skip("-cmd with -addr is a server")
	}
	const (
		pings = 10
		slow  = 5                      // this ping is answered late, but in time,
		rtt   = 300 * time.Millisecond // so much later
	)
	lost := map[int]bool{3: true, 8: true}

	addr := "127.0.0.1:0"
	if *command != "" {
		addr = labAddr
	}
	serverSocket, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatalf("the test needs the server's port for itself: %v", err)
	}
	defer serverSocket.Close()
	output := startExerciseClient(t, serverSocket.LocalAddr().String())

	var answers []string
	buffer := make([]byte, 2048)
	for i := 1; i <= pings; i++ {
		serverSocket.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, clientAddress, err := serverSocket.ReadFrom(buffer)
		if err != nil {
			t.Fatalf("expected %d pings at %v, but after %d of them none came for 5 s; does the client send all of them, and wait no more than a second for each answer?",
				pings, serverSocket.LocalAddr(), i-1)
		}
		if lost[i] {
			continue
		}
		answer := strings.ToUpper(string(buffer[:n]))
		answers = append(answers, answer)
		if i == slow {
			time.AfterFunc(rtt, func() { serverSocket.WriteTo([]byte(answer), clientAddress) })
			continue
		}
		if _, err := serverSocket.WriteTo([]byte(answer), clientAddress); err != nil {
			t.Fatal(err)
		}
	}

	printed := <-output
	for _, answer := range answers {
		if !strings.Contains(printed, answer) {
			t.Errorf("answered %q, expected the client to print that", answer)
		}
	}
	if got := strings.Count(printed, "Request timed out"); got != len(lost) {
		t.Errorf("left %d pings without an answer, expected %q that often, but it is printed %d times", len(lost), "Request timed out", got)
	}
	// Of the pings that were answered, one alone took 0.3 s or more, and not 0.9.
	found, milliseconds := false, false
	for _, number := range regexp.MustCompile(`\d+\.\d+(e-\d+)?`).FindAllString(printed, -1) {
		value, _ := strconv.ParseFloat(number, 64)
		found = found || 0.3 <= value && value < 0.9
		milliseconds = milliseconds || 300 <= value && value < 900
	}
	if !found || milliseconds {
		t.Errorf("held the answer to ping %d back for %v, expected a round-trip time in seconds from 0.3 on", slow, rtt)
	}
	if t.Failed() {
		t.Logf("the client printed:\n%s", printed)
	}
}

func startExerciseServer(t *testing.T) (addr string) {
	if *command == "" {
		return startServer(t, newNetwork(4.0/11, 0, 0, 0, 1))
	}
	probe, err := net.ListenPacket("udp", *commandAddr)
	if err != nil {
		t.Fatalf("another program is using the port: %v", err)
	}
	probe.Close()

	var output bytes.Buffer
	program := exerciseProgram(t, context.Background())
	program.Stdout, program.Stderr = &output, &output
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { program.Wait(); close(ended) }()
	t.Cleanup(func() {
		program.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s printed:\n%s", *command, &output)
		}
	})

	client, err := net.Dial("udp", *commandAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			t.Fatalf("%s ended (%v) before it answered", *command, program.ProcessState)
		case <-time.After(50 * time.Millisecond):
		}
		client.Write([]byte("Ping 0")) // refused until the server is up, and then perhaps lost
		client.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := client.Read(make([]byte, 2048)); err == nil {
			return *commandAddr
		}
	}
	t.Fatalf("sent %q to %s for 10 s, and %s never answered: does it bind to this port, and does it call sendto with the client's address?",
		"Ping 0", *commandAddr, *command)
	return ""
}

// startExerciseClient starts the client under test, and returns a channel that
// gets all that it printed, when it has ended.
func startExerciseClient(t *testing.T, addr string) <-chan string {
	output := make(chan string, 1)
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	var program *exec.Cmd
	if *command != "" {
		program = exerciseProgram(t, ctx)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { stop(); <-ended })
	go func() {
		defer close(ended)
		if *command == "" {
			var stdout strings.Builder
			if err := clientCommand([]string{"-addr", addr}, &stdout); err != nil {
				t.Error(err)
			}
			output <- stdout.String()
			return
		}
		printed, err := program.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v (it has 30 s), and printed\n%s", *command, err, printed)
		}
		output <- string(printed)
	}()
	return output
}

// exerciseProgram is the program of -cmd.
func exerciseProgram(t *testing.T, ctx context.Context) *exec.Cmd {
	var words []string
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(*command, -1) {
		words = append(words, strings.Trim(word, `"'`))
	}
	if len(words) == 0 {
		t.Fatal("-cmd has no command")
	}
	program := exec.CommandContext(ctx, words[0], words[1:]...)
	for _, word := range words {
		// go test runs in the folder of the test, "go test ./pinger" was typed above it.
		if _, err := os.Stat(filepath.Join("..", word)); err == nil {
			program.Dir = ".."
		}
	}
	program.WaitDelay = time.Second
	return program
}
