package main

import (
	"bytes"
	"sync"
	"testing"
)

func TestQueue(t *testing.T) {
	q := newQueue()
	q.put([]byte("one"))
	q.put([]byte("two"))
	first := q.take(nil)
	if string(first) != "onetwo" {
		t.Errorf("take = %q, want all that was put", first)
	}
	var working sync.WaitGroup
	working.Go(func() { q.put([]byte("three")) })
	if second := q.take(first); string(second) != "three" {
		t.Errorf("take = %q, want what comes while it waits", second)
	}
	working.Wait()
	q.put([]byte("last"))
	q.close()
	q.put([]byte("too late"))
	if last := q.take(nil); string(last) != "last" {
		t.Errorf("take after close = %q, want what is left", last)
	}
	if end := q.take(nil); len(end) != 0 {
		t.Errorf("take at the end = %q", end)
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue()
	packet := bytes.Repeat([]byte("x"), 1000)
	n := 0
	for q.put(packet) {
		if n++; n*len(packet) > maxQueue {
			t.Fatalf("the queue takes %d bytes", n*len(packet))
		}
	}
	if !q.overflowed() || len(q.take(nil)) != 0 || !q.put(packet) {
		t.Error("a queue that was full is still of use")
	}
}

// TestQueueForgets checks that a client without traffic keeps no large buffer.
func TestQueueForgets(t *testing.T) {
	q := newQueue()
	q.put(make([]byte, 100<<10))
	large := q.take(nil)
	q.put(make([]byte, 100<<10))
	large = q.take(large)
	var working sync.WaitGroup
	working.Go(func() { large = q.take(large) })
	for waiting := false; !waiting; {
		q.mu.Lock()
		waiting = q.pending == nil
		q.mu.Unlock()
	}
	q.put([]byte("small"))
	working.Wait()
	if cap(large) > keptBuffer || cap(q.pending) > keptBuffer {
		t.Errorf("buffers of %d and %d bytes are kept", cap(large), cap(q.pending))
	}
}
