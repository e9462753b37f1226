package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileName, in bytes, leaves room for a number and an extension within the
// 255 that file systems allow.
const maxFileName = 200

// reserved are names that Windows takes for devices, whatever their extension.
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|$)`)

// safeName makes of the name under which a stranger sends an image one that can
// be created in a folder on any system, is not hidden, and ends as the names of
// its format do, so that it is never opened as anything else.
func safeName(name, format string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) || r == utf8.RuneError || strings.ContainsRune(`<>:"|?*`, r) {
			return -1 // C is also what turns the direction of the text, and hides the real extension
		}
		return r
	}, name)
	name = strings.Trim(name, ". ")

	stem, extension := name, filepath.Ext(name)
	if slices.Contains(extensions[format], strings.ToLower(extension)) {
		stem = strings.TrimSuffix(name, extension)
	} else {
		extension = extensions[format][0]
	}
	for len(stem) > maxFileName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	stem = strings.TrimRight(stem, ". ")
	if stem == "" {
		stem = "image"
	}
	if reserved.MatchString(stem) {
		stem = "_" + stem
	}
	return stem + extension
}

// printable returns text without control characters, with which the other side
// could recolour the terminal or forge a line of ours.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}
