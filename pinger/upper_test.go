package main

import (
	"fmt"
	"testing"
	"unicode/utf8"
)

func Example_upper() {
	fmt.Printf("%s\n", upper([]byte("hello, привет")))
	// Output: HELLO, ПРИВЕТ
}

func TestUpper(t *testing.T) {
	tests := []struct{ message, want string }{
		{"", ""},
		{"abc XYZ 09 @[`{", "ABC XYZ 09 @[`{"},
		{"привет, ёж", "ПРИВЕТ, ЁЖ"},
		{"ελληνικά", "ΕΛΛΗΝΙΚΆ"},
		{"straße ıſɐ", "STRAßE ıſɐ"}, // SS, I, S and Ɐ are shorter or longer
		{"\xff\xfea\x80", "\xff\xfeA\x80"},
		{"a\xd0", "A\xd0"}, // half a letter
		{"\ufffdb", "\ufffdB"},
		{"\xed\xa0\x80c", "\xed\xa0\x80C"}, // a surrogate is no UTF-8
		{"a\x00b\n", "A\x00B\n"},
	}
	for _, test := range tests {
		if got := string(upper([]byte(test.message))); got != test.want {
			t.Errorf("upper(%q) = %q, want %q", test.message, got, test.want)
		}
	}
}

func FuzzUpper(f *testing.F) {
	for _, message := range []string{"hello", "привет", "straße", "\xff\xd0a", "ǆ"} {
		f.Add([]byte(message))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		capitals := upper(append([]byte(nil), message...))
		if len(capitals) != len(message) {
			t.Errorf("upper(%q) = %q: another length", message, capitals)
		}
		if utf8.Valid(capitals) != utf8.Valid(message) {
			t.Errorf("upper(%q) = %q: valid UTF-8 no more, or only now", message, capitals)
		}
		for i, c := range message {
			if c < utf8.RuneSelf && 'a' <= c && c <= 'z' && capitals[i] != c-'a'+'A' {
				t.Errorf("upper(%q) = %q: byte %d is wrong", message, capitals, i)
			}
		}
	})
}
