package main

import (
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	maxCache = 64 << 20        // bytes of content in the cache
	perFile  = 1 << 10         // bytes that a file takes beside its content, so that empty ones count
	settled  = 2 * time.Second // since its last change: a file can change twice in one tick of the system's clock
)

// A cache holds the content of small files.
type cache struct {
	mu    sync.RWMutex
	files map[string]*file
	size  int64
}

// get returns the file of that name, if info tells that it is still the same.
func (c *cache) get(name string, info fs.FileInfo) *file {
	c.mu.RLock()
	f := c.files[name]
	c.mu.RUnlock()
	if f == nil || f.info.Size() != info.Size() || !f.info.ModTime().Equal(info.ModTime()) || !os.SameFile(f.info, info) {
		return nil
	}
	return f
}

// put keeps a file, in place of others if need be: of whichever come first in
// the map, which are others each time.
func (c *cache) put(name string, f *file) {
	if time.Since(f.info.ModTime()) < settled || f.size != f.info.Size() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = make(map[string]*file)
	}
	c.drop(name)
	for other := range c.files {
		if c.size+f.size+perFile <= maxCache {
			break
		}
		c.drop(other)
	}
	c.files[name] = f
	c.size += f.size + perFile
}

func (c *cache) drop(name string) {
	if f, ok := c.files[name]; ok {
		delete(c.files, name)
		c.size -= f.size + perFile
	}
}
