package main

import (
	"errors"
	"strings"
	"unicode"
)

var errName = errors.New("a name has 1 to 20 letters, digits, _ or -")

// isName reports whether name is one. Marks count as letters, but not at the
// beginning: in the alphabets of India and Thailand they are the vowels. Letters
// that can't be seen do not, for with them two names would look the same.
func isName(name string) bool {
	n := 0
	for _, r := range name {
		switch {
		case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return false
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '_', r == '-':
		case unicode.IsMark(r) && n > 0:
		default:
			return false
		}
		n++
	}
	return 1 <= n && n <= 20
}

// key is what two spellings of a name have in common: Anna and anna are one
// name, Σίσυφος and σίσυφοσ are.
func key(name string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, name)
}

// parseLine splits a command from the rest of the line. A line that is no
// command has the command "".
func parseLine(line string) (command, rest string) {
	if !strings.HasPrefix(line, "/") {
		return "", line
	}
	command, rest, _ = strings.Cut(line, " ")
	return strings.ToLower(command), strings.TrimSpace(rest)
}

// printable returns text without control characters, with which a sender could
// recolour a terminal or forge a line, and without the two line ends that
// Unicode has besides.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, text)
}
