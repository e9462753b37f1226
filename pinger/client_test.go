package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pings runs the client for count pings in virtual time, against a server that
// calls answer for each, and returns what it printed, and after that its error.
// The server's answers come one after another, as over a network.
func pings(t *testing.T, count int, interval time.Duration, answer func(number int, message string, send func(after time.Duration, answer string))) (printed string) {
	synctest.Test(t, func(t *testing.T) {
		clientSocket, serverSocket := net.Pipe()
		go func() {
			buffer := make([]byte, 2048)
			for number := 1; ; number++ {
				n, err := serverSocket.Read(buffer)
				if err != nil {
					return
				}
				answer(number, string(buffer[:n]), func(after time.Duration, answer string) {
					time.AfterFunc(after, func() { serverSocket.Write([]byte(answer)) })
				})
			}
		}()
		var stdout strings.Builder
		c := &client{clientSocket: clientSocket, timeout: time.Second, stdout: &stdout}
		if err := c.run(t.Context(), count, interval); err != nil {
			fmt.Fprintln(&stdout, err)
		}
		clientSocket.Close()
		serverSocket.Close()
		printed = stdout.String()
	})
	return printed
}

func check(t *testing.T, printed, want string) {
	t.Helper()
	if printed != want {
		t.Errorf("the client printed\n%s\nwant\n%s", printed, want)
	}
}

const millisecond = time.Millisecond

func TestPings(t *testing.T) {
	printed := pings(t, 3, 0, func(number int, message string, send func(time.Duration, string)) {
		send(time.Duration(number)*100*millisecond, strings.ToUpper(message))
	})
	check(t, printed, `PING 1 946684800.000000: RTT 0.100000 s
PING 2 946684800.100000: RTT 0.200000 s
PING 3 946684800.300000: RTT 0.300000 s
3 packets transmitted, 3 received, 0.0% packet loss
rtt min/avg/max/mdev = 0.100000/0.200000/0.300000/0.081650 s
`)
}

func TestPingTimesOut(t *testing.T) {
	printed := pings(t, 3, 0, func(number int, message string, send func(time.Duration, string)) {
		if number != 2 {
			send(250*millisecond, message) // a plain echo is an answer as well
		}
	})
	check(t, printed, `Ping 1 946684800.000000: RTT 0.250000 s
Request timed out
Ping 3 946684801.250000: RTT 0.250000 s
3 packets transmitted, 2 received, 33.3% packet loss
rtt min/avg/max/mdev = 0.250000/0.250000/0.250000/0.000000 s
`)
}

func TestNoAnswer(t *testing.T) {
	printed := pings(t, 2, 0, func(int, string, func(time.Duration, string)) {})
	check(t, printed, `Request timed out
Request timed out
2 packets transmitted, 0 received, 100.0% packet loss
no answer from pipe
`)
}

func TestInterval(t *testing.T) {
	printed := pings(t, 4, 2*time.Second, func(number int, message string, send func(time.Duration, string)) {
		if number != 2 {
			send(500*millisecond, message)
		}
	})
	check(t, printed, `Ping 1 946684800.000000: RTT 0.500000 s
Request timed out
Ping 3 946684804.000000: RTT 0.500000 s
Ping 4 946684806.000000: RTT 0.500000 s
4 packets transmitted, 3 received, 25.0% packet loss
rtt min/avg/max/mdev = 0.500000/0.500000/0.500000/0.000000 s
`)
}

// TestLateAndDuplicate has answers that a client which takes any datagram for
// the answer to its last ping would count.
func TestLateAndDuplicate(t *testing.T) {
	printed := pings(t, 4, 0, func(number int, message string, send func(time.Duration, string)) {
		switch number {
		case 1:
			send(1300*millisecond, message) // 300 ms into the second ping
			send(1400*millisecond, message)
		case 2:
			send(500*millisecond, message)
			send(600*millisecond, message) // 100 ms into the third
		case 3:
			send(200*millisecond, message)
		}
	})
	check(t, printed, `Request timed out
late answer to ping 1: Ping 1 946684800.000000
duplicate answer to ping 1: Ping 1 946684800.000000
Ping 2 946684801.000000: RTT 0.500000 s
duplicate answer to ping 2: Ping 2 946684801.000000
Ping 3 946684801.500000: RTT 0.200000 s
Request timed out
4 packets transmitted, 2 received, 50.0% packet loss
rtt min/avg/max/mdev = 0.200000/0.350000/0.500000/0.150000 s
`)
}

