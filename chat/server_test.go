package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"socketlab/framing"
)

func newServer() *server {
	return &server{room: newRoom(1000, 50), idle: time.Minute}
}

// startServer runs s on a free port until the test is over.
func startServer(tb testing.TB, s *server) (addr string) {
	tb.Helper()
	addr, stop := startStoppable(tb, s)
	tb.Cleanup(stop)
	return addr
}

// startStoppable runs s on a free port until stop is called, which waits for
// its end.
func startStoppable(tb testing.TB, s *server) (addr string, stop func()) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { s.serve(ctx, listener); close(served) }()
	return listener.Addr().String(), func() { cancel(); <-served }
}

// A peer is a client that speaks the protocol and nothing else.
type peer struct {
	*framing.Conn
	tb testing.TB
}

func dial(tb testing.TB, addr string) *peer {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{framing.NewConn(conn), tb}
}

// enter dials and has the server take the name.
func enter(tb testing.TB, addr, name string) *peer {
	tb.Helper()
	p := dial(tb, addr)
	p.say(name)
	if welcome := p.hear(); !strings.HasPrefix(welcome, "* welcome "+name) {
		tb.Fatalf("%s is told %q", name, welcome)
	}
	return p
}

func (p *peer) say(text string) {
	p.tb.Helper()
	if err := p.Send([]byte(text)); err != nil {
		p.tb.Fatal(err)
	}
}

func (p *peer) hear() string {
	p.tb.Helper()
	text, err := p.ReceiveText()
	if err != nil {
		p.tb.Fatal(err)
	}
	return text
}

// expect hears what begins with want.
func (p *peer) expect(want ...string) {
	p.tb.Helper()
	for _, want := range want {
		if got := p.hear(); got != want && !(strings.HasSuffix(want, "…") && strings.HasPrefix(got, strings.TrimSuffix(want, "…"))) {
			p.tb.Errorf("heard %q, want %q", got, want)
		}
	}
}

// expectEnd hears that the server hangs up.
func (p *peer) expectEnd() {
	p.tb.Helper()
	if text, err := p.ReceiveText(); err != io.EOF {
		p.tb.Errorf("heard %q, %v, want the end of the stream", text, err)
	}
}

func TestHandshake(t *testing.T) {
	s := newServer()
	s.room.max = 2
	addr := startServer(t, s)
	anna := enter(t, addr, "Anna")
	for name, want := range map[string]string{
		"anna":                    "! the name is taken: Anna",
		"":                        "! a name has…",
		"an na":                   "! a name has…",
		"\xff":                    "! a name has…",
		strings.Repeat("a", 21):   "! a name has…",
		strings.Repeat("a", 4097): "! a line has at most 4096 bytes",
	} {
		p := dial(t, addr)
		p.say(name)
		p.say("a line that comes too early") // must not cost it the reason
		p.expect(want)
		p.expectEnd()
	}
	enter(t, addr, "bob")
	carol := dial(t, addr)
	carol.say("carol")
	carol.expect("! the server is full")
	carol.expectEnd()
	anna.expect("* bob joined")
}

// TestNameIsFree has a client come back as soon as it has gone: politely, with
// the end of the stream, with a reset. It does not wait for the server to notice.
func TestNameIsFree(t *testing.T) {
	addr := startServer(t, newServer())
	bob := enter(t, addr, "bob")
	for i := range 99 {
		anna := enter(t, addr, "anna")
		bob.expect("* anna joined")
		switch i % 3 {
		case 0:
			anna.say("/quit")
		case 1:
			anna.Close()
		case 2:
			anna.Conn.Conn.(*net.TCPConn).SetLinger(0)
			anna.Close()
		}
		anna = enter(t, addr, "anna")
		bob.expect("* anna left…", "* anna joined")
		anna.say("/nick carol")
		bob.expect("* anna is now carol")
		enter(t, addr, "anna").say("/quit")
		bob.expect("* anna joined", "* anna left")
		anna.say("/quit")
		anna.expect("* anna is now carol", "* anna joined", "* anna left")
		anna.expectEnd()
		bob.expect("* carol left")
	}
}

