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
	if first := q.take(); first.String() != "onetwo" {
		t.Errorf("take = %q, want all that was put", first)
	}
	var working sync.WaitGroup
	working.Go(func() { q.put([]byte("three")) })
	if second := q.take(); second.String() != "three" {
		t.Errorf("take = %q, want what comes while it waits", second)
	}
	working.Wait()
	q.put([]byte("last"))
	q.close()
	q.put([]byte("too late"))
	if last := q.take(); last.String() != "last" {
		t.Errorf("take after close = %q, want what is left", last)
	}
	if end := q.take(); end != nil {
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
	if !q.overflowed() || q.take() != nil || !q.put(packet) {
		t.Error("a queue that was full is still of use")
	}
}
