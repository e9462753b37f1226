package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A progress is a bar that shows how far a long work is.
type progress struct {
	output  io.Writer // nil for none
	columns int
	what    string
	size    int64
	done    int64
	start   time.Time
	shown   time.Time
}

// add draws the bar again, but not all the time.
func (p *progress) add(n int64) {
	now := time.Now()
	if p.start.IsZero() {
		p.start = now
	}
	p.done += n
	if p.output != nil && (p.done == p.size || now.Sub(p.shown) > 100*time.Millisecond) {
		p.shown = now
		fmt.Fprintf(p.output, "\r%s\x1b[K", p.line(now.Sub(p.start)))
	}
}

// end leaves the line of the bar by a new line or, by a carriage return, to what
// comes next.
func (p *progress) end(by string) {
	if p.output != nil && p.done > 0 {
		io.WriteString(p.output, by)
	}
}

// line returns the bar, the share that is done, the rate, and the time left.
func (p *progress) line(elapsed time.Duration) string {
	share := float64(p.done) / float64(p.size)
	rate := float64(p.done) / max(elapsed.Seconds(), 1e-3)
	left := time.Duration(float64(p.size-p.done) / max(rate, 1) * float64(time.Second))
	numbers := fmt.Sprintf("%3.0f%% %10s/s %6s left", 100*share, humanSize(int64(rate)), minutes(left))

	what := []rune(p.what)
	what = what[:min(len(what), max(0, p.columns-len(numbers)-14))]
	width := max(0, p.columns-len(what)-len(numbers)-5) // spaces, brackets, and the last column, in which some terminals wrap
	full := int(share * float64(width))
	return fmt.Sprintf("%s [%s%s] %s", string(what), strings.Repeat("#", full), strings.Repeat("-", width-full), numbers)
}

// minutes returns a time as 1:05, or 2:00:00.
func minutes(t time.Duration) string {
	seconds := int64(min(t, 1000*time.Hour).Seconds())
	if seconds >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
