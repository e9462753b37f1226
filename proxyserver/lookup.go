package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"time"
)

// A lookup is what the cache has for a request, and what is to be done with it.
type lookup struct {
	proxy  *proxy
	now    time.Time // when it was looked for
	stored *stored   // nil if there is nothing
	file   *os.File  // with its body, if that is not in memory

	usable     bool        // as the answer, without asking the origin
	filling    *filling    // or this, the answer to another request that is still coming in
	flight     *flight     // what others wait on, if this request leads them
	failed     error       // what the request met with that this one has waited on
	conditions http.Header // to ask the origin with, whether what is stored is still good
	forward    string      // why the origin is asked, in the words of RFC 9211
	detail     string      // for Cache-Status
}

// lookUp looks for a response that may answer m. If there is none, but another
// request for the same is on its way, it waits for the head of that's answer.
func (p *proxy) lookUp(ctx context.Context, m *message) *lookup {
	l := &lookup{proxy: p, now: time.Now()}
	switch {
	case m.Method != http.MethodGet && m.Method != http.MethodHead:
		l.forward = "method"
		return l
	case m.hasBody || m.conditionForOrigin():
		l.forward = "bypass"
		return l
	}
	l.search(m)
	if l.usable || !m.plain() || m.cc.noCache || m.cc.noStore || m.cc.onlyIfCached || p.cache.alone(m.url) {
		return l
	}
	flight, leads := p.cache.join(m.url)
	if leads {
		l.flight = flight
	} else {
		select {
		case <-flight.decided:
		case <-ctx.Done():
			return l
		}
		if f := flight.filling; f != nil && f.shares(m, time.Now()) && f.read() {
			l.filling = f
			return l
		}
		l.failed, l.detail = flight.failed, "; collapsed"
	}
	// What was on its way may have come in between the search and here.
	l.search(m)
	if l.usable {
		l.decide(nil)
	}
	return l
}

// search looks into the store.
func (l *lookup) search(m *message) {
	l.close()
	l.now, l.usable, l.conditions, l.stored, l.forward = time.Now(), false, nil, nil, "miss"
	for _, stored := range l.proxy.cache.find(m.url) {
		if !stored.selection.matches(m.Header) {
			continue
		}
		if stored.body == nil && stored.length > 0 {
			var err error
			if l.file, err = l.proxy.cache.open(stored); err != nil {
				l.file = nil
				continue
			}
		}
		l.stored = stored
		break
	}
	if l.stored == nil {
		return
	}
	l.proxy.cache.use(l.stored.item, l.now)
	var revalidate bool
	if l.usable, revalidate = l.stored.usable(&m.cc, l.now); l.usable {
		if revalidate {
			l.proxy.revalidate(m)
		}
		return
	}
	l.forward = "stale"
	if l.stored.staleness(l.now) < 0 && !l.stored.cc.noCache {
		l.forward = "request"
	}
	if conditions := l.stored.validators(); m.Method == http.MethodGet && len(conditions) > 0 {
		l.conditions = conditions
	}
}

// fail tells those who wait on this request that the origin has failed: to ask
// again, each for itself, would make them wait for the same once more.
func (l *lookup) fail(err error) {
	if refused := (*refusal)(nil); l.flight != nil && errors.As(err, &refused) {
		l.flight.failed = err
	}
	l.decide(nil)
}

// decide tells those who wait on this request what there is for them.
func (l *lookup) decide(filling *filling) {
	if l.flight != nil {
		l.flight.decide(filling)
		l.flight = nil
	}
}

func (l *lookup) close() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

// release gives back all that the lookup holds.
func (l *lookup) release() {
	l.decide(nil)
	l.close()
	if l.filling != nil {
		l.filling.leave()
		l.filling = nil
	}
}

// instead reports whether what is stored is to be the answer in place of that of
// the origin, which has failed.
func (l *lookup) instead(m *message, r *response, err error) bool {
	code := 0
	if err == nil {
		code = r.code
	} else if refused := (*refusal)(nil); !errors.As(err, &refused) || refused.code == http.StatusLoopDetected {
		return false
	}
	if l.stored == nil || !l.stored.usableOnError(code, &m.cc, time.Now()) {
		return false
	}
	l.detail = "; fwd=stale"
	if code > 0 {
		l.detail += fmt.Sprint("; fwd-status=", code)
	}
	return true
}

// explain makes 504 of an error that keeps what is stored from being validated,
// as it has to be (RFC 9111, section 5.2.2.2).
func (l *lookup) explain(err error) error {
	var refused *refusal
	if l.stored == nil || !l.stored.neverStale() || !errors.As(err, &refused) || refused.code != http.StatusBadGateway {
		return err
	}
	again := *refused
	again.code = http.StatusGatewayTimeout
	again.reason += ", and what is stored may not be used without asking"
	return &again
}