func TestCommands(t *testing.T) {
	tests := []struct {
		line      string
		toSpeaker []string // anna
		toOther   []string // bob
	}{
		{"hello", nil, []string{"<anna> hello"}},
		{"  two  words ", nil, []string{"<anna>   two  words "}},
		{" /who", nil, []string{"<anna>  /who"}},
		{"<bob> * ! hello", nil, []string{"<anna> <bob> * ! hello"}},
		{"привет 👋", nil, []string{"<anna> привет 👋"}},
		{"one\n<bob> two\x1b[2J\r", nil, []string{"<anna> one<bob> two[2J"}},
		{strings.Repeat("я", 2048), nil, []string{"<anna> " + strings.Repeat("я", 2048)}},
		{"", nil, nil},
		{" \t\n", nil, nil},
		{"not \xff text", []string{"! your line is not UTF-8 text"}, nil},
		{"/who", []string{"* 2 here: anna, bob"}, nil},
		{"/who is here", []string{"* 2 here: anna, bob"}, nil},
		{"/help", []string{"* /who…", "* /msg NAME TEXT…", "* /me ACTION…", "* /nick NAME…", "* /help…", "* /quit…"}, nil},
		{"/me", []string{"! what do you do? /me ACTION"}, nil},
		{"/me  is  away ", []string{"* anna is  away"}, []string{"* anna is  away"}},
		{"/msg", []string{"! what to whom?…"}, nil},
		{"/msg bob", []string{"! what to whom?…"}, nil},
		{"/msg bob  ", []string{"! what to whom?…"}, nil},
		{"/msg carol hi", []string{"! nobody here is called carol"}, nil},
		{"/MSG BOB  psst  you ", nil, []string{"[anna] psst  you"}},
		{"/msg anna note", []string{"[anna] note"}, nil},
		{"/nick", []string{"! what name? /nick NAME"}, nil},
		{"/nick bob", []string{"! the name is taken: bob"}, nil},
		{"/nick BOB", []string{"! the name is taken: bob"}, nil},
		{"/nick an na", []string{"! a name has…"}, nil},
		{"/nick anna", []string{"! that is your name"}, nil},
		{"/nick Anna", []string{"* anna is now Anna"}, []string{"* anna is now Anna"}},
		{"/nick анна", []string{"* Anna is now анна"}, []string{"* Anna is now анна"}},
		{"/nick anna", []string{"* анна is now anna"}, []string{"* анна is now anna"}},
		{"/dance", []string{"! no command /dance…"}, nil},
		{"/", []string{"! no command /:…"}, nil},
		{"//", []string{"! no command //:…"}, nil},
		{"/QUIT now", nil, []string{"* anna left"}},
	}
	addr := startServer(t, newServer())
	bob := enter(t, addr, "bob")
	anna := enter(t, addr, "anna")
	bob.expect("* anna joined")
	for _, test := range tests {
		t.Logf("%.40q", test.line)
		anna.say(test.line)
		anna.expect(test.toSpeaker...)
		bob.expect(test.toOther...)
	}
	anna.expectEnd()
}

func TestHistory(t *testing.T) {
	s := newServer()
	s.room.history.max = 3
	addr := startServer(t, s)
	anna := enter(t, addr, "anna")
	for i := range 5 {
		anna.say(fmt.Sprint("line ", i))
	}
	anna.say("/msg anna a secret")
	anna.say("/me waves")
	anna.expect("[anna] a secret", "* anna waves")
	bob := enter(t, addr, "bob")
	bob.expect("<anna> line 3", "<anna> line 4", "* anna waves")
	anna.say("live")
	bob.expect("<anna> live")
}

