package main

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxSmall is the size in bytes up to which a file is read and cached. A larger
// one is copied by the system, and never lies in memory.
const maxSmall = 64 << 10

// A file is what a client can get. Nothing in it changes, but where source is
// read.
type file struct {
	info        fs.FileInfo
	size        int64
	modTime     time.Time // in whole seconds, as HTTP has it; zero if there is none
	etag        string    // a strong one (RFC 9110, section 8.8.3)
	validators  string    // the fields of the head that hold etag and modTime
	contentType string
	content     []byte            // of a small file
	source      io.ReadSeekCloser // of a large one, or nil
}

func (f *file) close() {
	if f.source != nil {
		f.source.Close()
	}
}

// started stands for the time of files that have none: those embedded in the
// program.
var started = time.Now()

func newFile(name string, info fs.FileInfo) *file {
	modTime := info.ModTime()
	if modTime.IsZero() {
		modTime = started
	}
	f := &file{info: info, size: info.Size(), contentType: contentType(name)}
	f.etag = `"` + strconv.FormatInt(f.size, 16) + "-" + strconv.FormatInt(modTime.UnixNano(), 16) + `"`
	if now := time.Now(); modTime.After(now) {
		modTime = now // RFC 9110, section 8.8.2.1: no time to come
	}
	f.modTime = modTime.Truncate(time.Second)
	f.validators = "ETag: " + f.etag + "\r\nLast-Modified: " + f.modTime.UTC().Format(httpTime) + "\r\n"
	return f
}

// open is the template's open: it returns the file of that name, or what else a
// client gets for it. A name that ends in a slash is a folder.
func (s *server) open(filename string, query []byte) (*file, error) {
	if filename == "" || strings.HasSuffix(filename, "/") {
		f, err := s.openFile(filename + "index.html")
		if err == errNotFound || err == errFolder {
			return s.list(filename)
		}
		return f, err
	}
	f, err := s.openFile(filename)
	if err == errFolder {
		location := (&url.URL{Path: "/" + filename + "/"}).EscapedPath() + string(query)
		return nil, &status{code: 301, why: "This is a folder: its address ends in a slash.", fields: "Location: " + location + "\r\n"}
	}
	return f, err
}

// errFolder is what openFile returns for a folder.
var errFolder = errors.New("a folder, not a file")

// openFile returns a regular file.
func (s *server) openFile(name string) (*file, error) {
	if !served(name) {
		return nil, errNotFound
	}
	info, err := fs.Stat(s.files, name)
	if err != nil {
		return nil, statusOf(err)
	}
	if f := s.cache.get(name, info); f != nil {
		return f, nil
	}
	if info.IsDir() {
		return nil, errFolder
	}
	if !info.Mode().IsRegular() { // a device may have no end, a pipe no beginning
		return nil, errForbidden
	}

	opened, err := s.files.Open(name)
	if err != nil {
		return nil, statusOf(err)
	}
	source := opened.(io.ReadSeekCloser) // os.File and embed's files are
	info, err = opened.Stat()
	if err != nil || !info.Mode().IsRegular() { // no longer
		source.Close()
		return nil, errNotFound
	}
	f := newFile(name, info)
	if f.size > maxSmall {
		f.source = source
		return f, nil
	}
	defer source.Close()
	f.content = make([]byte, f.size)
	n, err := io.ReadFull(source, f.content)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, statusOf(err)
	}
	f.content, f.size = f.content[:n], int64(n) // it may have shrunk meanwhile
	s.cache.put(name, f)
	return f, nil
}

// served reports whether a name is one that clients may get: inside the root,
// and without a dot at the beginning of any part.
func served(name string) bool {
	return fs.ValidPath(name) && name[0] != '.' && !strings.Contains(name, "/.")
}

// statusOf returns what to tell a client about an error of the file system.
func statusOf(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errForbidden
	case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
		return errBusy
	}
	return errNotFound
}

// A folder is a file system of what is below a folder, and nothing else: its
// os.Root follows no symbolic link that leads out.
type folder struct{ *os.Root }

func openFolder(name string) (folder, error) {
	root, err := os.OpenRoot(name)
	return folder{root}, err
}

func (f folder) Open(name string) (fs.File, error) {
	local, err := filepath.Localize(name) // on Windows some names are devices
	if err != nil {
		return nil, fs.ErrNotExist
	}
	return f.Root.OpenFile(local, os.O_RDONLY|syscall.O_NONBLOCK, 0) // not waiting for who would write into a pipe
}

// Stat has fs.Stat look without opening the file.
func (f folder) Stat(name string) (fs.FileInfo, error) {
	local, err := filepath.Localize(name)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	return f.Root.Stat(local)
}
