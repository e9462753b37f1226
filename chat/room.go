package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"socketlab/framing"
)

var (
	errFull  = errors.New("the server is full")
	errTaken = errors.New("the name is taken")
)

// breath is how many bytes are said before the room lets the senders run. If it
// never did, those who say a lot could keep it and its processor so busy that
// the queue of a client that does read is full before its sender's turn comes.
const breath = 16 << 10

// A room is who is here and what was said. All of it belongs to the goroutine
// of run: others send what is to be done to actions. So it happens one after
// another, and everybody sees it in this order.
type room struct {
	actions chan func()
	members map[string]*member // by the key of their names
	max     int                // of members
	history history
	said    int // bytes, since the senders were let run
}

func newRoom(max, lines int) *room {
	return &room{actions: make(chan func()), members: make(map[string]*member), max: max, history: history{max: lines}}
}

func (r *room) run() {
	for action := range r.actions {
		action()
	}
}

// join lets m in under a name that nobody else has. Who has lost a connection
// and comes back at once can be faster than the news of the loss, and gets the
// name that it had: the one who seems to have it is given a moment to be gone.
func (r *room) join(m *member, name string) error {
	holder, err := r.try(m, name)
	if holder == nil {
		return err
	}
	select {
	case <-holder.gone:
	case <-time.After(grace):
	}
	_, err = r.try(m, name)
	return err
}

// try lets m in, or says why not and who has the name, if that is why.
func (r *room) try(m *member, name string) (holder *member, err error) {
	tried := make(chan struct{})
	r.actions <- func() {
		defer close(tried)
		if err = r.check(m, name); err != nil {
			holder = r.members[key(name)]
			return
		}
		if len(r.members) >= r.max {
			err = errFull
			return
		}
		r.enter(m, name)
	}
	<-tried
	return holder, err
}

// check says what is wrong with name for m.
func (r *room) check(m *member, name string) error {
	if !isName(name) {
		return errName
	}
	if other := r.members[key(name)]; other != nil && other != m {
		return fmt.Errorf("%w: %s", errTaken, other.name)
	}
	return nil
}

func (r *room) enter(m *member, name string) {
	m.name = name
	r.members[key(name)] = m
	welcome := fmt.Sprintf("* welcome %s, %d here, /help lists the commands", name, len(r.members))
	if n := len(r.history.packets); n > 0 {
		welcome += fmt.Sprintf("; said before (%d):", n)
	}
	m.tell(welcome)
	for _, packet := range r.history.packets {
		m.queue.put(packet)
	}
	r.broadcast(encode("* "+name+" joined"), m)
}

// leave frees the name of m at once. When the server stops, all leave, and
// nobody stays to be told.
func (r *room) leave(m *member, why error) {
	r.actions <- func() {
		delete(r.members, key(m.name))
		close(m.gone)
		switch why {
		case nil:
			r.broadcast(encode("* "+m.name+" left"), nil)
		case errStopping:
		default:
			r.broadcast(encode(fmt.Sprintf("* %s left (%v)", m.name, why)), nil)
		}
	}
}

// broadcast sends one packet to all but one member.
func (r *room) broadcast(packet []byte, except *member) {
	for _, m := range r.members {
		if m != except {
			m.put(packet)
		}
	}
	if r.said += len(packet); r.said >= breath {
		r.said = 0
		runtime.Gosched() // to the end of the line, where the senders wait
	}
}

func encode(text string) []byte { return framing.Append(nil, text) }

// obey does what m says: a command, or "" for a line to all others.
func (r *room) obey(m *member, command, rest string) {
	switch command {
	case "":
		packet := encode("<" + m.name + "> " + rest)
		r.history.add(packet)
		r.broadcast(packet, m)
	case "/me":
		r.act(m, rest)
	case "/msg":
		r.whisper(m, rest)
	case "/nick":
		r.rename(m, rest)
	case "/who":
		r.list(m)
	case "/help":
		for _, line := range help {
			m.tell("* " + line)
		}
	default:
		m.tell(fmt.Sprintf("! no command %s: /help lists those there are, and a space before the / says it to all", command))
	}
}

var help = []string{
	"/who: list who is here",
	"/msg NAME TEXT: say TEXT to NAME alone",
	"/me ACTION: show everybody that you do it",
	"/nick NAME: take another name",
	"/help: list the commands",
	"/quit: leave",
}

// act shows an action to all, and to m as well: it is not a line that m sees
// while typing it.
func (r *room) act(m *member, action string) {
	if action == "" {
		m.tell("! what do you do? /me ACTION")
		return
	}
	packet := encode("* " + m.name + " " + action)
	r.history.add(packet)
	r.broadcast(packet, nil)
}

// whisper says something to one member. It is not part of the history.
func (r *room) whisper(m *member, rest string) {
	name, text, _ := strings.Cut(rest, " ")
	text = strings.TrimSpace(text)
	if text == "" {
		m.tell("! what to whom? /msg NAME TEXT")
		return
	}
	to := r.members[key(name)]
	if to == nil {
		m.tell("! nobody here is called " + name)
		return
	}
	to.tell("[" + m.name + "] " + text)
}

func (r *room) rename(m *member, name string) {
	if name == "" {
		m.tell("! what name? /nick NAME")
		return
	}
	if name == m.name {
		m.tell("! that is your name")
		return
	}
	if err := r.check(m, name); err != nil {
		m.tell("! " + err.Error())
		return
	}
	packet := encode("* " + m.name + " is now " + name)
	delete(r.members, key(m.name))
	m.name = name
	r.members[key(name)] = m
	r.broadcast(packet, nil)
}

// list tells m who is here, in several lines if one is too short for that.
func (r *room) list(m *member) {
	names := make([]string, 0, len(r.members))
	for _, other := range r.members {
		names = append(names, other.name)
	}
	slices.Sort(names)
	line := fmt.Sprintf("* %d here: ", len(names))
	for i, name := range names {
		switch {
		case i == 0:
		case len(line)+len(", ")+len(name) > maxLine:
			m.tell(line)
			line = "* and "
		default:
			line += ", "
		}
		line += name
	}
	m.tell(line)
}

// A history is the last lines, encoded: at most max of them, and no more than a
// newcomer's queue has room for.
type history struct {
	packets [][]byte
	max     int
	size    int // bytes
}

func (h *history) add(packet []byte) {
	h.packets = append(h.packets, packet)
	h.size += len(packet)
	for len(h.packets) > h.max || h.size > maxQueue/2 {
		h.size -= len(h.packets[0])
		h.packets = slices.Delete(h.packets, 0, 1)
	}
}
