package main

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	algorithm     = "pbkdf2-hmac-sha256"
	saltSize      = 16
	keySize       = sha256.Size
	maxIterations = 10_000_000 // about two seconds
	maxPassword   = 1024       // bytes

	queuePerCore = 16 // waiting for their hash, which is about 1.6 seconds
)

// A passwordHash is what is kept of a password, with all it takes to compute it
// again.
type passwordHash struct {
	Algorithm  string `json:"algorithm"`
	Iterations int    `json:"iterations"`
	Salt       []byte `json:"salt"`
	Key        []byte `json:"key"`
}

func hashPassword(password string, iterations int) (passwordHash, error) {
	hash := passwordHash{Algorithm: algorithm, Iterations: iterations, Salt: make([]byte, saltSize)}
	rand.Read(hash.Salt) // never fails
	var err error
	hash.Key, err = pbkdf2.Key(sha256.New, password, hash.Salt, iterations, keySize)
	return hash, err
}

func (h *passwordHash) matches(password string) bool {
	key, err := pbkdf2.Key(sha256.New, password, h.Salt, h.Iterations, keySize)
	return err == nil && subtle.ConstantTimeCompare(key, h.Key) == 1
}

func (h *passwordHash) check() error {
	if h.Algorithm != algorithm || h.Iterations < 1 || h.Iterations > maxIterations || len(h.Salt) < saltSize || len(h.Key) != keySize {
		return errors.New("the hash of a password has the wrong form")
	}
	return nil
}

// verify reports whether the password is that of u, who may be nil, for a user
// who does not exist: that takes as long.
func (s *server) verify(u *user, password string) bool {
	hash := passwordHash{Iterations: s.iterations, Salt: make([]byte, saltSize), Key: make([]byte, keySize)}
	if u != nil {
		hash = u.Password
	}
	ok := hash.matches(password) && u != nil
	if !ok && hash.Iterations < s.iterations {
		hash.Iterations = s.iterations - hash.Iterations // an older hash: the rest of the time
		hash.matches(password)
	}
	return ok
}

// A hashing bounds the hashes under way to the cores, and the requests that
// wait for theirs to a short queue.
type hashing struct {
	places chan struct{} // the queue and the cores
	cores  chan struct{}
}

var errBusy = errors.New("the server is busy: try again in a few seconds")

func newHashing(cores int) *hashing {
	return &hashing{
		places: make(chan struct{}, cores*(1+queuePerCore)),
		cores:  make(chan struct{}, cores),
	}
}

// do calls hash when a core is free for it.
func (h *hashing) do(hash func() error) error {
	select {
	case h.places <- struct{}{}:
	default:
		return errBusy
	}
	defer func() { <-h.places }()
	h.cores <- struct{}{}
	defer func() { <-h.cores }()
	return hash()
}

// common holds the commonest passwords, in small letters.
//
//go:embed common.txt
var commonList string

var common = map[string]bool{}

func init() {
	for password := range strings.FieldsSeq(commonList) {
		common[password] = true
	}
}

// checkPassword returns what is wrong with a new password, if anything.
func (s *server) checkPassword(password, user string) error {
	switch folded := fold(password); {
	case utf8.RuneCountInString(password) < s.minPassword:
		return fmt.Errorf("the password is too short: it needs %d characters or more", s.minPassword)
	case len(password) > maxPassword:
		return fmt.Errorf("the password is too long: it may have %d bytes", maxPassword)
	case folded == fold(user):
		return errors.New("the password is the user's name")
	case isCommon(folded):
		return errors.New("the password is one of the commonest, which are guessed first")
	}
	return nil
}

// isCommon reports whether a password is in the list, by itself, with a number
// behind it, or over and over: of the commonest, few have 15 characters, and
// those who have to give so many type password1234567 or passwordpassword.
func isCommon(password string) bool {
	if common[password] || common[strings.TrimRightFunc(password, unicode.IsDigit)] {
		return true
	}
	for size := 4; size < min(len(password), 32); size++ {
		if unit := password[:size]; common[unit] && strings.HasPrefix(strings.Repeat(unit, len(password)/size+1), password) {
			return true
		}
	}
	return false
}

// fold returns text with one letter for those that differ in case only.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return unicode.ToLower(least)
	}, text)
}
