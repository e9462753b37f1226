package main

import (
	"fmt"
	"math"
	"time"
)

// statistics counts pings and their answers, and sums up round-trip times, in
// seconds. Its zero value is ready to use.
type statistics struct {
	transmitted, answers   int
	min, max, sum, squares float64
}

func (s *statistics) received(rtt time.Duration) {
	seconds := rtt.Seconds()
	if s.answers == 0 || seconds < s.min {
		s.min = seconds
	}
	s.max = max(s.max, seconds)
	s.sum += seconds
	s.squares += seconds * seconds
	s.answers++
}

// String returns the summary as ping(8) has it: mdev is the standard deviation.
func (s *statistics) String() string {
	loss := 0.0
	if s.transmitted > 0 {
		loss = 100 * float64(s.transmitted-s.answers) / float64(s.transmitted)
	}
	summary := fmt.Sprintf("%d packets transmitted, %d received, %.1f%% packet loss\n", s.transmitted, s.answers, loss)
	if s.answers > 0 {
		avg := s.sum / float64(s.answers)
		mdev := math.Sqrt(max(0, s.squares/float64(s.answers)-avg*avg)) // rounding may bring it below 0
		summary += fmt.Sprintf("rtt min/avg/max/mdev = %.6f/%.6f/%.6f/%.6f s\n", s.min, avg, s.max, mdev)
	}
	return summary
}
