package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// startServer serves on a free port until the test is over.
func startServer(tb testing.TB, network *network) (addr string) {
	tb.Helper()
	serverSocket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { serve(ctx, serverSocket, network); close(served) }()
	tb.Cleanup(func() {
		stop()
		<-served
		serverSocket.Close()
	})
	return serverSocket.LocalAddr().String()
}

// TestServe sends pings to a network that doubles each and loses none.
func TestServe(t *testing.T) {
	client, err := net.Dial("udp", startServer(t, newNetwork(0, 1, 0, time.Millisecond, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.SetDeadline(time.Now().Add(10 * time.Second))
	for _, ping := range []string{"Ping 1 0.5", "пинг", ""} {
		client.Write([]byte(ping))
		for range 2 {
			buffer := make([]byte, 2048)
			n, err := client.Read(buffer)
			if got, want := string(buffer[:n]), string(upper([]byte(ping))); got != want || err != nil {
				t.Errorf("ping %q came back as %q, %v", ping, got, err)
			}
		}
	}
}

// TestLoss compares what is lost in 11,000 datagrams with 4 in 11. The standard
// deviation is 50; the seed makes the test always pass, or always fail.
func TestLoss(t *testing.T) {
	for loss, want := range map[float64]int{4.0 / 11: 4000, 0: 0, 1: 11000, 0.5: 5500} {
		network := newNetwork(loss, 0, 0, 0, 1)
		lost := 0
		for range 11000 {
			if network.lost() {
				lost++
			}
		}
		if lost < want-150 || lost > want+150 {
			t.Errorf("with loss %v, %d of 11000 are lost, want about %d", loss, lost, want)
		}
	}
}

// transcript is what a network does with 20 datagrams, sent a second apart.
func transcript(t *testing.T, seed uint64) (delivered []string) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork(0.5, 0.5, 100*time.Millisecond, 5*time.Second, seed)
		var mu sync.Mutex // for delivered
		start := time.Now()
		message := make([]byte, 0, 10)
		for i := range 20 {
			if !network.lost() {
				message = fmt.Append(message[:0], i)
				network.carry(message, func(message []byte) {
					mu.Lock()
					defer mu.Unlock()
					delivered = append(delivered, fmt.Sprintf("%s at %v", message, time.Since(start)))
				})
			}
			time.Sleep(time.Second)
		}
		network.wait(time.Minute)
	})
	return delivered
}

func TestSeed(t *testing.T) {
	first, again, other := transcript(t, 1), transcript(t, 1), transcript(t, 2)
	for _, line := range first { // datagram i was sent in second i, and takes from 0.1 to 5.1 s
		number, at, _ := strings.Cut(line, " at ")
		sent, _ := time.ParseDuration(number + "s")
		delivered, err := time.ParseDuration(at)
		if err != nil || delivered < sent+100*time.Millisecond || delivered > sent+5100*time.Millisecond {
			t.Errorf("datagram %s was delivered at %s", number, at)
		}
	}
	if len(first) == 0 || !slices.Equal(first, again) {
		t.Errorf("two runs with one seed differ:\n%v\n%v", first, again)
	}
	if slices.Equal(first, other) {
		t.Errorf("runs with other seeds are equal:\n%v", first)
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork(0, 0, 100*time.Millisecond, 200*time.Millisecond, 1)
		start := time.Now()
		delays := make(chan time.Duration, 100)
		for range cap(delays) {
			network.carry(nil, func([]byte) { delays <- time.Since(start) })
		}
		least, most := time.Hour, time.Duration(0)
		for range cap(delays) {
			delay := <-delays
			least, most = min(least, delay), max(most, delay)
		}
		if least < 100*time.Millisecond || most > 300*time.Millisecond || most-least < 150*time.Millisecond {
			t.Errorf("the delays are from %v to %v, want them from 100 to 300 ms", least, most)
		}
	})
}

func TestCarryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork(0, 0, time.Hour, 0, 1)
		var delivered atomic.Int64
		for range 2 * maxUnderway {
			network.carry(nil, func([]byte) { delivered.Add(1) })
		}
		start := time.Now()
		network.wait(2 * time.Hour)
		if took := time.Since(start); delivered.Load() != maxUnderway || took != time.Hour {
			t.Errorf("%d were delivered in %v, want %d in an hour", delivered.Load(), took, maxUnderway)
		}
	})
}

func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork(0, 0, time.Hour, 0, 1)
		network.carry(nil, func([]byte) {})
		start := time.Now()
		network.wait(stopLimit)
		if took := time.Since(start); took != stopLimit {
			t.Errorf("wait took %v, want %v", took, stopLimit)
		}
		time.Sleep(2 * time.Hour) // for the timer to end before the bubble does
	})
}
