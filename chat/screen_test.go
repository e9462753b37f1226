package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A terminal of a few rows does what the sequences of above ask for.
type terminal struct {
	rows        [][]rune
	row, column int
	savedRow    int
	savedColumn int
}

func newTerminal(rows, columns int) *terminal {
	t := &terminal{rows: make([][]rune, rows)}
	for i := range t.rows {
		t.rows[i] = []rune(strings.Repeat(" ", columns))
	}
	return t
}

func (t *terminal) print(text string) {
	last := len(t.rows) - 1
	blank := []rune(strings.Repeat(" ", len(t.rows[0])))
	for text != "" {
		if rest, ok := strings.CutPrefix(text, "\x1b7"); ok {
			t.savedRow, t.savedColumn, text = t.row, t.column, rest
		} else if rest, ok := strings.CutPrefix(text, "\x1b8"); ok {
			t.row, t.column, text = t.savedRow, t.savedColumn, rest
		} else if rest, ok := strings.CutPrefix(text, "\x1b[A"); ok {
			t.row, text = max(t.row-1, 0), rest
		} else if rest, ok := strings.CutPrefix(text, "\x1b[B"); ok {
			t.row, text = min(t.row+1, last), rest
		} else if rest, ok := strings.CutPrefix(text, "\x1b[L"); ok {
			t.rows, text = slices.Insert(t.rows[:last], t.row, slices.Clone(blank)), rest
		} else {
			r, size := utf8.DecodeRuneInString(text)
			text = text[size:]
			switch {
			case r == '\r':
				t.column = 0
			case r == '\n' && t.row < last:
				t.row, t.column = t.row+1, 0 // a system turns it into \r\n
			case r == '\n':
				t.rows, t.column = append(t.rows[1:], slices.Clone(blank)), 0
			default:
				t.rows[t.row][t.column] = r
				t.column = min(t.column+1, len(blank)-1)
			}
		}
	}
}

func (t *terminal) String() string {
	var b strings.Builder
	for _, row := range t.rows {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// TestAbove types a line while texts come, first in the middle of the screen
// and then at its end.
func TestAbove(t *testing.T) {
	screen := newTerminal(5, 20)
	screen.print("* welcome\n> hel")
	for _, text := range []string{"one", "two", "three", "four", "five"} {
		screen.print(above(text))
		screen.print(text[:1]) // typed after it
	}
	screen.print("\n> ")
	screen.print(above("six"))
	screen.print("new")
	want := "four\nfive\n> helottff\nsix\n> new"
	if got := screen.String(); got != want {
		t.Errorf("the screen shows\n%s\nwant\n%s", got, want)
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"0123456789", 10, []string{"0123456789"}},
		{"01234567890", 10, []string{"0123456789", "0"}},
		{"one two three", 10, []string{"one two", "three"}},
		{"one two 34 five", 10, []string{"one two 34", "five"}},
		{"<a> 0123456789", 10, []string{"<a>", "0123456789"}},
		{"李雷李雷李雷", 10, []string{"李雷李雷李", "雷"}},
		{"李雷", 1, []string{"李", "雷"}},
		{"  x", 1, []string{" ", "x"}},
	}
	for _, test := range tests {
		if got := wrap(test.text, test.width); !slices.Equal(got, test.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

func TestColour(t *testing.T) {
	s := &screen{colours: true}
	for _, text := range []string{"", "* anna joined", "! no", "<", "<anna", "[", "plain"} {
		if got := s.colour(text); got != text {
			t.Errorf("colour(%q) = %q, want it as it is", text, got)
		}
	}
	said, whispered := s.colour("<Anna> hi"), s.colour("[anna] hi")
	if !strings.HasPrefix(said, "<\x1b[") || !strings.HasSuffix(said, "mAnna\x1b[0m> hi") {
		t.Errorf("the name is not coloured: %q", said)
	}
	if said[1:6] != whispered[1:6] {
		t.Errorf("Anna has two colours: %q and %q", said, whispered)
	}
}

// TestNoTerminal shows texts where nobody types: as they are, in lines.
func TestNoTerminal(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := newScreen(read, write)
	s.prompt()
	s.show("<anna> hi\x1b[2J\x07 " + strings.Repeat("x", 200))
	s.leave()
	write.Close()
	output, _ := io.ReadAll(read)
	if want := "<anna> hi[2J " + strings.Repeat("x", 200) + "\n"; string(output) != want {
		t.Errorf("printed %q, want %q", output, want)
	}
}
