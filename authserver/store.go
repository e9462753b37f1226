package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	fileVersion = 1
	maxUsers    = 2000     // each change writes all of them
	maxNames    = 2000     // of addresses
	maxFile     = 16 << 20 // bytes: all of these take less
)

// A store keeps the state in memory, to be read without waiting, and in a file,
// which is replaced whole by each change.
type store struct {
	path string
	lock *os.File
	now  atomic.Pointer[state] // as it is on the disk, and never altered

	mu      sync.Mutex
	waiting []*change

	writing sync.Mutex // held by the one who replaces the file
}

// A state is what the server knows.
type state struct {
	Users map[string]*user      `json:"users"` // by folded name
	Names map[netip.Addr]string `json:"names"`

	sessions map[tokenHash]*session // of all users
}

// A user is never altered, but replaced by another.
type user struct {
	Name     string       `json:"name"` // as it was registered
	Password passwordHash `json:"password"`
	Sessions []*session   `json:"sessions,omitempty"` // the oldest first

	changes int // of the password since the start
}

type change struct {
	apply func(*state) error
	err   error
	done  bool
}

var errInUse = errors.New("another server is using them")

// errStore is what a client hears of trouble with the disk.
var errStore = errors.New("the server could not store that: nothing has changed")

// change applies a change to the state and returns when it is on the disk. When
// apply returns an error, which it must do before it alters anything, or when
// the file can't be written, nothing has changed.
//
// While one file is being written, further changes wait, and all of them go
// into the next.
func (s *store) change(apply func(*state) error) error {
	c := &change{apply: apply}
	s.mu.Lock()
	s.waiting = append(s.waiting, c)
	s.mu.Unlock()

	s.writing.Lock()
	defer s.writing.Unlock()
	if !c.done { // by the one before, with its own
		s.mu.Lock()
		changes := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		s.write(changes)
	}
	return c.err
}

func (s *store) write(changes []*change) {
	next := s.now.Load().clone()
	altered := false
	for _, c := range changes {
		c.done = true
		c.err = c.apply(next)
		altered = altered || c.err == nil
	}
	if !altered {
		return
	}
	encoded, err := next.encode()
	if err == nil {
		err = replaceFile(s.path, encoded, 0o600)
	}
	if err == nil {
		s.now.Store(next)
		return
	}
	log.Printf("storing a change: %v", err)
	for _, c := range changes { // one that was refused may have been so because of another
		c.err = errStore
	}
}

func (st *state) clone() *state {
	return &state{maps.Clone(st.Users), maps.Clone(st.Names), maps.Clone(st.sessions)}
}

// openStore locks the file at path and reads it, or makes an empty one.
func openStore(path string) (*store, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // or else the link would be replaced, and the lock be another
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("locking the users: %w", err)
	}
	s := &store{path: path, lock: lock}
	if err := s.read(); err != nil {
		s.close()
		return nil, fmt.Errorf("reading the users: %w", err)
	}
	return s, nil
}

func (s *store) read() error {
	s.clean()
	file, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.now.Store(&state{map[string]*user{}, map[netip.Addr]string{}, map[tokenHash]*session{}})
		return s.change(func(*state) error { return nil })
	}
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return err
	}
	st, err := decodeState(data)
	if err != nil {
		return fmt.Errorf("%s is damaged, and left as it is: %w", s.path, err)
	}
	s.now.Store(st)
	return os.Chmod(s.path, 0o600)
}

// clean removes what a server that was killed has left behind.
func (s *store) clean() {
	directory, name := filepath.Split(s.path)
	files, _ := os.ReadDir(filepath.Clean(directory))
	for _, file := range files {
		if strings.HasPrefix(file.Name(), name+".") && strings.HasSuffix(file.Name(), ".tmp") {
			os.Remove(filepath.Join(directory, file.Name()))
		}
	}
}

func (s *store) close() { s.lock.Close() }

// The file is a JSON object: the data, their SHA-256, and the version of their
// form.
type stateFile struct {
	Version int             `json:"version"`
	SHA256  string          `json:"sha256"`
	Data    json.RawMessage `json:"data"`
}

func (st *state) encode() ([]byte, error) {
	data, err := json.Marshal(st)
	return fmt.Appendf(nil, "{\"version\":%d,\"sha256\":%q,\"data\":%s}\n", fileVersion, sum(data), data), err
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// decodeState is strict: what it let pass without understanding it would be
// gone with the next change.
func decodeState(encoded []byte) (*state, error) {
	var file stateFile
	if err := decodeStrictly(encoded, &file); err != nil {
		return nil, err
	}
	if file.Version != fileVersion {
		return nil, fmt.Errorf("its version is %d, not %d", file.Version, fileVersion)
	}
	if file.SHA256 != "" && file.SHA256 != sum(file.Data) {
		return nil, errors.New(`the checksum is not that of the data (who has edited them by hand empties "sha256")`)
	}
	st := &state{sessions: map[tokenHash]*session{}}
	if err := decodeStrictly(file.Data, st); err != nil {
		return nil, err
	}
	if st.Users == nil || st.Names == nil {
		return nil, errors.New("users or names are missing")
	}
	for key, u := range st.Users {
		if u == nil || checkUser(u.Name) != nil || fold(u.Name) != key {
			return nil, fmt.Errorf("%q is not a user", key)
		}
		if err := u.Password.check(); err != nil {
			return nil, fmt.Errorf("user %q: %w", key, err)
		}
		for _, session := range u.Sessions {
			if session == nil || st.sessions[session.token] != nil {
				return nil, fmt.Errorf("user %q: a session is empty, or there twice", key)
			}
			session.user = u.Name
			st.sessions[session.token] = session
		}
	}
	for addr, name := range st.Names {
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("the name for %v: %w", addr, err)
		}
	}
	return st, nil
}

func decodeStrictly(encoded []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("something follows its end")
	}
	return nil
}

// replaceFile puts data in the place of the file at path, in such a way that
// after a crash one finds the old file or the new one, and after a return
// without error the new one.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	directory, name := filepath.Split(path)
	directory = filepath.Clean(directory)
	file, err := os.CreateTemp(directory, name+".*.tmp") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // without effect when it has been renamed
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		return err
	}
	if err := file.Chmod(mode); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // directories can't be synced
	}
	folder, err := os.Open(directory)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
