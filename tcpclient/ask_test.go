package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestAsk(t *testing.T) {
	tests := []struct {
		stdin     string
		want      string
		questions int
		err       bool
	}{
		{"\n\n", "127.0.0.1:12000", 2, false},
		{"localhost\n12001\n", "localhost:12001", 2, false},
		{" localhost \n 12001 \n", "localhost:12001", 2, false},
		{"not a host\nlocalhost\n\n", "localhost:12000", 3, false},
		{"::1\n\n", "[::1]:12000", 2, false},
		{"\nport\n-1\n0\n65536\n99999999999999999999\n1.5\n65535\n", "127.0.0.1:65535", 8, false},
		{"\n", "", 2, true},
		{"", "", 1, true},
		{strings.Repeat("x", 1<<20), "", 1, true},
	}
	for _, test := range tests {
		var output strings.Builder
		input := bufio.NewScanner(strings.NewReader(test.stdin))
		addr, err := ask(input, &output, "127.0.0.1:12000")
		if addr != test.want || (err != nil) != test.err {
			t.Errorf("ask with input %.60q = %q, %v; want %q", test.stdin, addr, err, test.want)
		}
		if got := strings.Count(output.String(), "]: "); got != test.questions {
			t.Errorf("ask with input %.60q asked %d questions, want %d:\n%s", test.stdin, got, test.questions, &output)
		}
	}
}
