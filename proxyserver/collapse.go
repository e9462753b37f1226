package main

import (
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"
)

// inMemory is how much of a response is gathered before it gets a file: a short
// one is written in one go when it is whole.
const inMemory = 64 << 10

// A cache is the store, and what is on its way into it.
type cache struct {
	*store
	mu      sync.Mutex
	flights map[string]*flight   // by URL
	single  map[string]time.Time // URLs whose answers were for one request only, and when
}

const (
	singleFor = time.Minute // after which it is worth a wait again to see
	maxSingle = 4096
)

// alone reports whether the last answer for a URL was for one request only. It is
// better then that all ask at once than that each waits to see the same again.
func (c *cache) alone(url string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.single[url]) < singleFor
}

// setAlone notes whether an answer for a URL was for one request only.
func (c *cache) setAlone(url string, alone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !alone {
		delete(c.single, url)
		return
	}
	if len(c.single) >= maxSingle {
		clear(c.single)
	}
	c.single[url] = time.Now()
}

// A flight is the first of several requests for the same thing. The others wait
// until the head of its answer shows whether it is for them too.
type flight struct {
	cache   *cache
	url     string
	decided chan struct{}
	filling *filling // the answer, if it is for others too; set before decided is closed
	failed  error    // or why there is none, which is so for all of them; set as well

	outdated bool // something has changed since it was asked; under the cache's mu
}

// join returns the flight for a URL, and whether the caller leads it: who leads
// has to call decide.
func (c *cache) join(url string) (f *flight, leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[url]; f != nil {
		return f, false
	}
	f = &flight{cache: c, url: url, decided: make(chan struct{})}
	c.flights[url] = f
	return f, true
}

// decide lets those go on who wait, with what there is for them. With a filling
// the flight can be joined until that is in the store.
func (f *flight) decide(filling *filling) {
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	select {
	case <-f.decided:
		return
	default:
	}
	f.filling = filling
	if filling == nil {
		f.landed()
	}
	close(f.decided)
}

// landed ends the flight; called with the cache's mu held.
func (f *flight) landed() {
	if f.cache.flights[f.url] == f {
		delete(f.cache.flights, f.url)
	}
}

// invalidate removes what is stored for a URL, and keeps what is on its way from
// being stored: it may be of before the change.
func (c *cache) invalidate(url string) {
	c.mu.Lock()
	f := c.flights[url]
	delete(c.flights, url)
	if f != nil {
		f.outdated = true
	}
	c.mu.Unlock()
	if f != nil {
		f.outdate()
	}
	c.store.invalidate(url)
}

func (f *flight) outdate() {
	f.cache.mu.Lock()
	filling := f.filling
	f.cache.mu.Unlock()
	if filling != nil {
		filling.mu.Lock()
		filling.outdated = true
		filling.mu.Unlock()
	}
}

// A filling is a response on its way into the store. It fills as fast as the
// origin sends, and all who want it read it, each at a speed of their own.
type filling struct {
	*entry   // whose length is -1 as long as nobody knows it
	response *response
	flight   *flight // nil if nobody can wait for it
	cache    *cache
	finish   func(whole bool) // is told the end of the response's body

	mu       sync.Mutex
	more     *sync.Cond
	start    []byte   // the body, while it is short
	partial  *partial // the file, when it is not
	offset   int64    // of the body in the file
	checksum uint32   // of the body in the file
	n        int64    // bytes of the body that have come
	readers  int
	done     bool // no more will come
	err      error
	outdated bool
	saved    bool      // a short body, in the store
	rest     io.Reader // of the body, which could not be stored
	claimed  bool      // the rest is being read
}

var (
	errUnwanted = errors.New("nobody wants the rest")
	errBroken   = errors.New("the rest could not be stored")
)

func newFilling(c *cache, e *entry, r *response, f *flight, finish func(whole bool)) *filling {
	filling := &filling{entry: e, response: r, flight: f, cache: c, finish: finish, readers: 1}
	filling.more = sync.NewCond(&filling.mu)
	if f != nil {
		c.mu.Lock()
		filling.outdated = f.outdated
		c.mu.Unlock()
	}
	return filling
}

// atHand reports whether the whole body has arrived with the head.
func (r *response) atHand() bool {
	return r.body == nil || r.length >= 0 && r.length <= int64(r.conn.in.Buffered())
}

