package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A saving is an image on its way to a folder: a file with a name of its own,
// which gets its real name when all of it is there.
type saving struct {
	folder *os.Root
	offer  offer
	file   *os.File
}

// startSaving creates the file. After it, end must be called.
func startSaving(folder *os.Root, offer offer) (*saving, error) {
	if err := offer.check(); err != nil {
		return nil, err
	}
	if offer.Size > maxImage {
		return nil, fmt.Errorf("%s is too large: %s at most", humanSize(offer.Size), humanSize(maxImage))
	}
	file, err := folder.OpenFile("."+rand.Text()+".part", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &saving{folder, offer, file}, nil
}

// end removes the file if it has not got its real name.
func (s *saving) end() {
	s.file.Close() // Windows removes no open file
	s.folder.Remove(filepath.Base(s.file.Name()))
}

// receive writes the image from the connection to the file. A file that can't be
// written is one error, and the image is received to its end all the same, for
// what follows it is the next message. The other is a connection that broke.
func (s *saving) receive(connection io.Reader) (writeErr, connErr error) {
	hash := sha256.New()
	file := &forgiving{Writer: s.file}
	_, connErr = io.CopyN(io.MultiWriter(file, hash), connection, s.offer.Size)
	if got := hex.EncodeToString(hash.Sum(nil)); file.err == nil && !strings.EqualFold(got, s.offer.SHA256) {
		file.err = fmt.Errorf("the bytes that came have the SHA-256 %s", got)
	}
	return file.err, connErr
}

// A forgiving writer keeps its first error to itself.
type forgiving struct {
	io.Writer
	err error
}

func (f *forgiving) Write(p []byte) (int, error) {
	if f.err == nil {
		_, f.err = f.Writer.Write(p)
	}
	return len(p), nil
}

// finish looks whether the file is an image, has it written to the disk, and
// gives it a name that no other file has.
func (s *saving) finish() (name string, p picture, err error) {
	if _, err = s.file.Seek(0, io.SeekStart); err != nil {
		return "", picture{}, err
	}
	if p, err = readPicture(s.file); err != nil {
		return "", picture{}, err
	}
	if err = s.file.Sync(); err != nil {
		return "", picture{}, err
	}
	if err = s.file.Close(); err != nil {
		return "", picture{}, err
	}
	if name, err = s.reserve(safeName(s.offer.Name, p.format)); err != nil {
		return "", picture{}, err
	}
	if err = s.folder.Rename(filepath.Base(s.file.Name()), name); err != nil {
		s.folder.Remove(name)
		return "", picture{}, err
	}
	if folder, err := s.folder.Open("."); err == nil {
		folder.Sync() // for the name; not every system can
		folder.Close()
	}
	return name, p, nil
}

// reserve creates an empty file of this name or, if it is taken, of one with a
// number, and returns the name. To create a file fails if there is one already,
// which to rename does not.
func (s *saving) reserve(name string) (string, error) {
	extension := filepath.Ext(name)
	stem := strings.TrimSuffix(name, extension)
	for number := 2; number < 10000; number++ {
		file, err := s.folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			return name, file.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		name = fmt.Sprintf("%s-%d%s", stem, number, extension)
	}
	return "", errors.New("10,000 images of this name are here already")
}
