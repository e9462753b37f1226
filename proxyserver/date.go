package main

import (
	"strings"
	"time"
)

// parseDate reads an HTTP-date in any of its three forms (RFC 9110, section
// 5.6.7). A cache takes it in any case (RFC 9111, section 4.2), but what is not
// exactly of such a form is no date: an Expires field that says anything else
// means that the response is stale. http.ParseTime takes "2:01:18" for an hour,
// and does not take "gmt".
func parseDate(s string, now time.Time) (time.Time, bool) {
	if len(s) < len("Sun Nov  6 08:49:37 1994") || len(s) > len("Wednesday, 06-Nov-94 08:49:37 GMT") {
		return time.Time{}, false
	}
	day, rest, comma := strings.Cut(s, ", ")
	if !comma {
		day, rest, _ = strings.Cut(s, " ")
		return parseExactly("Jan _2 15:04:05 2006", rest, isDay(day, 3))
	}
	rest, gmt := cutSuffixFold(rest, " GMT")
	if t, ok := parseExactly("02 Jan 2006 15:04:05", rest, gmt && isDay(day, 3)); ok {
		return t, true
	}
	t, ok := parseExactly("02-Jan-06 15:04:05", rest, gmt && isDay(day, 0))
	if !ok {
		return t, false
	}
	// Two digits of a year mean one that is at most 50 years ahead.
	year := now.Year() - now.Year()%100 + t.Year()%100
	if year > now.Year()+50 {
		year -= 100
	} else if year <= now.Year()-50 {
		year += 100
	}
	return t.AddDate(year-t.Year(), 0, 0), true
}

// parseExactly reads what its layout would write, in any case.
func parseExactly(layout, s string, ok bool) (time.Time, bool) {
	t, err := time.Parse(layout, s)
	return t, ok && err == nil && strings.EqualFold(t.Format(layout), s)
}

// isDay reports whether day is a day of the week, cut to so many letters if not
// 0. Whether it is the right one does not matter.
func isDay(day string, letters int) bool {
	for weekday := range time.Weekday(7) {
		name := weekday.String()
		if letters > 0 {
			name = name[:letters]
		}
		if strings.EqualFold(day, name) {
			return true
		}
	}
	return false
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if n := len(s) - len(suffix); n >= 0 && strings.EqualFold(s[n:], suffix) {
		return s[:n], true
	}
	return s, false
}
