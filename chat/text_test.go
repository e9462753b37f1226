package main

import (
	"strings"
	"testing"
)

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "Anna": true, "анна": true, "Ελένη": true, "李雷": true, "7": true, "_-_": true,
		"हिन्दी": true, "กิ่ง": true, "José": true, "Jose\u0301": true,
		strings.Repeat("я", 20): true,

		"": false, strings.Repeat("a", 21): false, "a b": false, " a": false, "a\n": false,
		"<a>": false, "a]": false, "*": false, "!": false, "/who": false, "a.b": false, "☺": false,
		"a\x00": false, "a\xff": false, "\xd0": false, "\ufffd": false,
		"\u0301a": false,                                                       // a mark with nothing to stand on
		"a\u3164": false, "a\u200d": false, "a\u202e": false, "a\ufe0f": false, // not to be seen
	} {
		if got := isName(name); got != want {
			t.Errorf("isName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestKey(t *testing.T) {
	for _, names := range [][]string{
		{"Anna", "anna", "ANNA"},
		{"Ёж", "ёж"},
		{"Σίσυφος", "ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{"kelvin", "\u212Aelvin"},
	} {
		for _, name := range names {
			if key(name) != key(names[0]) {
				t.Errorf("%q and %q are not one name", name, names[0])
			}
		}
	}
	if key("anna") == key("аnna") { // the second a is Cyrillic
		t.Error("different letters are one")
	}
}

func TestParseLine(t *testing.T) {
	tests := []struct{ line, command, rest string }{
		{"", "", ""},
		{"hello", "", "hello"},
		{"  a  b  ", "", "  a  b  "},
		{" /who", "", " /who"},
		{"/who", "/who", ""},
		{"/WHO  ", "/who", ""},
		{"/msg bob  two  words ", "/msg", "bob  two  words"},
		{"/", "/", ""},
		{"/ who", "/", "who"},
		{"//", "//", ""},
	}
	for _, test := range tests {
		if command, rest := parseLine(test.line); command != test.command || rest != test.rest {
			t.Errorf("parseLine(%q) = %q, %q, want %q, %q", test.line, command, rest, test.command, test.rest)
		}
	}
}

func TestPrintable(t *testing.T) {
	tests := []struct{ text, want string }{
		{"plain, привет, 李雷 👩‍👩‍👧", "plain, привет, 李雷 👩‍👩‍👧"},
		{"\x1b[31mred\x07\r\n\t\x7f", "[31mred"},
		{"c1\u009b31m", "c131m"},
		{"one\u2028two\u2029three", "onetwothree"},
	}
	for _, test := range tests {
		if got := printable(test.text); got != test.want {
			t.Errorf("printable(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}
