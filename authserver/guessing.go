package main

import (
	"container/list"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Whoever guesses passwords has to wait. Failures are counted in two ways:
//
//   - for the place they come from, whatever the account. From the fifth on, each
//     doubles its wait, from a second to maxPlaceWait;
//   - for the account they aim at, whatever the place: guessing from many places
//     is slowed as well. This wait stays below maxAccountWait, and places from
//     where the user has logged in before are exempt, or else a stranger could
//     lock the user out by failing all the time.
//
// Unknown accounts are counted like the others, so that waiting does not tell
// which exist. A successful login takes back the failures of this account from
// this place, and no others: an attacker who has an account too gains nothing
// by logging in between two guesses.
const (
	freeFailures   = 5
	maxPlaceWait   = 15 * time.Minute
	maxAccountWait = 8 * time.Second
	forgetAfter    = time.Hour // without a failure
	knownFor       = 30 * 24 * time.Hour

	// Each failure has cost a hash: at 20 a second, an hour of them fits.
	maxRecords = 100_000
)

type guessing struct {
	mu       sync.Mutex
	failures *recent[target, failureCount]
	known    *recent[target, struct{}] // accounts with the places they have logged in from
}

// A target is an account, a place, or an account as seen from a place.
type target struct {
	account string
	place   netip.Prefix
}

type failureCount struct {
	failures int
	until    time.Time // when the next try is allowed
}

func newGuessing() *guessing {
	return &guessing{
		failures: newRecent[target, failureCount](forgetAfter),
		known:    newRecent[target, struct{}](knownFor),
	}
}

// place returns the network that is taken for one place: a home or a phone has
// 2^64 addresses of IPv6.
func place(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.WithZone("").Prefix(bits)
	return network
}

// A waitError tells how long to wait before the next try.
type waitError time.Duration

func (w waitError) Error() string {
	seconds := (time.Duration(w) + time.Second - 1) / time.Second
	return fmt.Sprintf("too many failures: try again in %d s", seconds)
}

// allow returns a waitError while addr or the account has to wait.
func (g *guessing) allow(account string, addr netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	wait := g.failures.get(target{place: place(addr)}, now).until.Sub(now)
	if !g.known.has(target{account, place(addr)}, now) {
		wait = max(wait, g.failures.get(target{account: account}, now).until.Sub(now))
	}
	if wait > 0 {
		return waitError(wait)
	}
	return nil
}

// failed counts a failure.
func (g *guessing) failed(account string, addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.count(target{place: place(addr)}, maxPlaceWait, now)
	g.count(target{account: account}, maxAccountWait, now)
	g.count(target{account, place(addr)}, 0, now)
}

func (g *guessing) count(t target, maxWait time.Duration, now time.Time) {
	record := g.failures.get(t, now)
	record.failures++
	if over := record.failures - freeFailures; over >= 0 {
		record.until = now.Add(min(time.Second<<min(over, 20), maxWait))
	}
	g.failures.put(t, record, now)
}

// succeeded takes the failures of the account from addr back.
func (g *guessing) succeeded(account string, addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	pair := target{account, place(addr)}
	g.known.put(pair, struct{}{}, now)
	own := g.failures.get(pair, now).failures
	if own == 0 {
		return
	}
	g.failures.remove(pair)
	for _, t := range []target{{place: place(addr)}, {account: account}} {
		if record := g.failures.get(t, now); record.failures > own {
			record.failures -= own
			g.failures.put(t, record, now)
		} else {
			g.failures.remove(t)
		}
	}
}

// A recent is a map that forgets what was not put into it for a time, and the
// oldest when it is full.
type recent[K comparable, V any] struct {
	keepFor  time.Duration
	elements map[K]*list.Element
	order    *list.List // of entries, the oldest first
}

type entry[K comparable, V any] struct {
	key   K
	value V
	put   time.Time
}

func newRecent[K comparable, V any](keepFor time.Duration) *recent[K, V] {
	return &recent[K, V]{keepFor: keepFor, elements: map[K]*list.Element{}, order: list.New()}
}

func (r *recent[K, V]) has(key K, now time.Time) bool {
	element, ok := r.elements[key]
	return ok && now.Sub(element.Value.(entry[K, V]).put) < r.keepFor
}

func (r *recent[K, V]) get(key K, now time.Time) (value V) {
	if r.has(key, now) {
		value = r.elements[key].Value.(entry[K, V]).value
	}
	return value
}

func (r *recent[K, V]) put(key K, value V, now time.Time) {
	r.remove(key)
	r.elements[key] = r.order.PushBack(entry[K, V]{key, value, now})
	for {
		oldest := r.order.Front().Value.(entry[K, V])
		if len(r.elements) <= maxRecords && now.Sub(oldest.put) < r.keepFor {
			return
		}
		r.remove(oldest.key)
	}
}

func (r *recent[K, V]) remove(key K) {
	if element, ok := r.elements[key]; ok {
		r.order.Remove(element)
		delete(r.elements, key)
	}
}
