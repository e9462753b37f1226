package main

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

const (
	block       = 4 << 10   // bytes: what the smallest file takes of a disk
	maxVariants = 64        // of one URL; more of them are more likely an attack
	hotLimit    = 64 << 20  // bytes of responses in memory
	hotBody     = 256 << 10 // bytes: longer bodies are sent from their files
)

// A store keeps responses, each in a file of its own. It never answers with
// anything but the whole of what was put into it: what is cut short or damaged
// is as if it had never been there.
type store struct {
	dir   string
	limit int64 // bytes, of the files together
	guard *os.File

	mu     sync.Mutex
	used   int64
	items  map[[32]byte][]*item // by the hash of the URL
	recent list.List            // of *item, the most recently used first
	inHot  int64
	hot    list.List // of *item with entry, the most recently used first

	complained time.Time // about a disk that is full, say
}

// An item is one file of the store. Its fields are the store's, under mu.
type item struct {
	key     [32]byte
	name    string // of the file
	size    int64  // of the file, in full blocks
	touched time.Time
	place   *list.Element // in recent, nil when it is gone
	hot     *list.Element // in hot, nil when only the file has it
	stored  *stored
	intact  time.Time // the time of the file when its body was last found whole
}

// A stored is a response of the store with its body, or the way to it.
type stored struct {
	*entry
	item   *item
	offset int64  // of the body in the file
	body   []byte // nil when only the file has it
}

// The names of the store's files. What else is in the directory is not the
// store's, and left alone.
var (
	storedName  = regexp.MustCompile(`^[0-9a-f]{64}-[0-9a-f]{16}$`)
	partialName = regexp.MustCompile(`^partial-[0-9]+$`)
)

// openStore opens the store in dir, and makes it if there is none.
func openStore(dir string, limit int64) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the cache directory: %w", err)
	}
	guard, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the cache directory can't be written: %w", err)
	}
	if err := lock(guard); err != nil {
		guard.Close()
		return nil, fmt.Errorf("the cache directory %s is in use by another proxyserver (%w)", dir, err)
	}
	s := &store{dir: dir, limit: limit, guard: guard, items: map[[32]byte][]*item{}}
	if err := s.scan(); err != nil {
		guard.Close()
		return nil, fmt.Errorf("the cache directory: %w", err)
	}
	return s, nil
}

