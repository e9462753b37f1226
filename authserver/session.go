package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

const (
	tokenSize   = 32 // bytes
	maxSessions = 5  // of one user; a further login ends the oldest
)

// A tokenHash is the SHA-256 of the 32 bytes of a token: all that is kept of it.
type tokenHash [sha256.Size]byte

// A session is altered only in used.
type session struct {
	token   tokenHash
	user    string
	expires time.Time
	used    atomic.Int64 // Unix time in nanoseconds
}

// newToken returns a token, as text, and its hash.
func newToken() (string, tokenHash) {
	token := make([]byte, tokenSize)
	rand.Read(token) // never fails
	return base64.RawURLEncoding.EncodeToString(token), sha256.Sum256(token)
}

// find returns the session of a token if there is one, and it has not ended.
func (s *server) find(token string) (*session, error) {
	bytes, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(bytes) != tokenSize {
		return nil, errNoSession
	}
	session := s.store.now.Load().sessions[sha256.Sum256(bytes)]
	if session == nil || session.ended(time.Now(), s.idle) {
		return nil, errNoSession
	}
	return session, nil
}

func (s *session) ended(now time.Time, idle time.Duration) bool {
	return !now.Before(s.expires) || now.Sub(time.Unix(0, s.used.Load())) >= idle
}

// replaceUser puts u in the place of old, with the sessions that u has, and ends
// those that only old had.
func (st *state) replaceUser(old, u *user) {
	for _, session := range old.Sessions {
		delete(st.sessions, session.token)
	}
	for _, session := range u.Sessions {
		st.sessions[session.token] = session
	}
	st.Users[fold(u.Name)] = u
}

// without returns u without the sessions that drop reports.
func (u *user) without(drop func(*session) bool) *user {
	changed := *u
	changed.Sessions = slices.DeleteFunc(slices.Clone(u.Sessions), drop)
	return &changed
}

var errNothing = errors.New("nothing to store")

// tidy drops the sessions that have ended and stores when the others were used,
// again and again until ctx is done, and then once more. So whoami need not
// write, and a crash makes a session look unused for a minute longer than it
// was, or for a tenth of idle if that is less.
func (s *server) tidy(ctx context.Context) {
	ticker := time.NewTicker(max(time.Second, min(time.Minute, s.idle/10)))
	defer ticker.Stop()
	stored := time.Now()
	for ctx.Err() == nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
		now := time.Now()
		err := s.store.change(func(st *state) error {
			altered := false
			for _, session := range st.sessions {
				altered = altered || session.used.Load() >= stored.UnixNano() || session.ended(now, s.idle)
			}
			if !altered {
				return errNothing
			}
			for _, u := range st.Users {
				if slices.ContainsFunc(u.Sessions, func(session *session) bool { return session.ended(now, s.idle) }) {
					st.replaceUser(u, u.without(func(session *session) bool { return session.ended(now, s.idle) }))
				}
			}
			return nil
		})
		if err == nil || err == errNothing {
			stored = now
		}
	}
}

// A sessionRecord is a session in the file.
type sessionRecord struct {
	Token   []byte    `json:"token"` // its SHA-256
	Expires time.Time `json:"expires"`
	Used    time.Time `json:"used"`
}

func (s *session) MarshalJSON() ([]byte, error) {
	return json.Marshal(sessionRecord{s.token[:], s.expires, time.Unix(0, s.used.Load()).UTC()})
}

func (s *session) UnmarshalJSON(encoded []byte) error {
	var record sessionRecord
	if err := json.Unmarshal(encoded, &record); err != nil {
		return err
	}
	if len(record.Token) != len(s.token) {
		return errors.New("the hash of a token has the wrong size")
	}
	s.token = tokenHash(record.Token)
	s.expires = record.Expires
	s.used.Store(record.Used.UnixNano())
	return nil
}
