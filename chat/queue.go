package main

import (
	"bytes"
	"runtime"
	"sync"
)

const (
	// maxQueue is how many bytes may wait for a client besides those that the
	// system has taken, which can be some megabytes. A client that is further
	// behind does not read.
	maxQueue = 1 << 20

	// maxKept is the largest buffer that is used again, so that a few clients
	// that were far behind do not leave everybody with a large one.
	maxKept = 64 << 10
)

// buffers has those that no queue needs now: a client to whom nothing is to be
// sent holds none. To make them anew each time would cost more than all else.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func recycle(buffer *bytes.Buffer) {
	if buffer.Cap() <= maxKept {
		buffer.Reset()
		buffers.Put(buffer)
	}
}

// A queue holds the packets that wait to be sent to one client, end to end, so
// that all of them leave in one write. The room puts them there and never waits.
type queue struct {
	mu      sync.Mutex // guards what follows
	change  *sync.Cond
	pending *bytes.Buffer // nil if nothing is
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
	if q.pending == nil {
		q.pending = buffers.Get().(*bytes.Buffer)
	}
	if q.pending.Len()+len(packet) > maxQueue {
		q.full, q.closed, q.pending = true, true, nil
		q.change.Signal()
		return false
	}
	q.pending.Write(packet)
	q.change.Signal()
	return true
}

// take waits for packets and returns all there are, or nil when the queue is
// closed and empty.
func (q *queue) take() *bytes.Buffer {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.pending == nil && !q.closed {
		q.change.Wait()
	}
	// A line wakes all its receivers, and there are hundreds of them. If each
	// wrote at once, it would write this one line while the room waits for a
	// processor. So all others who have something to do go first: what they add
	// leaves in the same write, and most of the cost is that of writes. When
	// there is nothing else to do, this takes no time.
	q.mu.Unlock()
	runtime.Gosched()
	q.mu.Lock()

	packets := q.pending
	q.pending = nil
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