// TestHistoryIsBounded has the longest history that can be asked for and the
// longest lines.
func TestHistoryIsBounded(t *testing.T) {
	packet := encode("<" + strings.Repeat("я", 20) + "> " + strings.Repeat("x", maxLine))
	h := history{max: 1000}
	for range 2000 {
		h.add(packet)
	}
	if n := len(h.packets); n < 50 || n*len(packet) != h.size || h.size > maxQueue/2 {
		t.Errorf("the history has %d lines and %d bytes, want 50 lines at least and %d bytes at most", n, h.size, maxQueue/2)
	}
	none := history{max: 0}
	if none.add(packet); len(none.packets) != 0 || none.size != 0 {
		t.Errorf("a history of no lines has %d", len(none.packets))
	}
}

// TestOrder has many speak at the same time.
func TestOrder(t *testing.T) {
	const speakers, listeners, lines = 40, 10, 50
	addr := startServer(t, newServer())
	var peers []*peer
	for i := range listeners + speakers {
		peers = append(peers, enter(t, addr, fmt.Sprint("p", i)))
	}
	last := len(peers) - 1
	for i, p := range peers { // so that none has anything left of the others' joining
		for j := i + 1; j <= last; j++ {
			p.expect(fmt.Sprintf("* p%d joined", j))
		}
	}

	heard := make([][]string, len(peers))
	var working sync.WaitGroup
	for i, p := range peers {
		working.Go(func() {
			total := speakers * lines
			if i >= listeners {
				total -= lines // its own
			}
			for range total {
				text, err := p.ReceiveText()
				if err != nil {
					t.Errorf("p%d: %v", i, err)
					return
				}
				heard[i] = append(heard[i], text)
			}
		})
		if i >= listeners {
			working.Go(func() {
				for n := range lines {
					p.SendText(fmt.Sprint("line ", n))
				}
			})
		}
	}
	working.Wait()

	for i := range peers {
		order := heard[0]
		if i >= listeners { // it does not hear itself
			own := fmt.Sprintf("<p%d> ", i)
			order = slices.DeleteFunc(slices.Clone(order), func(text string) bool { return strings.HasPrefix(text, own) })
		}
		if !slices.Equal(heard[i], order) {
			t.Errorf("p%d heard another order than p0", i)
		}
	}
}

// TestSlowReader has one client stop reading, until it is let go. Nobody else
// may notice more than that.
func TestSlowReader(t *testing.T) {
	s := newServer()
	addr := startServer(t, s)
	slow := enter(t, addr, "slow")
	listener := enter(t, addr, "listener")
	speaker := enter(t, addr, "speaker")
	listener.expect("* speaker joined")

	line := strings.Repeat("x", 4000)
	for n := 0; ; n++ {
		if n > 10000 {
			t.Fatal("40 MB were said, and the client that does not read is still there")
		}
		speaker.say(line)
		if text := listener.hear(); text == "* slow left (too slow to read what is said)" {
			break
		} else if text != "<speaker> "+line {
			t.Fatalf("heard %.80q", text)
		}
	}
	enter(t, addr, "slow") // the name is free
	for {
		if _, err := slow.Receive(); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the connection of the slow client is open")
		} else if err != nil {
			break
		}
	}
}

