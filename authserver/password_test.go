package main

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// TestMatches has a hash from elsewhere: RFC 7914, section 11.
func TestMatches(t *testing.T) {
	key, _ := hex.DecodeString("4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56")
	hash := passwordHash{Algorithm: algorithm, Iterations: 80000, Salt: []byte("NaCl"), Key: key}
	if !hash.matches("Password") || hash.matches("password") {
		t.Error("a password does not match the hash of the RFC, or another does")
	}
}

func TestHashesDiffer(t *testing.T) {
	one, err := hashPassword(annasPassword, 10)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := hashPassword(annasPassword, 10)
	if string(one.Salt) == string(other.Salt) || string(one.Key) == string(other.Key) {
		t.Error("two hashes of one password are the same")
	}
	if err := one.check(); err != nil {
		t.Error(err)
	}
}

// TestRehash raises the number of iterations: a login hashes anew, and a server
// that demands less leaves the hash alone.
func TestRehash(t *testing.T) {
	s := newServer(t).withAnna(t)
	for _, step := range []struct{ iterations, want int }{{10, 10}, {50, 50}, {20, 50}} {
		s.iterations = step.iterations
		s.loginAnna(t)
		s.store.close()
		restarted := openServer(t, s.store.path)
		if got := restarted.store.now.Load().Users["anna"].Password.Iterations; got != step.want {
			t.Errorf("after a login with %d iterations the hash has %d, want %d", step.iterations, got, step.want)
		}
		s = restarted
		s.loginAnna(t)
	}
}

func TestCheckPassword(t *testing.T) {
	tests := []struct {
		password, user string
		least          int
		ok             bool
	}{
		{"correct horse battery staple", "anna", 15, true},
		{"aaaaaaaaaaaaaaa", "anna", 15, true}, // no composition rules
		{"               ", "anna", 15, true},
		{"пятнадцать букв", "anna", 15, true},
		{"четырнадцатьбу", "anna", 15, false},
		{"1234567", "anna", 8, false},
		{"x8!kQ2pz", "anna", 8, true},
		{"password", "anna", 8, false},
		{"PassWord", "anna", 8, false},
		{"password2024", "anna", 8, false},
		{"qwertyuiop", "anna", 8, false},
		{"йцукенгшщз", "anna", 8, false},
		{"любовьлюбовь", "anna", 8, false},
		{"annamaria", "AnnaMaria", 8, false},
		{"annamaria", "anna", 8, true},
		{"passwordpassword", "anna", 15, false},
		{"qwertyqwertyqwe", "anna", 15, false},
		{"123456789012345", "anna", 15, false},
		{"iloveyou20242024", "anna", 15, false},
		{"my password is long", "anna", 15, true},
		{strings.Repeat("x", 1024), "anna", 15, true},
		{strings.Repeat("x", 1025), "anna", 15, false},
		{strings.Repeat("я", 512), "anna", 15, true},
		{strings.Repeat("я", 513), "anna", 15, false},
	}
	for _, test := range tests {
		s := &server{minPassword: test.least}
		if err := s.checkPassword(test.password, test.user); (err == nil) != test.ok {
			t.Errorf("checkPassword(%.40q, %q) with at least %d = %v, want ok %v", test.password, test.user, test.least, err, test.ok)
		}
	}
}

func TestFold(t *testing.T) {
	for _, same := range [][2]string{{"anna", "ANNA"}, {"АННА", "анна"}, {"Straße", "STRAẞE"}, {"σ", "ς"}, {"k", "\u212a"}} {
		if fold(same[0]) != fold(same[1]) {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
	if fold("anna") == fold("аnna") { // a Cyrillic а
		t.Error("two letters that only look alike are the same")
	}
}

func BenchmarkLogin(b *testing.B) {
	s := newServer(b)
	s.iterations = 600_000
	s.withAnna(b)
	addr := startServer(b, s)
	benchmarkHashing(b, func() func() error {
		client := dial(b, addr)
		return func() error {
			if a := client.ask(request{Op: "login", User: "anna", Password: annasPassword}); !a.OK {
				return fmt.Errorf("login = %+v", a)
			}
			return nil
		}
	})
}

func BenchmarkBarePBKDF2(b *testing.B) {
	benchmarkHashing(b, func() func() error {
		return func() error {
			_, err := hashPassword(annasPassword, 600_000)
			return err
		}
	})
}

func benchmarkHashing(b *testing.B, begin func() func() error) {
	clients := 4 * runtime.GOMAXPROCS(0)
	turns := make([]func() error, clients)
	for i := range turns {
		turns[i] = begin()
	}
	b.ResetTimer()
	var working sync.WaitGroup
	for i, turn := range turns {
		working.Go(func() {
			for range (b.N + i) / clients {
				if err := turn(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
}
