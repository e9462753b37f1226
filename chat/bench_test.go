package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// The benchmarks are a fan-out: some speak lines of 64 bytes, 200 hear them.
// Speakers stay at most a window of lines ahead of the slowest listener, so that
// nobody is let go. An operation is one line, as said to all; the figures that
// count are deliveries per second, and the allocations, which are those of a
// line and not those of a delivery (and include the speakers' own).

func BenchmarkOneAmong200(b *testing.B)   { benchmarkFanOut(b, 200, 1) }
func BenchmarkFiftyAmong200(b *testing.B) { benchmarkFanOut(b, 200, 50) }

func benchmarkFanOut(b *testing.B, members, speakers int) {
	const window = 1000 // lines on their way
	addr := startServer(b, newServer())
	peers := make([]*peer, members)
	for i := range peers {
		peers[i] = enter(b, addr, fmt.Sprintf("p%03d", i))
		peers[i].SetDeadline(time.Time{})
	}
	// Those who came first have still to hear who came after them.
	for i, p := range peers {
		for range members - 1 - i {
			p.hear()
		}
	}

	line := strings.Repeat("x", 64)
	size := len(encode("<p000> " + line))
	places := make(chan struct{}, window)
	arrived := make(chan struct{}, members*window)
	var working sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i, p := range peers {
		said := 0 // by p
		if i < speakers {
			said = (b.N - i + speakers - 1) / speakers
		}
		working.Go(func() {
			buffer := make([]byte, 64<<10)
			for left, part := (b.N-said)*size, 0; left > 0; {
				n, err := p.Read(buffer[:min(left, len(buffer))])
				if err != nil {
					b.Error(err)
					return
				}
				left -= n
				for part += n; part >= size; part -= size {
					arrived <- struct{}{}
				}
			}
		})
		if said > 0 {
			working.Go(func() {
				for range said {
					places <- struct{}{}
					p.SendText(line)
				}
			})
		}
	}
	for range b.N {
		for range members - 1 {
			<-arrived
		}
		<-places
	}
	working.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N*(members-1))/b.Elapsed().Seconds(), "deliveries/s")
}