// learn draws from the answer of an origin what it means for what is stored. It
// reports whether that was found to be good still, and is the answer.
func (l *lookup) learn(m *message, r *response) (validated bool) {
	cache := l.proxy.cache
	switch {
	case m.Method == http.MethodHead:
		if r.code < 500 && r.code != http.StatusNotModified {
			cache.freshen(m, r)
		}
	case m.Method == http.MethodOptions || m.Method == http.MethodTrace:
	case m.Method != http.MethodGet:
		// Whatever else a method does, it may change what a GET would get
		// (section 4.4).
		if r.code >= 200 && r.code < 400 {
			cache.invalidate(m.url)
			for _, name := range []string{"Location", "Content-Location"} {
				if url, ok := m.resolve(r.header.Get(name)); ok {
					cache.invalidate(url)
				}
			}
		}
	case r.code == http.StatusNotModified && l.conditions != nil:
		if tag := r.header.Get("Etag"); strings.HasPrefix(tag, `"`) && l.stored.etag != "" && tag != l.stored.etag {
			// It is about another representation, and there is no knowing which
			// (section 4.3.4).
			cache.remove(l.stored.item)
			return false
		}
		updated := l.stored.update(r)
		l.close() // Windows replaces no file that is open
		if !updated.stays(m) {
			// It may answer this once; but then it must not be kept.
			defer cache.remove(l.stored.item)
		} else {
			cache.replace(l.stored, updated)
		}
		detail := fmt.Sprintf("; fwd=%s; fwd-status=304", l.forward)
		l.search(m)
		l.usable = false
		if l.stored == nil || l.stored.length != updated.length || l.stored.checksum != updated.checksum {
			return false // it has gone meanwhile, or another has come in its place
		}
		current := *l.stored
		current.entry = updated
		l.stored, l.detail = &current, detail
		return true
	}
	return false
}

// freshen updates what is stored by the answer to HEAD, which is that to GET
// without the body, or removes it when the answer is about another (section
// 4.3.5).
func (c *cache) freshen(m *message, r *response) {
	for _, stored := range c.find(m.url) {
		if !stored.selection.matches(m.Header) {
			continue
		}
		if updated := stored.update(r); stored.sameAs(r) && updated.stays(m) {
			c.replace(stored, updated)
		} else {
			c.remove(stored.item)
		}
	}
}

// keep begins to store the answer to m, if it may be stored.
func (l *lookup) keep(m *message, r *response, finish func(whole bool)) *filling {
	e := &entry{url: m.url, requested: r.requested, received: r.received, version: r.version, status: r.status, code: r.code,
		header: maps.Clone(r.header), length: r.length}
	if r.body == nil {
		e.length = 0
	}
	e.prepare()
	kept := l.forward != "bypass" && r.sending == nil && e.storable(m) && e.length <= l.proxy.cache.limit
	if m.plain() {
		usable, _ := e.usable(&m.cc, r.received)
		l.proxy.cache.setAlone(m.url, !kept || !usable)
	}
	if !kept {
		if l.stored != nil && m.Method == http.MethodGet && replaces(r.code) {
			l.proxy.cache.remove(l.stored.item)
		}
		return nil
	}
	if e.cc.privateFields != nil || e.cc.noCacheFields != nil {
		e.prepare() // storable has left them out
	}
	return newFilling(l.proxy.cache, e, r, l.flight, finish)
}

// replaces reports whether an answer shows that an older one is no longer what
// a GET gets, even if it may not be stored itself.
func replaces(code int) bool {
	switch code {
	case http.StatusPartialContent, http.StatusNotModified:
		return false
	case http.StatusNotFound, http.StatusGone:
		return true
	}
	return code < 400
}

// revalidate asks the origin in the background whether what is stored for m is
// still good, unless somebody does already.
func (p *proxy) revalidate(m *message) {
	if m.Method != http.MethodGet {
		return
	}
	flight, leads := p.cache.join(m.url)
	if !leads {
		return
	}
	select {
	case p.revalidations <- struct{}{}:
	default: // there are enough of them
		flight.decide(nil)
		return
	}
	p.background.Go(func() {
		defer func() { <-p.revalidations }()
		l := &lookup{proxy: p, flight: flight}
		defer l.release()
		for _, stored := range p.cache.find(m.url) {
			if stored.selection.matches(m.Header) {
				l.stored, l.forward = stored, "stale"
				l.conditions = stored.validators()
				break
			}
		}
		if l.stored == nil {
			return
		}
		r, err := p.ask(p.end, nil, m, l.conditions)
		if err != nil {
			return
		}
		if r.code >= 500 || l.learn(m, r) || r.code == http.StatusNotModified {
			p.finish(r, nil, r.body == nil)
			return
		}
		filling := l.keep(m, r, func(whole bool) { p.finish(r, nil, whole) })
		if filling == nil {
			p.finish(r, nil, r.body == nil)
			return
		}
		l.decide(filling) // its body may take its time
		filling.fill()
		filling.leave()
	})
}

// status tells for Cache-Status why the answer is the origin's.
func (l *lookup) status(r *response) string {
	status := "; fwd=" + l.forward
	if l.conditions != nil {
		status += fmt.Sprint("; fwd-status=", r.code)
	}
	return status
}