// TestSegments sends the same stream in one segment, and byte by byte.
func TestSegments(t *testing.T) {
	addr := startServer(t, newServer())
	bob := enter(t, addr, "bob")
	var stream []byte
	for _, text := range []string{"anna", "one", "", "/me two", "три", "/quit", "too late"} {
		stream = framing.Append(stream, text)
	}
	for _, chunk := range []int{1, 2, 3, 5, 100} {
		anna := dial(t, addr)
		for part := range slices.Chunk(stream, chunk) {
			if _, err := anna.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		bob.expect("* anna joined", "<anna> one", "* anna two", "<anna> три", "* anna left")
	}
}

func TestBrokenStream(t *testing.T) {
	addr := startServer(t, newServer())
	bob := enter(t, addr, "bob")
	for stream, told := range map[string]string{
		"\x00\x00":              "",
		"\x00\x00\x00\x0ahello": "",
		"\x00\x00\x10\x01x":     "! a line has at most 4096 bytes",
		"\xff\xff\xff\xff":      "! a line has at most 4096 bytes",
		"GET / HTTP/1.1\r\n":    "! a line has at most 4096 bytes",
	} {
		anna := enter(t, addr, "anna")
		io.WriteString(anna.Conn, stream)
		if told != "" {
			bob.expect("* anna joined")
			anna.expect(told)
		} else {
			anna.Conn.Conn.(*net.TCPConn).CloseWrite()
			bob.expect("* anna joined")
		}
		bob.expect("* anna left (…")
		for { // what was said before anna came
			if _, err := anna.ReceiveText(); err != nil {
				if err != io.EOF {
					t.Errorf("after %q the connection ends with %v", stream, err)
				}
				break
			}
		}
	}
}

// TestStop stops the server with clients connected: one that hangs up, one that
// never does, and one that has not said its name.
func TestStop(t *testing.T) {
	addr, stop := startStoppable(t, newServer())
	anna, bob, nameless := enter(t, addr, "anna"), enter(t, addr, "bob"), dial(t, addr)
	anna.expect("* bob joined")
	start := time.Now()
	stop()
	if took := time.Since(start); took > hangUpLimit {
		t.Errorf("stopping took %v", took)
	}
	for _, p := range []*peer{anna, bob} {
		p.expect("* the server is stopping")
		p.expectEnd()
	}
	if text, err := nameless.ReceiveText(); text != "! the server is stopping" && err == nil {
		t.Errorf("one without a name is told %q", text)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("the server still accepts")
	}
}

// bubble runs a room in virtual time and returns a client that talks to s over
// a net.Pipe.
func bubble(t *testing.T, s *server, test func(p *peer)) {
	synctest.Test(t, func(t *testing.T) {
		s.room = newRoom(10, 50)
		var working sync.WaitGroup
		working.Go(s.room.run)
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() { s.serveClient(t.Context(), theirs); close(done) }()
		test(&peer{framing.NewConn(ours), t})
		ours.Close()
		<-done
		close(s.room.actions)
		working.Wait()
	})
}

func TestRate(t *testing.T) {
	bubble(t, &server{rate: 10, idle: time.Minute}, func(p *peer) {
		go func() {
			p.SendText("anna")
			for range 35 {
				p.SendText("/me counts")
			}
		}()
		p.expect("* welcome…")
		start := time.Now()
		var came [4]int // in each second
		notices := 0
		for range 35 + 3 {
			if text := p.hear(); text == "* anna counts" {
				came[time.Since(start)/time.Second]++
			} else if strings.HasPrefix(text, "! not more than 10 messages a second") {
				notices++
			}
		}
		if want := [4]int{10, 10, 10, 5}; came != want || notices != 3 {
			t.Errorf("in each second came %v messages, with %d notices; want %v and 3", came, notices, want)
		}
	})
}

// TestGoneWithLinesWaiting has a client send more than the rate allows, and go.
func TestGoneWithLinesWaiting(t *testing.T) {
	s := &server{rate: 1, idle: time.Minute}
	bubble(t, s, func(p *peer) {
		p.say("anna")
		p.expect("* welcome…")
		var stream []byte
		for range 100 {
			stream = framing.Append(stream, "x")
		}
		if _, err := p.Write(stream); err != nil {
			t.Error(err)
		}
		p.expect("! not more than 1 messages a second…")
		p.Close()
		time.Sleep(5 * time.Second)
		members := make(chan int, 1)
		s.room.actions <- func() { members <- len(s.room.members) }
		if n := <-members; n != 0 {
			t.Error("a client that is gone is still a member after 5 s, for lines that wait their turn")
		}
	})
}

func TestIdle(t *testing.T) {
	bubble(t, &server{idle: time.Minute}, func(p *peer) {
		p.say("anna")
		p.expect("* welcome…")
		for range 3 { // a sign of life
			time.Sleep(59 * time.Second)
			p.say("")
		}
		start := time.Now()
		p.expect("! silent for 1m0s")
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("a silent client is let go after %v", waited)
		}
	})
}

