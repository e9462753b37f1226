package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"socketlab/framing"
)

const (
	annasPassword = "correct horse battery staple"
	newPassword   = "incorrect horse battery staple"
)

// newServer returns a server that hashes fast, with its users in a folder of
// its own.
func newServer(tb testing.TB) *server {
	tb.Helper()
	log.SetOutput(io.Discard)
	return openServer(tb, filepath.Join(tb.TempDir(), "users.json"))
}

func openServer(tb testing.TB, path string) *server {
	tb.Helper()
	store, err := openStore(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(store.close)
	return &server{
		store:       store,
		hashing:     newHashing(2),
		guessing:    newGuessing(),
		iterations:  10,
		minPassword: 15,
		session:     8 * time.Hour,
		idle:        30 * time.Minute,
		connIdle:    time.Minute,
	}
}

// startServer runs s on a free port until the test is over.
func startServer(tb testing.TB, s *server) (addr string) {
	tb.Helper()
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { s.run(ctx, serverSocket); close(served) }()
	tb.Cleanup(func() { stop(); <-served })
	return serverSocket.Addr().String()
}

// A peer is the other side of a connection to a server.
type peer struct {
	tb   testing.TB
	conn *framing.Conn
}

func dial(tb testing.TB, addr string) *peer {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &peer{tb, framing.NewConn(conn)}
}

// ask may be called by several goroutines, so it ends no test.
func (p *peer) ask(r any) (a answer) {
	text, ok := r.(string)
	if !ok {
		encoded, err := json.Marshal(r)
		if err != nil {
			p.tb.Error(err)
		}
		text = string(encoded)
	}
	if err := p.conn.Send([]byte(text)); err != nil {
		p.tb.Errorf("sending %.80s: %v", text, err)
		return a
	}
	reply, err := p.conn.Receive()
	if err == nil {
		err = json.Unmarshal(reply, &a)
	}
	if err != nil {
		p.tb.Errorf("the answer to %.80s is %q, %v", text, reply, err)
	}
	return a
}

var localhost = netip.MustParseAddr("127.0.0.1")

// from asks s as a client at addr would.
func (s *server) from(addr string, r request) answer {
	encoded, _ := json.Marshal(r)
	return s.answer(encoded, netip.MustParseAddr(addr))
}

func (s *server) ask(r request) answer { return s.from("127.0.0.1", r) }

// withAnna returns s with the user anna.
func (s *server) withAnna(tb testing.TB) *server {
	tb.Helper()
	if a := s.ask(request{Op: "register", User: "anna", Password: annasPassword}); !a.OK {
		tb.Fatalf("register = %+v", a)
	}
	return s
}

func (s *server) loginAnna(tb testing.TB) (token string) {
	tb.Helper()
	a := s.ask(request{Op: "login", User: "anna", Password: annasPassword})
	if !a.OK {
		tb.Fatalf("login = %+v", a)
	}
	return a.Token
}

// Example shows the dialogue of the practicum, byte for byte but for the token.
func Example() {
	folder, _ := os.MkdirTemp("", "authserver")
	defer os.RemoveAll(folder)
	log.SetOutput(io.Discard)
	store, err := openStore(filepath.Join(folder, "users.json"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.close()
	s := &server{store: store, hashing: newHashing(1), guessing: newGuessing(), iterations: 10, minPassword: 15, session: time.Hour, idle: time.Hour, connIdle: time.Hour}
	client, serverSide := net.Pipe()
	go s.converse(context.Background(), serverSide, localhost)

	conn := framing.NewConn(client)
	defer conn.Close()
	for _, request := range []string{
		`{"op":"hello"}`,
		`{"op":"name","name":"Anna"}`,
		`{"op":"hello"}`,
		`{"op":"register","user":"anna","password":"correct horse battery staple"}`,
		`{"op":"login","user":"anna","password":"correct horse"}`,
		`{"op":"whoami","token":"a guess"}`,
	} {
		conn.SendText(request)
		answer, _ := conn.ReceiveText()
		fmt.Println(answer)
	}
	// Output:
	// {"ok":true,"known":false}
	// {"ok":true}
	// {"ok":true,"known":true,"name":"Anna"}
	// {"ok":true}
	// {"ok":false,"error":"wrong user or password"}
	// {"ok":false,"error":"no such session: log in"}
}

// TestRequests goes through every op and what can be wrong with it, in one
// connection that goes on.
func TestRequests(t *testing.T) {
	client := dial(t, startServer(t, newServer(t)))
	long := strings.Repeat("я", 512)
	tests := []struct{ request, err string }{ // no err is ok
		{`{"op":"hello"}`, ""},
		{` {"op" : "hello" , "unknown" : [1, {"op": null}] } `, ""},
		{`{"op":"name","name":"Anna"}`, ""},
		{`{"op":"name","name":"Анна Мария-Луиза"}`, ""},
		{`{"op":"name"}`, `"name" must be`},
		{`{"op":"name","name":"  "}`, `"name" must be`},
		{`{"op":"name","name":"a\u001b[31mb"}`, `"name" must be`},
		{`{"op":"name","name":"a\u202eb"}`, `"name" must be`},
		{`{"op":"name","name":"` + strings.Repeat("n", 65) + `"}`, `"name" must be`},

		{`{"op":"register","user":"anna","password":"correct horse battery staple"}`, ""},
		{`{"op":"register","user":"anna","password":"correct horse battery staple"}`, "taken"},
		{`{"op":"register","user":"ANNA","password":"correct horse battery staple"}`, "taken"},
		{`{"op":"register","user":"анна-2_","password":"` + long + `"}`, ""},
		{`{"op":"register","user":"boris","password":"` + long + `!"}`, "too long"},
		{`{"op":"register","user":"boris","password":"яяяяяяяяяяяяяя"}`, "too short"},
		{`{"op":"register","user":"boris_of_moscow","password":"Boris_Of_Moscow"}`, "user's name"},
		{`{"op":"register","user":"boris","password":"PasswordPassword"}`, "commonest"},
		{`{"op":"register","user":"boris"}`, "too short"},
		{`{"op":"register","password":"correct horse battery staple"}`, `"user" must be`},
		{`{"op":"register","user":"an na","password":"correct horse battery staple"}`, `"user" must be`},
		{`{"op":"register","user":"a\n","password":"correct horse battery staple"}`, `"user" must be`},
		{`{"op":"register","user":"` + strings.Repeat("n", 33) + `","password":"correct horse battery staple"}`, `"user" must be`},
		{`{"op":"register","user":"boris","password":"\u0000\u0001 \u007f\t\n 123456789012345"}`, ""},

		{`{"op":"login","user":"anna","password":"correct horse battery staple"}`, ""},
		{`{"op":"login","user":"Anna","password":"correct horse battery staple"}`, ""},
		{`{"op":"login","user":"анна-2_","password":"` + long + `"}`, ""},
		{`{"op":"login","user":"anna","password":"wrong"}`, "wrong user or password"},
		{`{"op":"login","user":"nobody","password":"wrong"}`, "wrong user or password"},
		{`{"op":"login","user":"anna","password":"` + strings.Repeat("x", 1025) + `"}`, "wrong user or password"},
		{`{"op":"login","user":"anna"}`, "needs"},
		{`{"op":"login","password":"correct horse battery staple"}`, "needs"},

		{`{"op":"whoami"}`, "no such session"},
		{`{"op":"whoami","token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, "no such session"},
		{`{"op":"whoami","token":"` + strings.Repeat("A", 10000) + `"}`, "no such session"},
		{`{"op":"logout"}`, "no such session"},
		{`{"op":"logout","token":"???"}`, "no such session"},

		{`{"op":"passwd","user":"anna","password":"correct horse battery staple","new":"short"}`, "too short"},
		{`{"op":"passwd","user":"anna","password":"correct horse battery staple","new":"1234567890123456"}`, "commonest"},
		{`{"op":"passwd","user":"anna","password":"correct horse battery staple"}`, "too short"},
		{`{"op":"passwd","user":"anna","password":"wrong","new":"incorrect horse battery staple"}`, "wrong user or password"},
		{`{"op":"passwd","user":"anna","password":"correct horse battery staple","new":"incorrect horse battery staple"}`, ""},
		{`{"op":"login","user":"anna","password":"correct horse battery staple"}`, "wrong user or password"},
		{`{"op":"login","user":"anna","password":"incorrect horse battery staple"}`, ""},

		{``, "not valid JSON"},
		{`{`, "not valid JSON"},
		{`hello`, "not valid JSON"},
		{`{"op":"hello",}`, "not valid JSON"},
		{`{"op":"hello"}}`, "not valid JSON"},
		{`{"op":"hello"} {"op":"hello"}`, "not valid JSON"},
		{"{\"op\":\"hello\"}\x00", "not valid JSON"},
		{strings.Repeat("[", maxMessage), "not valid JSON"},
		{"\xff", "not UTF-8"},
		{`null`, "not a JSON object"},
		{`["op","hello"]`, "not a JSON object"},
		{`"hello"`, "not a JSON object"},
		{`{}`, `"op" is missing`},
		{`{"Op":"hello"}`, `"op" is missing`},
		{`{"op":""}`, `"op" is missing`},
		{`{"op":"hello","token":""}`, ""},
		{`{"op":"","op":"hello"}`, `"op" is there twice`},
		{` { "x" : "}\"" , "\u006fp" : "h\u0065llo" , "y":{"z":["]"]},"w":-1.5e3,"v":null } `, ""},
		{`{"op":null}`, `"op" must be a string`},
		{`{"op":["hello"]}`, `"op" must be a string`},
		{`{"op":"whoami","token":42}`, `"token" must be a string`},
		{`{"op":"login","user":{"name":"anna"},"password":"x"}`, `"user" must be a string`},
		{`{"op":"hello","op":"hello"}`, `"op" is there twice`},
		{`{"op":"login","user":"anna","password":"a","password":"b"}`, `"password" is there twice`},
		{`{"op":"login","user":"anna","password":"\ud800"}`, "U+FFFD"},
		{`{"op":"Hello"}`, "unknown op"},
		{`{"op":"shutdown"}`, "unknown op"},
		{`{"op":"hello"}`, ""},
	}
	for _, test := range tests {
		a := client.ask(test.request)
		if a.OK != (test.err == "") || !strings.Contains(a.Error, test.err) {
			t.Errorf("%.100s\nis answered with %+v, want the error %q", test.request, a, test.err)
		}
	}
}

func TestTooLong(t *testing.T) {
	client := dial(t, startServer(t, newServer(t)))
	if a := client.ask(strings.Repeat(" ", maxMessage+1)); !strings.Contains(a.Error, "too long") {
		t.Errorf("a message that is too long is answered with %+v", a)
	}
	if _, err := client.conn.Receive(); err != io.EOF {
		t.Errorf("after a message that is too long: %v, want the end", err)
	}
}

func TestIdentification(t *testing.T) {
	s := newServer(t)
	for _, addr := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
		if a := s.from(addr, request{Op: "hello"}); !a.OK || *a.Known {
			t.Errorf("hello from %s = %+v, want unknown", addr, a)
		}
		if a := s.from(addr, request{Op: "name", Name: "Anna of " + addr}); !a.OK {
			t.Errorf("name from %s = %+v", addr, a)
		}
	}
	s.store.close()
	s = openServer(t, s.store.path)
	for _, addr := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
		if a := s.from(addr, request{Op: "hello"}); !a.OK || !*a.Known || a.Name != "Anna of "+addr {
			t.Errorf("hello from %s = %+v after a restart", addr, a)
		}
	}
	mapped, _ := net.Pipe()
	if addr := addressOf(fakeConn{mapped, &net.TCPAddr{IP: net.ParseIP("::ffff:127.0.0.1")}}); addr != localhost {
		t.Errorf("the address of a client of IPv4 at a socket of IPv6 is %v", addr)
	}
}

type fakeConn struct {
	net.Conn
	remote net.Addr
}

func (c fakeConn) RemoteAddr() net.Addr { return c.remote }

func TestSessionsEnd(t *testing.T) {
	tests := []struct {
		about string
		steps []time.Duration // whoami after each
		alive []bool
	}{
		{"unused", []time.Duration{30*time.Minute - 1}, []bool{true}},
		{"unused for too long", []time.Duration{30 * time.Minute}, []bool{false}},
		{"used, then not", []time.Duration{29 * time.Minute, 29 * time.Minute, 30 * time.Minute, 0}, []bool{true, true, false, false}},
		{"used all day", slices.Repeat([]time.Duration{20 * time.Minute}, 25), append(slices.Repeat([]bool{true}, 23), false, false)},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t).withAnna(t)
			client, serverSide := net.Pipe()
			ctx, stop := context.WithCancel(context.Background())
			tidied := make(chan struct{})
			go func() { s.tidy(ctx); close(tidied) }()
			defer func() { stop(); <-tidied }()
			s.connIdle = 24 * time.Hour
			go s.converse(ctx, serverSide, localhost)
			peer := peer{t, framing.NewConn(client)}
			defer client.Close()

			start := time.Now()
			login := peer.ask(request{Op: "login", User: "anna", Password: annasPassword})
			if want := start.Add(8 * time.Hour).UTC().Format(time.RFC3339); login.Expires != want {
				t.Errorf("the session expires at %q, want %q", login.Expires, want)
			}
			for i, step := range test.steps {
				time.Sleep(step)
				a := peer.ask(request{Op: "whoami", Token: login.Token})
				if a.OK != test.alive[i] {
					t.Errorf("%s: whoami after %v = %+v", test.about, time.Since(start), a)
				}
			}
			time.Sleep(8 * time.Hour)
			if n := len(s.store.now.Load().sessions); n != 0 {
				t.Errorf("%s: %d sessions are kept when all have ended", test.about, n)
			}
		})
	}
}

// TestUsedIsStored crashes a server a while after a session was used.
func TestUsedIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t).withAnna(t)
		ctx, stop := context.WithCancel(context.Background())
		tidied := make(chan struct{})
		go func() { s.tidy(ctx); close(tidied) }()
		token := s.loginAnna(t)
		time.Sleep(20 * time.Minute)
		s.ask(request{Op: "whoami", Token: token})
		written := s.store.now.Load()
		s.ask(request{Op: "whoami", Token: token})
		if s.store.now.Load() != written {
			t.Error("whoami has written the file")
		}
		time.Sleep(61 * time.Second)
		crashed, err := os.ReadFile(s.store.path)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "users.json")
		os.WriteFile(path, crashed, 0o600)
		later := openServer(t, path)
		time.Sleep(20 * time.Minute)
		if a := later.ask(request{Op: "whoami", Token: token}); a.User != "anna" {
			t.Errorf("whoami = %+v, 21 minutes after it was used", a)
		}
		stop()
		<-tidied
	})
}

func TestLogoutAndPasswdEndSessions(t *testing.T) {
	s := newServer(t).withAnna(t)
	var tokens []string
	for range maxSessions + 2 {
		tokens = append(tokens, s.loginAnna(t))
	}
	check := func(about string, alive ...bool) {
		t.Helper()
		for i, want := range alive {
			if a := s.ask(request{Op: "whoami", Token: tokens[i]}); a.OK != want {
				t.Errorf("%s: whoami with token %d = %+v, want ok %v", about, i, a, want)
			}
		}
	}
	check("too many sessions", false, false, true, true, true, true, true)
	s.ask(request{Op: "logout", Token: tokens[3]})
	check("logout", false, false, true, false, true, true, true)
	s.store.close()
	s = openServer(t, s.store.path)
	check("restart", false, false, true, false, true, true, true)
	if a := s.ask(request{Op: "passwd", User: "anna", Password: annasPassword, New: newPassword}); !a.OK {
		t.Errorf("passwd = %+v", a)
	}
	check("passwd", false, false, false, false, false, false, false)
	s.store.close()
	s = openServer(t, s.store.path)
	check("restart after passwd", false, false, false, false, false, false, false)
	if n := len(s.store.now.Load().sessions); n != 0 {
		t.Errorf("%d sessions are kept", n)
	}
}

func TestSilentClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		client, serverSide := net.Pipe()
		ended := make(chan struct{})
		go func() { s.converse(t.Context(), serverSide, localhost); close(ended) }()
		peer := peer{t, framing.NewConn(client)}
		start := time.Now()
		time.Sleep(50 * time.Second)
		peer.ask(request{Op: "hello"})
		<-ended
		if silent := time.Since(start); silent != 50*time.Second+s.connIdle {
			t.Errorf("a silent client was let go after %v", silent)
		}
	})
}

// TestLateRequest has a client ask when it has been silent for almost too long,
// and be slow to take the answer: that wait begins with the answer.
func TestLateRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		client, serverSide := net.Pipe()
		defer client.Close()
		go s.converse(t.Context(), serverSide, localhost)
		conn := framing.NewConn(client)
		time.Sleep(s.connIdle - time.Second)
		conn.SendText(`{"op":"hello"}`)
		time.Sleep(2 * time.Second)
		conn.SetReadDeadline(time.Now().Add(time.Second))
		if got, err := conn.ReceiveText(); got != `{"ok":true,"known":false}` {
			t.Errorf("the answer to a late request is %q, %v", got, err)
		}
	})
}

// TestStop stops the server with a silent client, and with one whose password
// is being hashed: the former leaves at once, the latter gets its answer.
func TestStop(t *testing.T) {
	s := newServer(t).withAnna(t)
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { s.run(ctx, serverSocket); close(served) }()
	dial(t, serverSocket.Addr().String()).ask(request{Op: "hello"})
	busy := dial(t, serverSocket.Addr().String())
	busy.ask(request{Op: "hello"})

	for range cap(s.hashing.cores) {
		s.hashing.cores <- struct{}{} // no core is free
	}
	answered := make(chan answer)
	go func() { answered <- busy.ask(request{Op: "login", User: "anna", Password: annasPassword}) }()
	for len(s.hashing.places) == 0 {
		runtime.Gosched() // until it waits
	}
	start := time.Now()
	stop()
	<-s.hashing.cores
	if a := <-answered; !a.OK {
		t.Errorf("login while the server stops = %+v", a)
	}
	<-served
	if took := time.Since(start); took > stopLimit/2 {
		t.Errorf("stopping took %v", took)
	}
}

// TestBusy has all cores and the whole queue taken.
func TestBusy(t *testing.T) {
	s := newServer(t).withAnna(t)
	token := s.loginAnna(t)
	for range cap(s.hashing.places) {
		s.hashing.places <- struct{}{}
	}
	for _, r := range []request{
		{Op: "login", User: "anna", Password: annasPassword},
		{Op: "register", User: "boris", Password: newPassword},
		{Op: "passwd", User: "anna", Password: annasPassword, New: newPassword},
	} {
		if a := s.ask(r); a.Error != errBusy.Error() {
			t.Errorf("%s when the server is busy = %+v", r.Op, a)
		}
	}
	for _, r := range []request{{Op: "hello"}, {Op: "whoami", Token: token}, {Op: "logout", Token: token}} {
		if a := s.ask(r); !a.OK {
			t.Errorf("%s when the server is busy = %+v", r.Op, a)
		}
	}
}

func TestCrowd(t *testing.T) {
	var c crowd
	one, same, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8:1::1")
	for range maxFromOnePlace {
		if !c.enter(one) {
			t.Fatal("a client is refused")
		}
	}
	if c.enter(same) || !c.enter(other) {
		t.Error("one place may have more clients than it should, or takes those of another")
	}
	c.leave(one)
	if !c.enter(same) {
		t.Error("a client who leaves makes no room")
	}
	for range maxFromOnePlace {
		c.leave(one)
	}
	c.leave(other)
	if len(c.count) > 0 {
		t.Errorf("when all have left, %v are counted", c.count)
	}
}

// TestFlood has 200 clients log in at once: each gets an answer.
func TestFlood(t *testing.T) {
	s := newServer(t).withAnna(t)
	s.iterations = 10_000
	addr := startServer(t, s)
	var clients sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for range 200 {
		client := dial(t, addr)
		clients.Go(func() {
			a := client.ask(request{Op: "login", User: "anna", Password: annasPassword})
			mu.Lock()
			defer mu.Unlock()
			answers[a.Error]++
		})
	}
	clients.Wait()
	if answers[""] == 0 || answers[""]+answers[errBusy.Error()] != 200 {
		t.Errorf("200 logins at once are answered with %v", answers)
	}
}

// TestSameTime compares a wrong password with an unknown user, and with one
// whose hash is of an older time. Each takes turns with the others, and what
// counts is the fastest of many: all else is the work of other programs.
func TestSameTime(t *testing.T) {
	s := newServer(t)
	s.iterations = 100
	if a := s.ask(request{Op: "register", User: "older", Password: annasPassword}); !a.OK {
		t.Fatalf("register = %+v", a)
	}
	s.iterations = 20_000
	s.withAnna(t)
	fastest := map[string]time.Duration{}
	for range 25 {
		for _, user := range []string{"anna", "nobody", "older", "no user's name!"} {
			s.guessing = newGuessing()
			start := time.Now()
			if a := s.ask(request{Op: "login", User: user, Password: newPassword}); a.Error != errLogin.Error() {
				t.Fatalf("login of %s = %+v", user, a)
			}
			took := time.Since(start)
			fastest[user] = min(took, cmp.Or(fastest[user], took))
		}
	}
	for user, took := range fastest {
		if ratio := float64(took) / float64(fastest["anna"]); ratio < 0.7 || ratio > 1.4 {
			t.Errorf("a login of %q takes %.2f times as long as one with a wrong password", user, ratio)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, text := range []string{
		`{"op":"hello"}`,
		`{"op":"login","user":"anna","password":"\ud83d\ude00"}`,
		`{"op":"passwd","password":"a","new":"b","x":[{}],"user":"anna"}`,
		`{"op":"hello","op":1}`,
		`{"op":"hello"}}`,
		`{"a":{"op":"hello"}}`,
		`[[[`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := decodeRequest([]byte(text))
		if err != nil {
			return
		}
		var reference map[string]any
		if err := json.Unmarshal([]byte(text), &reference); err != nil {
			t.Fatalf("decodeRequest(%q) = %+v, but it is not a JSON object: %v", text, r, err)
		}
		for key, got := range map[string]string{"op": r.Op, "user": r.User, "password": r.Password, "new": r.New, "token": r.Token, "name": r.Name} {
			if want, there := reference[key]; there && want != got || !there && got != "" {
				t.Errorf("decodeRequest(%q) has %q for %q, want %v", text, got, key, want)
			}
		}
		encoded, err := json.Marshal(r)
		if again, err2 := decodeRequest(encoded); err != nil || err2 != nil || again != r {
			t.Errorf("%+v was decoded, but sent and decoded again it is %+v, %v, %v", r, again, err, err2)
		}
	})
}

// The benchmarks ask whoami over 1 and over 32 connections, and compare that
// with a server that sends each message back; and they log in as many at once
// as there are cores, and compare that with bare hashing.

func BenchmarkWhoami(b *testing.B) {
	s := newServer(b).withAnna(b)
	token := s.loginAnna(b)
	benchmarkExchange(b, startServer(b, s), fmt.Sprintf(`{"op":"whoami","token":"%s"}`, token), `{"ok":true,"user":"anna"}`)
}

func BenchmarkEcho(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			socket, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			go func() {
				defer socket.Close()
				conn := framing.NewConn(socket)
				for {
					message, err := conn.Receive()
					if err != nil || conn.Send(message) != nil {
						return
					}
				}
			}()
		}
	}()
	message := `{"op":"whoami","token":"` + strings.Repeat("A", 43) + `"}`
	benchmarkExchange(b, listener.Addr().String(), message, message)
}

func benchmarkExchange(b *testing.B, addr, request, want string) {
	for _, connections := range []int{1, 32} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			peers := make([]*peer, connections)
			for i := range peers {
				peers[i] = dial(b, addr)
			}
			b.ResetTimer()
			var working sync.WaitGroup
			for i, peer := range peers {
				working.Go(func() {
					for range (b.N + i) / connections {
						if err := peer.conn.SendText(request); err != nil {
							b.Error(err)
							return
						}
						if answer, err := peer.conn.ReceiveText(); err != nil || answer != want {
							b.Errorf("the answer is %q, %v", answer, err)
							return
						}
					}
				})
			}
			working.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

func BenchmarkWhoamiInFlood(b *testing.B) {
	server := program(b, "server", "-addr", "127.0.0.1:0")
	addr, _ := startProgram(b, server)
	client := dial(b, addr)
	client.ask(request{Op: "register", User: "anna", Password: annasPassword})
	token := client.ask(request{Op: "login", User: "anna", Password: annasPassword}).Token
	stop := make(chan struct{})
	var flood sync.WaitGroup
	defer flood.Wait()
	defer close(stop)
	var logins atomic.Int64
	for range 200 {
		other := dial(b, addr)
		flood.Go(func() {
			for {
				if other.ask(request{Op: "login", User: "anna", Password: annasPassword}).OK {
					logins.Add(1)
				}
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Millisecond):
				}
			}
		})
	}

	b.ResetTimer()
	var times []time.Duration
	for range b.N {
		start := time.Now()
		// The token may have been ended by so many logins: that is an answer too.
		client.ask(request{Op: "whoami", Token: token})
		times = append(times, time.Since(start))
		time.Sleep(2 * time.Millisecond)
	}
	slices.Sort(times)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(times[len(times)*99/100].Seconds()*1000, "p99-ms")
	b.ReportMetric(float64(logins.Load())/b.Elapsed().Seconds(), "logins/s")
}
