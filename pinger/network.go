package main

import (
	"bytes"
	"math/rand/v2"
	"time"
)

// maxUnderway bounds the answers that are held back at the same time. One more
// is lost, as it would be in a router whose queue is full.
const maxUnderway = 1000

// A network loses, repeats and holds back datagrams on purpose. It is used by
// one goroutine.
type network struct {
	random        *rand.Rand
	loss, dup     float64 // shares, from 0 to 1
	delay, jitter time.Duration
	underway      chan struct{} // holds an item for each answer that is held back
}

func newNetwork(loss, dup float64, delay, jitter time.Duration, seed uint64) *network {
	return &network{rand.New(rand.NewPCG(seed, 0)), loss, dup, delay, jitter, make(chan struct{}, maxUnderway)}
}

// lost decides whether the next datagram is lost.
func (w *network) lost() bool { return w.random.Float64() < w.loss }

// carry calls deliver with the message, or twice if the datagram is doubled,
// each time at once or after a delay of its own; then with a copy, since the
// message may change as soon as carry returns.
func (w *network) carry(message []byte, deliver func(message []byte)) {
	copies := 1
	if w.random.Float64() < w.dup {
		copies = 2
	}
	for range copies {
		delay := w.delay
		if w.jitter > 0 {
			delay += time.Duration(w.random.Int64N(int64(w.jitter)))
		}
		if delay == 0 {
			deliver(message)
			continue
		}
		select {
		case w.underway <- struct{}{}:
			message := bytes.Clone(message)
			time.AfterFunc(delay, func() { deliver(message); <-w.underway })
		default: // lost
		}
	}
}

// wait waits until all that is held back is delivered, but not longer than
// limit. The network carries nothing after that.
func (w *network) wait(limit time.Duration) {
	timeout := time.After(limit)
	for range maxUnderway {
		select {
		case w.underway <- struct{}{}:
		case <-timeout:
			return
		}
	}
}