func TestGarbage(t *testing.T) {
	printed := pings(t, 1, 0, func(number int, message string, send func(time.Duration, string)) {
		for i, garbage := range []string{"", "PONG 1", "PING", "PING one", "PING 0 x", "PING -1", "PING 2 0",
			"PING 99999999999999999999", "\xff\xfe", "PING 9\x1b[2J\nPING 1: RTT 0.1 s", strings.Repeat("x", 2000)} {
			send(time.Duration(i)*millisecond, garbage)
		}
		send(500*millisecond, message)
	})
	check(t, printed, `not an answer: 
not an answer: PONG 1
not an answer: PING
not an answer: PING one
not an answer: PING 0 x
not an answer: PING -1
not an answer: PING 2 0
not an answer: PING 99999999999999999999
not an answer: `+"\ufffd\ufffd"+`
not an answer: PING 9[2JPING 1: RTT 0.1 s
not an answer: `+strings.Repeat("x", 1024)+`
Ping 1 946684800.000000: RTT 0.500000 s
1 packets transmitted, 1 received, 0.0% packet loss
rtt min/avg/max/mdev = 0.500000/0.500000/0.500000/0.000000 s
`)
}

// TestGarbageDoesNotExtendTheWait has a server that never falls silent.
func TestGarbageDoesNotExtendTheWait(t *testing.T) {
	printed := pings(t, 1, 0, func(number int, message string, send func(time.Duration, string)) {
		for i := range 100 {
			send(time.Duration(i)*50*millisecond, "noise")
		}
	})
	if got := strings.Count(printed, "noise\n"); got < 20 || got > 21 || !strings.Contains(printed, "Request timed out\n") {
		t.Errorf("with noise every 50 ms the client printed\n%s\nwant a timeout after a second of it", printed)
	}
}

func TestInterrupt(t *testing.T) {
	for about, test := range map[string]struct {
		answers bool
		want    string
	}{
		"during a wait": {false, `0 received, 100.0% packet loss
no answer from pipe
`},
		"between pings": {true, `1 received, 0.0% packet loss
rtt min/avg/max/mdev = 0.100000/0.100000/0.100000/0.000000 s
`},
	} {
		synctest.Test(t, func(t *testing.T) {
			clientSocket, serverSocket := net.Pipe()
			defer clientSocket.Close()
			defer serverSocket.Close()
			go func() {
				buffer := make([]byte, 2048)
				n, _ := serverSocket.Read(buffer)
				time.Sleep(100 * millisecond)
				if test.answers {
					serverSocket.Write(buffer[:n])
				}
			}()
			var stdout strings.Builder
			c := &client{clientSocket: clientSocket, timeout: time.Minute, stdout: &stdout}
			ctx, interrupt := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, interrupt)
			start := time.Now()
			if err := c.run(ctx, 10, time.Hour); err != nil {
				fmt.Fprintln(&stdout, err)
			}
			if took := time.Since(start); took != time.Second {
				t.Errorf("interrupted %s, after a second, the client ended after %v", about, took)
			}
			if !strings.HasSuffix(stdout.String(), "1 packets transmitted, "+test.want) || strings.Contains(stdout.String(), "timed out") {
				t.Errorf("interrupted %s, the client printed\n%s", about, &stdout)
			}
		})
	}
}

// TestForgedAnswer has a stranger answer before the server does.
func TestForgedAnswer(t *testing.T) {
	serverSocket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serverSocket.Close()
	stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	go func() {
		buffer := make([]byte, 2048)
		if _, address, err := serverSocket.ReadFrom(buffer); err == nil {
			stranger.WriteTo([]byte("PING 1 FORGED"), address)
			serverSocket.WriteTo([]byte("PING 1 GENUINE"), address)
		}
	}()
	var stdout strings.Builder
	if err := clientCommand([]string{"-addr", serverSocket.LocalAddr().String(), "-count", "1", "-timeout", "10s"}, &stdout); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(stdout.String(), "PING 1 GENUINE: RTT ") {
		t.Errorf("the client printed\n%s", &stdout)
	}
}

func TestSummaryOfNothing(t *testing.T) {
	if got, want := new(statistics).String(), "0 packets transmitted, 0 received, 0.0% packet loss\n"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
}

func Example_summary() {
	var s statistics
	s.transmitted = 10
	for _, rtt := range []time.Duration{41, 70, 80, 100, 130, 191} {
		s.received(rtt * time.Microsecond)
	}
	fmt.Fprint(os.Stdout, &s)
	// Output:
	// 10 packets transmitted, 6 received, 40.0% packet loss
	// rtt min/avg/max/mdev = 0.000041/0.000102/0.000191/0.000048 s
}

func FuzzParseAnswer(f *testing.F) {
	for _, answer := range []string{"PING 1 1.5", "ping 10", "PING", "", "PING \xff", "PING -1 x", "PING\u00a01"} {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		number, ok := parseAnswer(answer)
		if !ok && number != 0 {
			t.Errorf("parseAnswer(%q) = %d, %v", answer, number, ok)
		}
		if ok && !strings.EqualFold(strings.Fields(string(answer))[0], "PING") {
			t.Errorf("parseAnswer(%q) = %d, %v: not a ping", answer, number, ok)
		}
		for _, r := range printable(answer) {
			if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
				t.Errorf("printable(%q) has %q", answer, r)
			}
		}
	})
}
