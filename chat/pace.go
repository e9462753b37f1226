package main

import "time"

// A pace is how many messages of a client came in the current second, which
// begins with the first of them.
type pace struct {
	second time.Time
	n      int
}

// count counts a message that comes now, and returns how long it has to wait:
// when the second is full, for the next to begin. A rate of 0 never is.
func (p *pace) count(now time.Time, rate int) time.Duration {
	if rate == 0 {
		return 0
	}
	if now.Sub(p.second) >= time.Second {
		p.second, p.n = now, 0
	}
	if p.n++; p.n <= rate {
		return 0
	}
	p.second, p.n = p.second.Add(time.Second), 1
	return p.second.Sub(now)
}
