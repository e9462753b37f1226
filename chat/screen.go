package main

import (
	"hash/fnv"
	"log"
	"os"
	"strings"
	"sync"
)

// A screen shows texts on standard output. On a terminal, where the user types
// at the same time, a text goes above the line that is being typed.
//
// The terminal stays as it is, in its line mode: it echoes and edits the line,
// and hands it over when it is ended. So the program can't know what is typed so
// far, and can't print it again. But the terminal can move it: see above.
type screen struct {
	mu      sync.Mutex // guards the order of what is printed, and what follows
	file    *os.File
	colours bool
	typing  bool // the user types on this terminal
	open    bool // the cursor is in the line that the user types
}

func newScreen(stdin, stdout *os.File) *screen {
	_, terminal := columns(stdout)
	terminal = terminal && os.Getenv("TERM") != "dumb"
	_, keyboard := columns(stdin)
	return &screen{
		file:    stdout,
		colours: terminal && os.Getenv("NO_COLOR") == "",
		typing:  terminal && keyboard,
	}
}

const prompt = "> "

// prompt begins a line to type in.
func (s *screen) prompt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.typing {
		s.file.WriteString(prompt)
		s.open = true
	}
}

// entered notes that the user has ended the line, and so the cursor has left it.
func (s *screen) entered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
}

// leave ends the line that the user types, so that other output does not go on
// in the middle of it.
func (s *screen) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		s.file.WriteString("\n")
		s.open = false
	}
}

// trouble says on standard error what could not be done, without spoiling the
// line that is being typed.
func (s *screen) trouble(err error) {
	s.leave()
	log.Print(err)
}

// show prints a text that came from the server.
func (s *screen) show(text string) error {
	text = printable(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		_, err := s.file.WriteString(s.colour(text) + "\n")
		return err
	}
	width, _ := columns(s.file)
	var output strings.Builder
	for i, row := range wrap(text, width) {
		if i == 0 {
			row = s.colour(row)
		}
		output.WriteString(above(row))
	}
	_, err := s.file.WriteString(output.String())
	return err
}

// above puts a row of text above the line of the cursor, and the cursor back to
// where it was in that line.
//
// The cursor is saved (ESC 7). A line feed and a step up (ESC [ A) make room in
// case the line is the last on the screen, which then has moved up by one. An
// empty line is inserted (ESC [ L), so that the typed line moves down by one,
// and gets the text. The saved place (ESC 8) is now one line too high, unless
// the screen has moved, and then the step down (ESC [ B) stops at its edge.
func above(row string) string {
	return "\x1b7\n\x1b[A\r\x1b[L" + row + "\x1b8\x1b[B"
}

// wrap breaks text into rows of at most width columns, at spaces if it can.
func wrap(text string, width int) []string {
	var rows []string
	for {
		n := fit(text, width)
		if n == len(text) {
			return append(rows, text)
		}
		if space := strings.LastIndexByte(text[:n+1], ' '); space > 0 {
			rows, text = append(rows, text[:space]), text[space+1:]
		} else {
			rows, text = append(rows, text[:n]), text[n:]
		}
	}
}

// fit returns how many bytes of text fit into width columns: one rune at least,
// or wrap would never end.
func fit(text string, width int) int {
	for i, r := range text {
		width -= runeWidth(r)
		if width < 0 && i > 0 {
			return i
		}
	}
	return len(text)
}

// runeWidth is how many columns a terminal gives to r, or more: then a row only
// ends a little early.
func runeWidth(r rune) int {
	if r < 0x1100 { // below are no wide letters
		return 1
	}
	return 2
}

// palette has the colours of names: those of the sixteen that can be read on
// black and on white.
var palette = []string{"31", "32", "33", "34", "35", "36", "91", "92", "94", "95", "96"}

// colour colours the name in <name> text and [name] text. A name always has the
// same colour.
func (s *screen) colour(text string) string {
	if !s.colours || text == "" {
		return text
	}
	end := -1
	switch text[0] {
	case '<':
		end = strings.IndexByte(text, '>')
	case '[':
		end = strings.IndexByte(text, ']')
	}
	if end < 0 {
		return text
	}
	hash := fnv.New32a()
	hash.Write([]byte(key(text[1:end])))
	number := palette[hash.Sum32()%uint32(len(palette))]
	return text[:1] + "\x1b[" + number + "m" + text[1:end] + "\x1b[0m" + text[end:]
}
