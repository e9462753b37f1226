package main

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct{ comes, waits time.Duration }{ // with a rate of 3
		{0, 0}, {1 * ms, 0}, {2 * ms, 0},
		{3 * ms, 997 * ms}, // it begins the second from 1000 ms
		{1000 * ms, 0}, {1999 * ms, 0},
		{1999 * ms, 1 * ms}, // from 2000 ms
		{2500 * ms, 0}, {2500 * ms, 0},
		{2500 * ms, 500 * ms}, // from 3000 ms
		{9000 * ms, 0}, {9999 * ms, 0}, {9999 * ms, 0}, {10000 * ms, 0},
	}
	start := time.Now()
	var p pace
	for i, test := range tests {
		if got := p.count(start.Add(test.comes), 3); got != test.waits {
			t.Errorf("message %d, that comes after %v, waits %v, want %v", i, test.comes, got, test.waits)
		}
	}
	for range 1000 {
		if got := p.count(start, 0); got != 0 {
			t.Fatalf("with rate 0 a message waits %v", got)
		}
	}
}
