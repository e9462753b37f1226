package main

import (
	"net/http"
	"slices"
)

// hopByHop are the fields that concern one connection only, and are never
// passed on or stored (RFC 9110, section 7.6.1; RFC 9111, section 3.1).
// Trailer is among them because trailers are not passed on.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
}

// removeHopByHop leaves only the fields that go on to the other side, which are
// not those that Connection names.
func removeHopByHop(header http.Header) {
	for name := range members(header["Connection"]) {
		header.Del(name)
	}
	for _, name := range hopByHop {
		delete(header, name)
	}
}

var versions = [...]string{"1.0", "1.1"}

// addVia adds this proxy to those that a message came through (RFC 9110,
// section 7.6.3). header may share its slices with another, so they are copied.
func addVia(header http.Header, version, name string) {
	header["Via"] = append(slices.Clip(header["Via"]), version+" "+name)
}
