package main

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// guess makes s hear n wrong passwords from addr and returns the last answer.
func (s *server) guess(n int, user, addr string) (a answer) {
	for range n {
		a = s.from(addr, request{Op: "login", User: user, Password: "a wrong password"})
	}
	return a
}

func tooMany(seconds int) string {
	return fmt.Sprintf("too many failures: try again in %d s", seconds)
}

// TestWaits fails as often as it may: the waits double, up to a limit, whether
// or not the user exists.
func TestWaits(t *testing.T) {
	for _, user := range []string{"anna", "nobody", "no user's name!"} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t).withAnna(t)
			if a := s.guess(5, user, "192.0.2.1"); a.Error != errLogin.Error() {
				t.Errorf("the fifth failure is answered with %+v", a)
			}
			wait := time.Second
			for range 15 {
				if a := s.guess(3, user, "192.0.2.1"); a.Error != tooMany(int(wait/time.Second)) {
					t.Errorf("a guess is answered with %+v, want a wait of %v", a, wait)
				}
				time.Sleep(wait - 1)
				if a := s.guess(1, user, "192.0.2.1"); a.Error != tooMany(1) {
					t.Errorf("a guess after almost %v is answered with %+v", wait, a)
				}
				time.Sleep(1)
				if a := s.guess(1, user, "192.0.2.1"); a.Error != errLogin.Error() {
					t.Errorf("a guess after %v is answered with %+v", wait, a)
				}
				wait = min(2*wait, maxPlaceWait)
			}
			time.Sleep(forgetAfter)
			if a := s.guess(5, user, "192.0.2.1"); a.Error != errLogin.Error() {
				t.Errorf("after %v the failures are remembered: %+v", forgetAfter, a)
			}
		})
	}
}

// TestWaitRefusesAll has the right password wait as well, in every op that takes
// one: or else the answer would tell that it is right.
func TestWaitRefusesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t).withAnna(t)
		s.guess(5, "anna", "127.0.0.1")
		login := request{Op: "login", User: "anna", Password: annasPassword}
		passwd := request{Op: "passwd", User: "anna", Password: annasPassword, New: newPassword}
		for _, r := range []request{login, passwd} {
			if a := s.ask(r); a.Error != tooMany(1) {
				t.Errorf("%s while one has to wait = %+v", r.Op, a)
			}
		}
		time.Sleep(time.Second)
		if a := s.ask(passwd); !a.OK {
			t.Errorf("passwd after the wait = %+v", a)
		}
	})
}

// TestNobodyIsLockedOut has a stranger fail for a day, as fast as he may.
func TestNobodyIsLockedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t).withAnna(t)
		login := request{Op: "login", User: "anna", Password: annasPassword}
		if a := s.from("192.0.2.1", login); !a.OK {
			t.Fatalf("login = %+v", a)
		}
		longest := time.Duration(0)
		for start := time.Now(); time.Since(start) < 24*time.Hour; {
			for s.guess(1, "anna", "198.51.100.1").Error != errLogin.Error() {
				time.Sleep(time.Second)
			}
			if a := s.from("192.0.2.1", login); !a.OK {
				t.Fatalf("login from where one has logged in before = %+v", a)
			}
			waited := time.Now()
			for a := s.from("203.0.113.1", request{Op: "login", User: "anna", Password: annasPassword}); !a.OK; {
				time.Sleep(time.Second)
				a = s.from("203.0.113.1", login)
			}
			longest = max(longest, time.Since(waited))
			s.guessing.known.remove(target{"anna", place(netip.MustParseAddr("203.0.113.1"))})
		}
		if longest == 0 || longest > maxAccountWait {
			t.Errorf("from another place a login took up to %v", longest)
		}
	})
}

// TestManyPlaces guesses from a new address each time: the account slows that.
func TestManyPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t).withAnna(t)
		tries := 0
		for i := range 3600 { // an hour
			if s.guess(1, "anna", fmt.Sprintf("10.0.%d.%d", i/250, i%250)).Error == errLogin.Error() {
				tries++
			}
			time.Sleep(time.Second)
		}
		if most := 3600/int(maxAccountWait/time.Second) + 10; tries > most {
			t.Errorf("%d guesses were tried in an hour, want %d at most", tries, most)
		}
	})
}

// TestManyAccounts guesses one password for many accounts: the place slows that.
func TestManyAccounts(t *testing.T) {
	s := newServer(t)
	for i := range freeFailures {
		s.guess(1, fmt.Sprint("user", i), "192.0.2.1")
	}
	if a := s.guess(1, "another", "192.0.2.1"); a.Error != tooMany(1) {
		t.Errorf("a guess for one more account = %+v", a)
	}
	if a := s.guess(1, "another", "192.0.2.2"); a.Error != errLogin.Error() {
		t.Errorf("a guess from another place = %+v", a)
	}
}

// TestSuccessForgives logs in after failures, and between failures with another
// account.
func TestSuccessForgives(t *testing.T) {
	s := newServer(t).withAnna(t)
	s.ask(request{Op: "register", User: "mallory", Password: newPassword})
	for range 3 {
		s.guess(4, "anna", "127.0.0.1")
		s.loginAnna(t)
	}
	s.guess(4, "anna", "127.0.0.1")
	if a := s.ask(request{Op: "login", User: "mallory", Password: newPassword}); !a.OK {
		t.Errorf("login = %+v", a)
	}
	s.guess(1, "anna", "127.0.0.1")
	if a := s.guess(1, "anna", "127.0.0.1"); a.Error != tooMany(1) {
		t.Errorf("an account of one's own makes the failures with another forgotten: %+v", a)
	}
}

// TestGuessesAtOnce sends many guesses before the first is answered.
func TestGuessesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t).withAnna(t)
		answers := make(chan answer, 30)
		for range cap(answers) {
			go func() { answers <- s.guess(1, "anna", "192.0.2.1") }()
		}
		tried := 0
		for range cap(answers) {
			if a := <-answers; a.Error == errLogin.Error() {
				tried++
			}
		}
		if most := freeFailures + cap(s.hashing.cores) - 1; tried > most {
			t.Errorf("of 30 guesses at once %d were tried, want %d at most", tried, most)
		}
	})
}

func TestPlace(t *testing.T) {
	tests := []struct {
		one, other string
		same       bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
	}
	for _, test := range tests {
		if same := place(netip.MustParseAddr(test.one)) == place(netip.MustParseAddr(test.other)); same != test.same {
			t.Errorf("%s and %s are one place: %v, want %v", test.one, test.other, same, test.same)
		}
	}
}

func TestRecent(t *testing.T) {
	r := newRecent[int, string](time.Minute)
	start := time.Now()
	r.put(1, "one", start)
	r.put(2, "two", start.Add(30*time.Second))
	if r.get(1, start.Add(59*time.Second)) != "one" || r.get(1, start.Add(time.Minute)) != "" {
		t.Error("an entry is gone too early or too late")
	}
	r.put(3, "three", start.Add(70*time.Second))
	if len(r.elements) != 2 || r.order.Len() != 2 {
		t.Errorf("%d entries are kept, %d in order, want 2", len(r.elements), r.order.Len())
	}
	for i := range maxRecords + 10 {
		r.put(i, "", start)
	}
	if len(r.elements) != maxRecords || r.order.Len() != maxRecords || r.has(9, start) || !r.has(10, start) {
		t.Errorf("%d entries are kept, %d in order, want the last %d", len(r.elements), r.order.Len(), maxRecords)
	}
}