// scan finds what an earlier process has stored. The time of a file is when it
// was last used.
func (s *store) scan() error {
	probe, err := os.CreateTemp(s.dir, "partial-*") // the lock may be there, and the disk be full or read-only
	if err != nil {
		return err
	}
	probe.Close()
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var found []*item
	for _, file := range files {
		if partialName.MatchString(file.Name()) {
			os.Remove(filepath.Join(s.dir, file.Name())) // cut short
		}
		if !storedName.MatchString(file.Name()) {
			continue
		}
		info, err := file.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		i := &item{name: file.Name(), size: onDisk(info.Size()), touched: info.ModTime()}
		hex.Decode(i.key[:], []byte(file.Name()[:64]))
		found = append(found, i)
	}
	slices.SortFunc(found, func(a, b *item) int { return a.touched.Compare(b.touched) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range found {
		s.add(i)
	}
	s.evict(0)
	return nil
}

func (s *store) close() { s.guard.Close() }

func onDisk(size int64) int64 { return (size + block - 1) / block * block }

// hash returns the key of a URL: it is also the name of the file, so that no
// URL can name another one.
func hash(url string) [32]byte { return sha256.Sum256([]byte(url)) }

// fileName returns the name for a response in the store: its URL's hash, and
// that of the fields that selected it.
func (e *entry) fileName() string {
	key := hash(e.url)
	variant := sha256.New()
	for _, field := range e.selection {
		fmt.Fprintf(variant, "%s: %s\n", field.name, field.value)
	}
	return fmt.Sprintf("%x-%x", key, variant.Sum(nil)[:8])
}

// find returns the responses for a URL, the most recent first.
func (s *store) find(url string) []*stored {
	key := hash(url)
	s.mu.Lock()
	items := s.items[key]
	found := make([]*stored, 0, 4)
	var cold []*item
	for _, i := range items {
		if i.stored == nil {
			cold = append(cold, i)
		} else if i.stored.url == url {
			found = append(found, i.stored)
		}
	}
	s.mu.Unlock()
	for _, i := range cold {
		if warm := s.load(i); warm != nil && warm.url == url {
			found = append(found, warm)
		}
	}
	if len(found) > 1 {
		slices.SortStableFunc(found, func(a, b *stored) int { return b.received.Compare(a.received) })
	}
	return found
}

// load reads a response into memory, its body too if that is small. A file that
// is not whole is removed.
func (s *store) load(i *item) *stored {
	file, err := os.Open(filepath.Join(s.dir, i.name))
	if err != nil {
		s.remove(i)
		return nil
	}
	defer file.Close()
	var found stored
	found.item = i
	if found.entry, found.offset, err = readHead(file); err == nil && found.length <= hotBody {
		found.body = make([]byte, found.length)
		if _, err = io.ReadFull(file, found.body); err == nil && crc32.Checksum(found.body, castagnoli) != found.checksum {
			err = errDamaged
		}
	}
	if info, statErr := file.Stat(); err != nil || statErr != nil ||
		info.Size() != found.offset+found.length || found.fileName() != i.name {
		s.remove(i)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.place == nil {
		return nil // removed meanwhile
	}
	s.warm(i, &found)
	return i.stored
}

// open returns the file with a body that is not in memory, once it was found
// whole. It is looked through again only when the file has changed.
func (s *store) open(found *stored) (*os.File, error) {
	file, err := os.Open(filepath.Join(s.dir, found.item.name))
	if err != nil {
		s.remove(found.item)
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.Size() != found.offset+found.length {
		err = errDamaged
	}
	s.mu.Lock()
	intact := found.item.intact
	s.mu.Unlock()
	if err == nil && !info.ModTime().Equal(intact) {
		var head *entry
		var offset int64
		if head, offset, err = readHead(file); err == nil && (offset != found.offset || head.checksum != found.checksum) {
			err = errDamaged
		}
		if err == nil {
			body := crc32.New(castagnoli)
			if _, err = io.Copy(body, file); err == nil && body.Sum32() != found.checksum {
				err = errDamaged
			}
		}
		s.mu.Lock()
		found.item.intact = info.ModTime()
		s.mu.Unlock()
	}
	if err != nil {
		file.Close()
		s.remove(found.item)
		return nil, err
	}
	return file, nil
}

// use notes that a response was used. On disk, that is the time of its file,
// for the next process, changed no more than once a second.
func (s *store) use(i *item, now time.Time) {
	s.mu.Lock()
	if i.place == nil {
		s.mu.Unlock()
		return
	}
	s.recent.MoveToFront(i.place)
	if i.hot != nil {
		s.hot.MoveToFront(i.hot)
	}
	touch := now.Sub(i.touched) > time.Second
	if touch {
		i.touched = now
	}
	s.mu.Unlock()
	if !touch {
		return
	}
	name := filepath.Join(s.dir, i.name)
	before, err := os.Stat(name)
	if err != nil || os.Chtimes(name, now, now) != nil {
		return
	}
	if after, err := os.Stat(name); err == nil {
		s.mu.Lock()
		if i.intact.Equal(before.ModTime()) {
			i.intact = after.ModTime()
		}
		s.mu.Unlock()
	}
}

// put stores a response whose body is in memory.
func (s *store) put(e *entry, body []byte) error {
	head := e.fileHead()
	return s.write(e, append(head, body...), func(p *partial) error {
		p.file.Close() // Windows renames no file that is open
		return p.install(e, int64(len(head)), body)
	})
}

// replace stores a response with new fields, and the body that it has, unless it
// has gone meanwhile.
func (s *store) replace(found *stored, updated *entry) error {
	s.mu.Lock()
	gone := found.item.place == nil
	s.mu.Unlock()
	if gone {
		return errGone
	}
	if found.body != nil || found.length == 0 {
		return s.put(updated, found.body)
	}
	file, err := s.open(found)
	if err != nil {
		return err
	}
	defer file.Close()
	head := updated.fileHead()
	return s.write(updated, head, func(p *partial) error {
		if _, err := file.Seek(found.offset, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(p.file, file); err != nil {
			return s.complain(err)
		}
		p.file.Close()
		return p.install(updated, int64(len(head)), nil)
	})
}

// write writes a file that begins with b, and has then the rest done.
func (s *store) write(e *entry, b []byte, rest func(p *partial) error) error {
	p, err := s.create(max(int64(len(b)), firstLineLength+int64(len(e.head))+e.length))
	if err != nil {
		return err
	}
	defer p.close()
	if _, err := p.Write(b); err != nil {
		return err
	}
	return rest(p)
}

// A partial is a file that is being written. Until it is complete and renamed
// it is no part of the store, but its space is counted.
type partial struct {
	store     *store
	file      *os.File
	reserved  int64
	installed bool
}

var (
	errTooLarge = errors.New("larger than the cache")
	errGone     = errors.New("no longer in the cache")
)

// create makes a file and reserves space for so many bytes of it.
func (s *store) create(size int64) (*partial, error) {
	p := &partial{store: s}
	if err := p.reserve(size); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(s.dir, "partial-*")
	if err != nil {
		p.close()
		return nil, s.complain(err)
	}
	p.file = file
	return p, nil
}

// reserve makes space for a file of size bytes.
func (p *partial) reserve(size int64) error {
	more := onDisk(size) - p.reserved
	if more <= 0 {
		return nil
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if !p.store.evict(more) {
		return errTooLarge
	}
	p.store.used += more
	p.reserved += more
	return nil
}

func (p *partial) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	return n, p.store.complain(err)
}

// install makes the complete file the store's response for what e is for, in
// one step: there is always the one before it or this one.
func (p *partial) install(e *entry, offset int64, body []byte) error {
	i := &item{key: hash(e.url), name: e.fileName(), touched: time.Now()}
	if body == nil { // its checksum was worked out on its way here
		if info, err := p.file.Stat(); err == nil {
			i.intact = info.ModTime()
		}
	}
	return p.store.complain(p.rename(i, &stored{entry: e, item: i, offset: offset, body: body}))
}

func (p *partial) rename(i *item, found *stored) error {
	s := p.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Rename(p.file.Name(), filepath.Join(s.dir, i.name)); err != nil {
		return err
	}
	p.installed = true
	for _, old := range s.items[i.key] {
		if old.name == i.name {
			s.forget(old)
			break
		}
	}
	i.size, p.reserved = p.reserved, 0
	s.used -= i.size // add counts it again
	s.add(i)
	s.warm(i, found)
	if same := s.items[i.key]; len(same) > maxVariants {
		s.drop(same[0])
	}
	return nil
}

// close ends the writing. Of a file that was not installed nothing remains.
func (p *partial) close() {
	if p.file != nil {
		p.file.Close()
		if !p.installed {
			os.Remove(p.file.Name())
		}
	}
	p.store.mu.Lock()
	p.store.used -= p.reserved
	p.reserved = 0
	p.store.mu.Unlock()
}

// invalidate removes all responses for a URL.
func (s *store) invalidate(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range slices.Clone(s.items[hash(url)]) {
		s.drop(i)
	}
}

// remove removes an item, if it is still there.
func (s *store) remove(i *item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.place != nil {
		s.drop(i)
	}
}

// add, warm, cool, evict, drop and forget are called with mu held.
func (s *store) add(i *item) {
	i.place = s.recent.PushFront(i)
	s.items[i.key] = append(s.items[i.key], i)
	s.used += i.size
}

// warm keeps a response in memory, as long as there is room.
func (s *store) warm(i *item, found *stored) {
	if i.stored != nil {
		return
	}
	i.stored = found
	i.hot = s.hot.PushFront(i)
	s.inHot += found.weight()
	for s.inHot > hotLimit && s.hot.Len() > 1 {
		s.cool(s.hot.Back().Value.(*item))
	}
}

func (s *store) cool(i *item) {
	if i.stored != nil {
		s.inHot -= i.stored.weight()
		s.hot.Remove(i.hot)
		i.stored, i.hot = nil, nil
	}
}

// weight is about what a response takes in memory.
func (f *stored) weight() int64 {
	return int64(len(f.body)+3*len(f.head)+len(f.url)) + 1024
}

// evict makes room for so many bytes more, and reports whether it could.
func (s *store) evict(more int64) bool {
	if more > s.limit {
		return false
	}
	for s.used+more > s.limit && s.recent.Len() > 0 {
		s.drop(s.recent.Back().Value.(*item))
	}
	return s.used+more <= s.limit
}

// drop removes an item with its file.
func (s *store) drop(i *item) {
	s.forget(i)
	name := filepath.Join(s.dir, i.name)
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		// Windows does not remove a file that is being read. Cut to nothing it is
		// no response any more, neither now nor for the next process.
		os.Truncate(name, 0)
	}
}

func (s *store) forget(i *item) {
	s.cool(i)
	s.recent.Remove(i.place)
	i.place = nil
	s.used -= i.size
	same := slices.DeleteFunc(s.items[i.key], func(other *item) bool { return other == i })
	if len(same) == 0 {
		delete(s.items, i.key)
	} else {
		s.items[i.key] = same
	}
}

// complain tells of a disk that fails, now and then: every response that can't
// be stored would be too often.
func (s *store) complain(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	again := time.Since(s.complained) > time.Minute
	if again {
		s.complained = time.Now()
	}
	s.mu.Unlock()
	if again {
		log.Printf("storing a response: %v", err)
	}
	return err
}
