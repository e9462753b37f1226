package main

import (
	"fmt"
	"hash/fnv"
	"html"
	"io/fs"
	"net/url"
	"sort"
	"strings"
)

// maxListed files of a folder are shown; more would take long to collect, and
// nobody would read them.
const maxListed = 10000

// list returns a page with the files of a folder, whose name ends in a slash
// unless it is the root.
func (s *server) list(folder string) (*file, error) {
	name := strings.TrimSuffix(folder, "/")
	if folder == "" {
		name = "."
	} else if !served(name) {
		return nil, errNotFound
	}
	info, err := fs.Stat(s.files, name)
	if err != nil {
		return nil, statusOf(err)
	}
	if !info.IsDir() {
		return nil, errNotFound
	}
	opened, err := s.files.Open(name)
	if err != nil {
		return nil, statusOf(err)
	}
	defer opened.Close()
	directory, ok := opened.(fs.ReadDirFile)
	if !ok {
		return nil, errNotFound
	}
	entries, _ := directory.ReadDir(maxListed + 1) // what could be read before an error is better than nothing
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })

	page := new(strings.Builder)
	title := html.EscapeString("/" + folder)
	fmt.Fprintf(page, listingHead, title, title)
	if folder != "" {
		page.WriteString("<tr><td><a href=\"../\">../</a><td><td>\n")
	}
	for _, entry := range entries[:min(len(entries), maxListed)] {
		s.listEntry(page, folder, entry.Name())
	}
	page.WriteString("</table>\n")
	if len(entries) > maxListed {
		fmt.Fprintf(page, "<p>And more: only %d are shown.\n", maxListed)
	}

	f := &file{content: []byte(page.String()), contentType: "text/html; charset=utf-8"}
	f.size = int64(len(f.content))
	hash := fnv.New128a()
	hash.Write(f.content)
	f.etag = fmt.Sprintf(`"%x"`, hash.Sum(nil))
	f.validators = "ETag: " + f.etag + "\r\n"
	return f, nil
}

const listingHead = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%s</title>
<style>
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%% }
td { border-top: 1px solid #8884; padding: .2rem .5rem; overflow-wrap: anywhere }
td + td { text-align: right; white-space: nowrap; color: #666 }
</style>
<h1>%s</h1>
<table>
`

// listEntry writes the row of one file, unless a request for it would get none.
func (s *server) listEntry(page *strings.Builder, folder, name string) {
	if !served(folder + name) {
		return
	}
	info, err := fs.Stat(s.files, folder+name) // of what a symbolic link leads to
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
		return
	}
	size, modified := readableSize(info.Size()), ""
	if info.IsDir() {
		name, size = name+"/", ""
	}
	if !info.ModTime().IsZero() {
		modified = info.ModTime().Format("2006-01-02 15:04")
	}
	href := (&url.URL{Path: "./" + name}).EscapedPath() // "./", because in "a:b" alone, a would be a scheme
	fmt.Fprintf(page, "<tr><td><a href=\"%s\">%s</a><td>%s<td>%s\n",
		html.EscapeString(href), html.EscapeString(name), size, modified)
}

// readableSize returns a size as people write it.
func readableSize(size int64) string {
	if size < 1000 {
		return fmt.Sprintf("%d B", size)
	}
	value, unit := float64(size), 0
	for ; value >= 999.5 && unit < len(units)-1; unit++ {
		value /= 1000
	}
	return fmt.Sprintf("%.3g %s", value, units[unit])
}

var units = []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
