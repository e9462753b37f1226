package main

import "sync"

const (
	// maxQueue is how many bytes may wait for a client besides those that the
	// system has taken, which can be some megabytes. A client that is further
	// behind does not read.
	maxQueue = 512 << 10

	// keptBuffer is the largest buffer that a client without traffic keeps.
	// Thousands of them should not each hold what the busiest moment needed.
	keptBuffer = 1 << 10
)

// A queue holds the packets that wait to be sent to one client, end to end, so
// that all of them leave in one write. The room puts them there and never waits.
type queue struct {
	mu      sync.Mutex // guards what follows
	change  *sync.Cond
	pending []byte
	closed  bool
	full    bool // once: what did not fit is missing
}

func newQueue() *queue {
	q := new(queue)
	q.change = sync.NewCond(&q.mu)
	return q
}

// put copies packet to the end of the queue. It reports false if the queue is
// full, which closes it.
func (q *queue) put(packet []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return true // who leaves misses nothing
	}
	if len(q.pending)+len(packet) > maxQueue {
		q.full, q.closed = true, true
		q.pending = nil
		q.change.Signal()
		return false
	}
	q.pending = append(q.pending, packet...)
	q.change.Signal()
	return true
}

// take waits for packets and returns all there are, or none when the queue is
// closed and empty. It makes use of the buffer that it returned last.
func (q *queue) take(last []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.pending) == 0 && !q.closed {
		if cap(last) > keptBuffer {
			last = nil
		}
		if cap(q.pending) > keptBuffer {
			q.pending = nil
		}
		q.change.Wait()
	}
	packets := q.pending
	q.pending = last[:0]
	return packets
}

// close lets take return what is left, and then nothing.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.change.Signal()
}

func (q *queue) overflowed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.full
}
