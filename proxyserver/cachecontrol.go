package main

import (
	"iter"
	"net/http"
	"strings"
	"time"
)

// A cacheControl is what the directives of a Cache-Control field say (RFC 9111,
// section 5.2), in a request or in a response. A duration is negative where the
// directive is absent.
type cacheControl struct {
	noStore, noCache, private, public   bool
	mustRevalidate, proxyRevalidate     bool
	mustUnderstand, onlyIfCached        bool
	maxAge, sMaxAge, maxStale, minFresh time.Duration
	staleWhileRevalidate, staleIfError  time.Duration
	noCacheFields, privateFields        []string // of no-cache="…" and private="…"
}

// forEver is more than any delta-seconds: those are cut to 2³¹ (RFC 9111,
// section 1.2.2).
const forEver = (1 << 31) * time.Second

// parseCacheControl reads all lines of a Cache-Control field. Of a directive
// that comes more than once the strictest counts, and a freshness that is no
// number is none at all (section 4.2.1).
func parseCacheControl(lines []string) cacheControl {
	cc := cacheControl{maxAge: -1, sMaxAge: -1, maxStale: -1, minFresh: -1, staleWhileRevalidate: -1, staleIfError: -1}
	least := func(d *time.Duration, argument string) {
		seconds, ok := parseSeconds(argument)
		if !ok {
			seconds = 0
		}
		if *d < 0 || seconds < *d {
			*d = seconds
		}
	}
	for directive := range members(lines) {
		name, argument, hasArgument := strings.Cut(directive, "=")
		name = strings.TrimSpace(name)
		argument = unquote(strings.TrimSpace(argument))
		switch strings.ToLower(name) {
		case "no-store":
			cc.noStore = true
		case "no-cache":
			cc.noCache = !addFields(&cc.noCacheFields, argument) || cc.noCache
		case "private":
			cc.private = !addFields(&cc.privateFields, argument) || cc.private
		case "public":
			cc.public = true
		case "must-revalidate":
			cc.mustRevalidate = true
		case "proxy-revalidate":
			cc.proxyRevalidate = true
		case "must-understand":
			cc.mustUnderstand = true
		case "only-if-cached":
			cc.onlyIfCached = true
		case "max-age":
			least(&cc.maxAge, argument)
		case "s-maxage":
			least(&cc.sMaxAge, argument)
		case "stale-while-revalidate":
			least(&cc.staleWhileRevalidate, argument)
		case "stale-if-error":
			least(&cc.staleIfError, argument)
		case "max-stale":
			if !hasArgument && cc.maxStale < 0 {
				cc.maxStale = forEver // whatever its age
			} else if hasArgument {
				least(&cc.maxStale, argument)
			}
		case "min-fresh":
			seconds, ok := parseSeconds(argument)
			if !ok {
				seconds = forEver
			}
			cc.minFresh = max(cc.minFresh, seconds)
		}
	}
	return cc
}

// requestControl reads what a request says, in Cache-Control or, without that,
// in the Pragma of HTTP/1.0 (section 5.4).
func requestControl(header http.Header) cacheControl {
	lines := header["Cache-Control"]
	if lines == nil && header["Pragma"] != nil {
		for directive := range members(header["Pragma"]) {
			if strings.EqualFold(directive, "no-cache") {
				lines = []string{"no-cache"}
			}
		}
	}
	return parseCacheControl(lines)
}

// addFields adds the names of a list to fields, and reports whether there were
// any.
func addFields(fields *[]string, list string) bool {
	found := false
	for name := range members([]string{list}) {
		*fields = append(*fields, http.CanonicalHeaderKey(name))
		found = true
	}
	return found
}

// parseSeconds reads delta-seconds: digits and nothing else.
func parseSeconds(digits string) (time.Duration, bool) {
	if digits == "" {
		return 0, false
	}
	var seconds time.Duration
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		seconds = min(seconds*10+time.Duration(digits[i]-'0'), 1<<31)
	}
	return seconds * time.Second, true
}

// members gives the members of a list field (RFC 9110, section 5.6.1), which
// may stand in several lines. A comma within quotes does not end a member.
func members(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for line != "" {
				end, quoted := 0, false
				for ; end < len(line) && (quoted || line[end] != ','); end++ {
					switch {
					case line[end] == '"':
						quoted = !quoted
					case line[end] == '\\' && quoted:
						end++
					}
				}
				end = min(end, len(line))
				if member := strings.Trim(line[:end], " \t"); member != "" && !yield(member) {
					return
				}
				line = line[min(end+1, len(line)):]
			}
		}
	}
}

// unquote returns what a quoted-string says, and anything else as it is.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	var plain strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		plain.WriteByte(s[i])
	}
	return plain.String()
}
