package main

import (
	"errors"
	"fmt"
	"log"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

type answer struct {
	OK      bool   `json:"ok"`
	Error   string `json:"error,omitempty"`
	Known   *bool  `json:"known,omitempty"`
	Name    string `json:"name,omitempty"`
	User    string `json:"user,omitempty"`
	Token   string `json:"token,omitempty"`
	Expires string `json:"expires,omitempty"`
}

func failure(err error) answer { return answer{Error: err.Error()} }

var (
	errLogin     = errors.New("wrong user or password")
	errTaken     = errors.New("this name is taken")
	errFull      = errors.New("the server has no room for more")
	errNoSession = errors.New("no such session: log in")
)

var ops = map[string]func(*server, request, netip.Addr) (answer, error){
	"hello":    (*server).hello,
	"name":     (*server).name,
	"register": (*server).register,
	"login":    (*server).login,
	"whoami":   (*server).whoami,
	"passwd":   (*server).passwd,
	"logout":   (*server).logout,
}

// answer answers a request, which came from addr.
func (s *server) answer(message []byte, addr netip.Addr) answer {
	r, err := decodeRequest(message)
	if err != nil {
		return failure(err)
	}
	op, ok := ops[r.Op]
	if !ok {
		return failure(errors.New("unknown op: hello, name, register, login, whoami, passwd and logout are known"))
	}
	a, err := op(s, r, addr)
	if err != nil {
		return failure(err)
	}
	a.OK = true
	return a
}

// hello and name are the identification server.
func (s *server) hello(_ request, addr netip.Addr) (answer, error) {
	name, known := s.store.now.Load().Names[addr]
	return answer{Known: &known, Name: name}, nil
}

func (s *server) name(r request, addr netip.Addr) (answer, error) {
	if err := checkName(r.Name); err != nil {
		return answer{}, err
	}
	if s.store.now.Load().Names[addr] == r.Name {
		return answer{}, nil
	}
	return answer{}, s.store.change(func(st *state) error {
		if _, known := st.Names[addr]; !known && len(st.Names) >= maxNames {
			return errFull
		}
		st.Names[addr] = r.Name
		return nil
	})
}

func (s *server) register(r request, addr netip.Addr) (answer, error) {
	if err := checkUser(r.User); err != nil {
		return answer{}, err
	}
	if err := s.checkPassword(r.Password, r.User); err != nil {
		return answer{}, err
	}
	free := func(st *state) error {
		if st.Users[fold(r.User)] != nil {
			return errTaken
		}
		if len(st.Users) >= maxUsers {
			return errFull
		}
		return nil
	}
	if err := free(s.store.now.Load()); err != nil { // at once, without hashing
		return answer{}, err
	}
	hash, err := s.hash(r.Password)
	if err != nil {
		return answer{}, err
	}
	err = s.store.change(func(st *state) error {
		if err := free(st); err != nil {
			return err
		}
		st.Users[fold(r.User)] = &user{Name: r.User, Password: hash}
		return nil
	})
	if err == nil {
		log.Printf("%s registered from %v", r.User, addr)
	}
	return answer{}, err
}

func (s *server) login(r request, addr netip.Addr) (answer, error) {
	known, err := s.authenticate(r, addr)
	if err != nil {
		return answer{}, err
	}
	hash := known.Password
	if hash.Iterations < s.iterations {
		if stronger, err := s.hash(r.Password); err == nil { // or else the next login will
			hash = stronger
		}
	}
	token, tokenHash := newToken()
	now := time.Now()
	begun := &session{token: tokenHash, user: known.Name, expires: now.Add(s.session).UTC()}
	begun.expires = begun.expires.Round(0) // by the calendar: the other clock stands still while the computer sleeps
	begun.used.Store(now.UnixNano())
	err = s.store.change(func(st *state) error {
		u := st.Users[fold(known.Name)]
		if u.changes != known.changes {
			return errLogin // the password is not the user's any more
		}
		changed := u.without(func(session *session) bool { return session.ended(now, s.idle) })
		if hash.Iterations > changed.Password.Iterations {
			changed.Password = hash
		}
		changed.Sessions = append(changed.Sessions, begun)
		changed.Sessions = changed.Sessions[max(0, len(changed.Sessions)-maxSessions):]
		st.replaceUser(u, changed)
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	log.Printf("%s logged in from %v", known.Name, addr)
	return answer{Token: token, Expires: begun.expires.Format(time.RFC3339)}, nil
}

func (s *server) whoami(r request, _ netip.Addr) (answer, error) {
	session, err := s.find(r.Token)
	if err != nil {
		return answer{}, err
	}
	session.used.Store(time.Now().UnixNano())
	return answer{User: session.user}, nil
}

func (s *server) passwd(r request, addr netip.Addr) (answer, error) {
	if err := s.checkPassword(r.New, r.User); err != nil {
		return answer{}, err
	}
	known, err := s.authenticate(r, addr)
	if err != nil {
		return answer{}, err
	}
	hash, err := s.hash(r.New)
	if err != nil {
		return answer{}, err
	}
	err = s.store.change(func(st *state) error {
		u := st.Users[fold(known.Name)]
		if u.changes != known.changes {
			return errLogin // the password is not the user's any more
		}
		st.replaceUser(u, &user{Name: u.Name, Password: hash, changes: u.changes + 1})
		return nil
	})
	if err == nil {
		log.Printf("%s changed the password from %v", known.Name, addr)
	}
	return answer{}, err
}

func (s *server) logout(r request, _ netip.Addr) (answer, error) {
	ending, err := s.find(r.Token)
	if err != nil {
		return answer{}, err
	}
	return answer{}, s.store.change(func(st *state) error {
		if st.sessions[ending.token] == nil {
			return errNoSession
		}
		u := st.Users[fold(ending.user)]
		st.replaceUser(u, u.without(func(session *session) bool { return session == ending }))
		return nil
	})
}

// authenticate returns the user whose name and password r has.
func (s *server) authenticate(r request, addr netip.Addr) (*user, error) {
	if r.User == "" || r.Password == "" {
		return nil, fmt.Errorf(`%s needs "user" and "password"`, r.Op)
	}
	if len(r.Password) > maxPassword {
		return nil, errLogin // nobody has it
	}
	account := "?"
	if checkUser(r.User) == nil { // or else nobody can have it, and it may be long
		account = fold(r.User)
	}
	if err := s.guessing.allow(account, addr); err != nil {
		return nil, err
	}
	u := s.store.now.Load().Users[account]
	err := s.hashing.do(func() error {
		// Others may have failed meanwhile. So of many guesses at once only as
		// many pass as there are cores.
		if err := s.guessing.allow(account, addr); err != nil {
			return err
		}
		if !s.verify(u, r.Password) {
			s.guessing.failed(account, addr)
			return errLogin
		}
		s.guessing.succeeded(account, addr)
		return nil
	})
	if err == errLogin {
		if u == nil { // its name may be a password, typed too early
			log.Printf("login failed from %v: no such user", addr)
		} else {
			log.Printf("login failed from %v: wrong password for %s", addr, u.Name)
		}
	}
	return u, err
}

// hash hashes a new password when a core is free.
func (s *server) hash(password string) (hash passwordHash, err error) {
	err = s.hashing.do(func() error {
		hash, err = hashPassword(password, s.iterations)
		return err
	})
	return hash, err
}

// checkUser wants the name of a user to be 1 to 32 letters and digits of any
// alphabet, underscores and hyphens.
func checkUser(name string) error {
	other := strings.IndexFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
	})
	if size := utf8.RuneCountInString(name); size < 1 || size > 32 || other >= 0 {
		return errors.New(`"user" must be 1 to 32 letters, digits, _ or -`)
	}
	return nil
}

// checkName wants the name for an address to be 1 to 64 characters that can be
// printed, and not only spaces.
func checkName(name string) error {
	other := strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if utf8.RuneCountInString(name) > 64 || other >= 0 || strings.TrimSpace(name) == "" {
		return errors.New(`"name" must be 1 to 64 characters that can be printed`)
	}
	return nil
}