// TestStopInHandshake stops the server before a newcomer has said its name. The
// answer must not be taken for a welcome.
func TestStopInHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() { newServer().serveClient(ctx, theirs); close(done) }()
		synctest.Wait() // until it waits for the name
		stop()
		p := &peer{framing.NewConn(ours), t}
		p.expect("! the server is stopping")
		ours.Close()
		<-done
	})
}

func TestHandshakeLimit(t *testing.T) {
	bubble(t, &server{idle: time.Hour}, func(p *peer) {
		start := time.Now()
		p.Write([]byte{0, 0}) // half a prefix does not count
		p.expect("! silent for 10s")
		if waited := time.Since(start); waited != handshakeLimit {
			t.Errorf("a client without a name is let go after %v", waited)
		}
	})
}

// TestWho has so many members that one line is too short for them.
func TestWho(t *testing.T) {
	r := newRoom(1000, 0)
	var want []string
	for i := range 500 {
		name := fmt.Sprintf("имя%03d", i)
		want = append(want, name)
		r.members[key(name)] = &member{name: name, queue: newQueue()}
	}
	m := r.members["имя000"]
	r.list(m)
	var got []string
	for _, line := range texts(t, m) {
		if len(line) > maxLine {
			t.Errorf("a line of %d bytes", len(line))
		}
		line, _ = strings.CutPrefix(line, "* 500 here: ")
		line, _ = strings.CutPrefix(line, "* and ")
		got = append(got, strings.Split(line, ", ")...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("/who lists %q", got)
	}
}

// texts returns what waits for m.
func texts(t testing.TB, m *member) (texts []string) {
	m.queue.close()
	packets := m.queue.take()
	if packets == nil {
		return nil
	}
	conn := framing.NewConn(streamConn{reader: packets})
	for {
		text, err := conn.ReceiveText()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
}

type streamConn struct {
	net.Conn
	reader io.Reader
}

func (c streamConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// FuzzLine has a client say any bytes. Whatever they are, others get lines of
// text, each in one of the forms of the protocol.
func FuzzLine(f *testing.F) {
	for _, line := range []string{"hello", "/who", "/msg bob hi", "/me waves", "/nick carol", "/nick BOB", "/help", "/x", "/", "\x1b[2J", "\u2028"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if len(line) > maxLine || !utf8.ValidString(line) { // framing refuses those
			return
		}
		r := newRoom(10, 50)
		anna, bob := &member{queue: newQueue()}, &member{queue: newQueue()}
		r.enter(anna, "anna")
		r.enter(bob, "bob")
		command, rest := parseLine(printable(line))
		r.obey(anna, command, rest)
		if r.members[key(anna.name)] != anna || r.members["bob"] != bob || len(r.members) != 2 {
			t.Errorf("after %q the members are %v", line, r.members)
		}
		for _, m := range []*member{anna, bob} {
			for _, text := range texts(t, m) {
				if printable(text) != text || text == "" || !strings.ContainsRune("*!<[", rune(text[0])) || len(text) > maxLine+200 {
					t.Errorf("after %q %s is sent %q", line, m.name, text)
				}
				if text[0] == '<' && !strings.HasPrefix(text, "<anna> ") || text[0] == '[' && !strings.HasPrefix(text, "[anna] ") {
					t.Errorf("with %q anna speaks as another: %q", line, text)
				}
			}
		}
	})
}
