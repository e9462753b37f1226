package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func Example_parseSonnets() {
	sonnets, err := parseSonnets("I\nRoses are red,\nViolets are blue.\n\nII\nSugar is sweet.\n")
	fmt.Printf("%q %v", sonnets, err)
	// Output: ["I\nRoses are red,\nViolets are blue.\n" "II\nSugar is sweet.\n"] <nil>
}

// TestShakespeare checks what is known of the sonnets: there are 154, number 99
// has 15 lines, number 126 has 12, the others have 14.
func TestShakespeare(t *testing.T) {
	sonnets, err := load("")
	if err != nil {
		t.Fatal(err)
	}
	if len(sonnets) != 154 {
		t.Fatalf("there are %d sonnets, want 154", len(sonnets))
	}
	for i, sonnet := range sonnets {
		lines := strings.Split(strings.TrimSuffix(sonnet, "\n"), "\n")
		want := 14
		switch i + 1 {
		case 99:
			want = 15
		case 126:
			want = 12
		}
		if number := parseRoman(lines[0]); number != i+1 || len(lines)-1 != want {
			t.Errorf("sonnet %d has the numeral %s and %d lines, want %d", i+1, lines[0], len(lines)-1, want)
		}
	}
	if want := "XVIII\nShall I compare thee to a summer's day?\n"; !strings.HasPrefix(sonnets[17], want) {
		t.Errorf("sonnet 18 begins %.60q, want %q", sonnets[17], want)
	}
}

func TestParseSonnets(t *testing.T) {
	const two = "I\na\n|IV\nb\n  c\n|" // each sonnet ends in a bar
	tests := []struct{ text, want string }{
		{"I\na\n\nIV\nb\n  c\n", two},
		{"I\na\n\nIV\nb\n  c", two},
		{"\n\nI\na \n   \n\n\nIV\nb\n  c\n\n\n", two},
		{"\ufeffI\r\na\r\n\r\nIV\r\nb\r\n  c\r\n", two},
		{"MMMCMXCIX\nпривет\n", "MMMCMXCIX\nпривет\n|"},
		{"I\nI think\n", "I\nI think\n|"},

		{"", "line 1: no sonnet in the whole file"},
		{"\n\n", "line 1: no sonnet in the whole file"},
		{"1\na\n", `line 1: "1" is not a Roman numeral`},
		{"i\na\n", `line 1: "i" is not a Roman numeral`},
		{"IIII\na\n", `line 1: "IIII" is not a Roman numeral`},
		{"I.\na\n", `line 1: "I." is not a Roman numeral`},
		{"\n\nRoses\n", `line 3: "Roses" is not a Roman numeral`},
		{strings.Repeat("x", 1000), `line 1: "` + strings.Repeat("x", 40) + `" is not a Roman numeral`},
		{"II\na\n\nII\nb\n", "line 4: sonnet II comes after number 2"},
		{"II\na\n\nI\nb\n", "line 4: sonnet I comes after number 2"},
		{"I\na\nII\nb\n", "line 3: no blank line before the numeral II"},
		{"I\n\na\n", "line 2: a blank line where sonnet I should begin"},
		{"I\na\n\nII\n", "line 4: the file ends where sonnet II should begin"},
		{"I\na\xff\n", "line 2: not UTF-8"},
		{"I\na\x1b[2J\n", "line 2: a control character"},
		{"I\na\rb\n", "line 2: a control character"},
		{"I\n\ta\n", "line 2: a control character"},
	}
	for _, test := range tests {
		sonnets, err := parseSonnets(test.text)
		got := strings.Join(append(sonnets, ""), "|")
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("parseSonnets(%.60q) = %q, want %q", test.text, got, test.want)
		}
	}
}

func TestParseRoman(t *testing.T) {
	for text, want := range map[string]int{"I": 1, "IV": 4, "IX": 9, "XIV": 14, "XL": 40, "XCIX": 99, "CLIV": 154, "CDXLIV": 444, "MCMXCIX": 1999, "MMMCMXCIX": 3999,
		"": 0, "MMMM": 0, "IIII": 0, "VX": 0, "IC": 0, "VV": 0, "IVI": 0, "ix": 0, "X ": 0, "Ⅳ": 0} {
		if got := parseRoman(text); got != want {
			t.Errorf("parseRoman(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "poems.txt")
	if _, err := load(file); !os.IsNotExist(err) {
		t.Errorf("load of a file that is not there: %v", err)
	}
	if _, err := load(t.TempDir()); err == nil {
		t.Error("load of a folder: no error")
	}
	for size, want := range map[int]bool{maxSize: true, maxSize + 1: false} {
		if err := os.WriteFile(file, []byte("I\n"+strings.Repeat("x", size-2)), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := load(file); (err == nil) != want {
			t.Errorf("load of a file of %d bytes: %v", size, err)
		}
	}
}

// FuzzParseSonnets parses what it parsed: nothing may change any more.
func FuzzParseSonnets(f *testing.F) {
	for _, text := range []string{"", "I\na\n\nIV\nb\n c\n", "\ufeffX\r\na", "1\na", "I\n\n", shakespeare[:2000]} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sonnets, err := parseSonnets(text)
		if (err == nil) != (len(sonnets) > 0) {
			t.Fatalf("parseSonnets(%q) = %q, %v", text, sonnets, err)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Errorf("parseSonnets(%q): %v: no line number", text, err)
			}
			return
		}
		again, err := parseSonnets(strings.Join(sonnets, "\n"))
		if err != nil || strings.Join(again, "\n") != strings.Join(sonnets, "\n") {
			t.Errorf("the sonnets %q, parsed again, are %q, %v", sonnets, again, err)
		}
	})
}
