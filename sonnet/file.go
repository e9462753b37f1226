package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSize, in bytes, bounds a file and thereby a sonnet: 11 times what
// Shakespeare wrote.
const maxSize = 1 << 20

//go:embed sonnets.txt
var shakespeare string

// load returns the sonnets of the named file, or Shakespeare's if there is no
// name.
func load(name string) ([]string, error) {
	if name == "" {
		return parseSonnets(shakespeare)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("%s: longer than %d bytes", name, maxSize)
	}
	sonnets, err := parseSonnets(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s, %w", name, err)
	}
	return sonnets, nil
}

// parseSonnets returns the sonnets of a text, each as it is sent: the numeral,
// then the lines, each with its end. The package comment tells the form of the
// text.
func parseSonnets(text string) (sonnets []string, err error) {
	var sonnet []string // the lines of the one that is being read
	last := 0           // the number of the one before
	end := func() {
		if sonnet != nil {
			sonnets = append(sonnets, strings.Join(sonnet, "\n")+"\n")
			sonnet = nil
		}
	}

	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) { // which editors on Windows put there
		number++
		line = strings.TrimRight(line, " \r\n")
		switch roman := parseRoman(line); {
		case !utf8.ValidString(line):
			return nil, fmt.Errorf("line %d: not UTF-8", number)
		case strings.ContainsFunc(line, unicode.IsControl):
			return nil, fmt.Errorf("line %d: a control character", number)
		case line == "" && len(sonnet) == 1:
			return nil, fmt.Errorf("line %d: a blank line where sonnet %s should begin", number, sonnet[0])
		case line == "":
			end()
		case sonnet == nil && roman == 0:
			return nil, fmt.Errorf("line %d: %.40q is not a Roman numeral", number, line)
		case sonnet == nil && roman <= last:
			return nil, fmt.Errorf("line %d: sonnet %s comes after number %d", number, line, last)
		case sonnet == nil:
			sonnet, last = []string{line}, roman
		case roman > 0:
			return nil, fmt.Errorf("line %d: no blank line before the numeral %s", number, line)
		default:
			sonnet = append(sonnet, line)
		}
	}
	if len(sonnet) == 1 {
		return nil, fmt.Errorf("line %d: the file ends where sonnet %s should begin", number, sonnet[0])
	}
	end()
	if sonnets == nil {
		return nil, errors.New("line 1: no sonnet in the whole file")
	}
	return sonnets, nil
}

var romanNumeral = regexp.MustCompile(`^M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})$`)

// parseRoman returns the number of a Roman numeral, from I to MMMCMXCIX, or 0
// for a text that is not one.
func parseRoman(text string) (number int) {
	if !romanNumeral.MatchString(text) {
		return 0
	}
	values := map[rune]int{'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}
	before := 0
	for _, letter := range text {
		value := values[letter]
		if before < value {
			number -= 2 * before // it was to be subtracted, as the I of IV
		}
		number += value
		before = value
	}
	return number
}
