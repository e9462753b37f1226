package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A request is what a client asks. Which fields it needs depends on the op.
type request struct {
	Op       string `json:"op"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	New      string `json:"new,omitempty"`
	Token    string `json:"token,omitempty"`
	Name     string `json:"name,omitempty"`
}

// decodeRequest wants one JSON object. A field that it does not know may be
// anything; one that it knows must be a string, and be there once: of two
// passwords another program might take the other.
//
// Package json would take the last of two, and "Op" for "op".
func decodeRequest(message []byte) (request, error) {
	var r request
	if !utf8.Valid(message) {
		return r, errors.New("the request is not UTF-8")
	}
	if !json.Valid(message) {
		return r, errors.New("the request is not valid JSON")
	}
	text := strings.Trim(string(message), space)
	if text[0] != '{' {
		return r, errors.New("the request is not a JSON object")
	}

	var seen []*string
	fields := strings.TrimLeft(text[1:len(text)-1], space)
	for fields != "" {
		key, rest := cutValue(fields)
		value, rest := cutValue(strings.TrimLeft(rest, space+":"))
		fields = strings.TrimLeft(rest, space+",")
		field := r.field(unquote(key))
		switch {
		case field == nil:
			continue
		case slices.Contains(seen, field):
			return r, fmt.Errorf("%s is there twice", key)
		case value[0] != '"':
			return r, fmt.Errorf("%s must be a string", key)
		}
		seen = append(seen, field)
		*field = unquote(value)
		if strings.ContainsRune(*field, utf8.RuneError) { // so has been decoded what is no Unicode
			return r, fmt.Errorf("%s has the character U+FFFD, which stands for what could not be read", key)
		}
	}
	if r.Op == "" {
		return r, errors.New(`"op" is missing`)
	}
	return r, nil
}

// field returns the field that a key of the object stands for, or nil.
func (r *request) field(key string) *string {
	switch key {
	case "op":
		return &r.Op
	case "user":
		return &r.User
	case "password":
		return &r.Password
	case "new":
		return &r.New
	case "token":
		return &r.Token
	case "name":
		return &r.Name
	}
	return nil
}

const space = " \t\r\n" // between the parts of JSON

// cutValue cuts valid JSON behind its first value.
func cutValue(text string) (value, rest string) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++ // the next one is escaped
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth > 0 && (c == '}' || c == ']'):
			depth--
		case depth == 0 && strings.IndexByte(space+",:", c) >= 0:
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// unquote returns the text of a valid JSON string.
func unquote(quoted string) string {
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var text string
	json.Unmarshal([]byte(quoted), &text) // can't fail, for it is valid
	return text
}