// fill reads the body from the origin until it is whole or broken, or could not
// be stored or is not wanted any further.
func (f *filling) fill() {
	var err error
	if f.response.length > inMemory {
		err = f.spill()
	}
	var buffer []byte
	if f.response.atHand() {
		buffer = make([]byte, max(0, f.response.length)+1)
	} else {
		buffer = *buffers.Get().(*[]byte)
		defer buffers.Put(&buffer)
	}
	var unstored []byte
	for err == nil && f.response.body != nil {
		var n int
		n, err = f.response.body.Read(buffer)
		if stored := f.add(buffer[:n]); stored != nil && (err == nil || err == io.EOF) {
			err, unstored = stored, buffer[:n]
			break
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil || err == io.EOF:
		err = nil
		f.finish(true)
	case f.readers == 0 || !errors.Is(err, errBroken):
		f.finish(false)
	default: // those who read take the rest as it comes
		f.rest = io.MultiReader(&remainder{slices.Clone(unstored)}, f.response.body)
	}
	f.done, f.err = true, err
	if err == nil && f.partial == nil && !f.outdated {
		whole := *f.entry
		whole.length, whole.checksum = f.n, crc32.Checksum(f.start, castagnoli)
		f.saved = f.cache.put(&whole, f.start) == nil
	}
	f.more.Broadcast()
	f.settle()
}

// fill has a filling filled: at once if all of it is at hand, else while it is
// read; those who wait are told what it is for them. It reports whether the
// response is stored, as far as one can know by then.
func (p *proxy) fill(l *lookup, f *filling) bool {
	if f.response.atHand() {
		f.fill()
		l.decide(nil) // they find it in the store
		return f.saved
	}
	l.decide(f)
	p.background.Go(f.fill)
	return true
}

// A remainder is what was read and not stored.
type remainder struct{ b []byte }

func (r *remainder) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

// add appends b to what has come.
func (f *filling) add(b []byte) error {
	if f.partial == nil && len(f.start)+len(b) > inMemory {
		if err := f.spill(); err != nil {
			return err
		}
	}
	if f.response.length < 0 && f.offset+f.n+int64(len(b)) > f.cache.limit/4 {
		return errBroken // or one endless body could push all others out, and then prove too large itself
	}
	if f.partial != nil {
		if f.partial.reserve(f.offset+f.n+int64(len(b))) != nil {
			return errBroken
		}
		if _, err := f.partial.Write(b); err != nil {
			return errBroken
		}
		f.checksum = crc32.Update(f.checksum, castagnoli, b)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers == 0 {
		return errUnwanted
	}
	if f.partial == nil {
		f.start = append(f.start, b...)
	}
	f.n += int64(len(b))
	f.more.Broadcast()
	return nil
}

// spill gives the body a file.
func (f *filling) spill() error {
	head := f.fileHead() // its numbers follow when they are known
	partial, err := f.cache.create(int64(len(head)) + max(f.response.length, f.n))
	if err != nil {
		return errBroken
	}
	if _, err := partial.Write(append(head, f.start...)); err != nil {
		partial.close()
		return errBroken
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.partial, f.offset = partial, int64(len(head))
	f.checksum = crc32.Checksum(f.start, castagnoli)
	f.start = nil
	return nil
}

// settle puts what is whole into the store, and closes what nobody reads any
// more; called with mu held. Windows renames no file that is open, so there the
// last reader is waited for.
func (f *filling) settle() {
	if !f.done {
		return
	}
	p := f.partial
	if p != nil && !p.installed && f.err == nil && !f.outdated && (f.readers == 0 || runtime.GOOS != "windows") {
		whole := *f.entry
		whole.length, whole.checksum = f.n, f.checksum
		if _, err := p.file.WriteAt(whole.fileHead(), 0); err == nil {
			if f.readers == 0 {
				p.file.Close()
			}
			p.install(&whole, f.offset, nil)
		}
	}
	if f.readers == 0 {
		if p != nil {
			p.close()
		}
		if f.rest != nil && !f.claimed {
			f.claimed = true
			f.finish(false)
		}
	}
	if f.flight != nil && (f.readers == 0 || p == nil || p.installed || f.err != nil) {
		f.cache.mu.Lock()
		f.flight.landed()
		f.cache.mu.Unlock()
	}
}

// read has one more client read the filling, unless that is over.
func (f *filling) read() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done && (f.err != nil || f.readers == 0) {
		return false
	}
	f.readers++
	return true
}

// leave ends the reading of one client.
func (f *filling) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers--
	f.settle()
}

// copyTo sends the body, as far as it has come and then as it comes. It returns
// nil when that was all of it.
func (f *filling) copyTo(w *bodyWriter) error {
	var buffer []byte
	for at := int64(0); ; {
		f.mu.Lock()
		for at == f.n && !f.done {
			if at == 0 && len(w.c.out) > 0 {
				f.mu.Unlock()
				if err := w.flush(); err != nil { // the head need not wait for the body
					return err
				}
				f.mu.Lock()
				continue
			}
			f.more.Wait()
		}
		start, n, partial, err, rest := f.start, f.n, f.partial, f.err, io.Reader(nil)
		if at == n && f.rest != nil && !f.claimed {
			f.claimed, rest = true, f.rest
		}
		f.mu.Unlock()
		switch {
		case rest != nil:
			err := copyBody(w, rest)
			f.finish(err == nil)
			return err
		case at == n:
			return err
		case partial == nil:
			if _, err := w.Write(start[at:n]); err != nil {
				return err
			}
			at = n
		default:
			if buffer == nil {
				buffer = *buffers.Get().(*[]byte)
				defer buffers.Put(&buffer)
			}
			m, err := partial.file.ReadAt(buffer[:min(n-at, bufferSize)], f.offset+at)
			if m == 0 {
				return err
			}
			if _, err := w.Write(buffer[:m]); err != nil {
				return err
			}
			at += int64(m)
		}
	}
}

// copyBody sends a body as it comes.
func copyBody(w *bodyWriter, body io.Reader) error {
	buffer := *buffers.Get().(*[]byte)
	defer buffers.Put(&buffer)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return &clientError{err}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// shares reports whether the filling may answer another request than the one
// that it is for.
func (f *filling) shares(m *message, now time.Time) bool {
	usable, revalidate := f.usable(&m.cc, now)
	return usable && !revalidate && f.selection.matches(m.Header)
}
