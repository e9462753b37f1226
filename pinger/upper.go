package main

import (
	"unicode"
	"unicode/utf8"
)

// upper puts message into upper case, in place, and returns it. Bytes that are
// not UTF-8, and letters whose upper case has another length in bytes (the "ı"
// of Turkish), stay as they are, so that the answer is as long as the message.
func upper(message []byte) []byte {
	for i := 0; i < len(message); {
		if c := message[i]; c < utf8.RuneSelf { // ASCII, in a quarter of the time
			if 'a' <= c && c <= 'z' {
				message[i] = c - 'a' + 'A'
			}
			i++
			continue
		}
		letter, size := utf8.DecodeRune(message[i:])
		if capital := unicode.ToUpper(letter); utf8.RuneLen(capital) == size {
			utf8.EncodeRune(message[i:], capital)
		}
		i += size
	}
	return message
}
