package main

import "strconv"

// A status is an answer other than a file, and so an error where a file was
// wanted: the template's 404 and its like.
type status struct {
	code   int
	why    string // for a person, as HTML
	fields string // of the head, each with its CR LF
}

func (s *status) Error() string { return strconv.Itoa(s.code) + " " + reasons[s.code] + ": " + s.why }

var (
	errNotFound  = &status{code: 404, why: "There is no such file here."}
	errForbidden = &status{code: 403, why: "This file is not for reading."}
	errBusy      = &status{code: 503, why: "The server can't open more files now. Try again."}
)

func badRequest(why string) error { return &status{code: 400, why: why} }

// reasons are those of RFC 9110, section 15.
var reasons = map[int]string{
	200: "OK",
	206: "Partial Content",
	301: "Moved Permanently",
	304: "Not Modified",
	400: "Bad Request",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	408: "Request Timeout",
	412: "Precondition Failed",
	414: "URI Too Long",
	416: "Range Not Satisfiable",
	417: "Expectation Failed",
	431: "Request Header Fields Too Large",
	501: "Not Implemented",
	503: "Service Unavailable",
	505: "HTTP Version Not Supported",
}

// sendStatus is the template's except: it answers with the status that err is,
// and a page that tells a person. An error that is none comes back.
func (c *client) sendStatus(m *request, err error) error {
	s, ok := err.(*status)
	if !ok {
		return err
	}
	if s.code == 400 {
		c.keepAlive = false // what else does the client get wrong?
	}
	out, err := c.startHead(m, s.code)
	if err != nil {
		return err
	}
	out.WriteString(s.fields)
	if s.code == 304 { // the only one without a body
		out.WriteString("\r\n")
		return nil
	}
	page := s.page()
	endHead(out, "text/html; charset=utf-8", int64(len(page)))
	if string(m.method) != "HEAD" {
		out.WriteString(page)
		c.sent += int64(len(page))
	}
	return nil
}

func (s *status) page() string {
	title := strconv.Itoa(s.code) + " " + reasons[s.code]
	return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>` + title + `</title>
<body style="font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem">
<h1>` + title + `</h1>
<p>` + s.why + `
<p><a href="/">To the start page</a>
`
}
