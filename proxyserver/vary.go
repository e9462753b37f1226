package main

import (
	"net/http"
	"slices"
	"strings"
)

// A selection is the part of a request that a response was chosen by: the
// fields that its Vary names, with their values (RFC 9111, section 4.1). "=" and
// the value is a field that was there, "" one that was not.
type selection []struct{ name, value string }

// selecting returns the fields of request that the Vary of response names. No
// request is selected by "*": then ok is false.
func selecting(response, request http.Header) (fields selection, ok bool) {
	for name := range members(response["Vary"]) {
		if name == "*" {
			return nil, false
		}
		name = http.CanonicalHeaderKey(name)
		if !slices.ContainsFunc(fields, func(f struct{ name, value string }) bool { return f.name == name }) {
			fields = append(fields, struct{ name, value string }{name, selectingValue(name, request)})
		}
	}
	return fields, true
}

// matches reports whether a request would have been given the same response.
func (s selection) matches(request http.Header) bool {
	for _, field := range s {
		if selectingValue(field.name, request) != field.value {
			return false
		}
	}
	return true
}

// selectingValue returns a field in a form in which values that mean the same
// are the same: its lines as one, without the space around commas, and what is
// known to have no case in lower case.
func selectingValue(name string, request http.Header) string {
	lines, ok := request[name]
	if !ok {
		return ""
	}
	value := "=" + strings.Join(slices.Collect(members(lines)), ",")
	switch name {
	case "Accept-Encoding", "Accept-Language", "Accept-Charset":
		value = strings.ToLower(value)
	}
	return value
}
