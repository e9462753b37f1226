package main

import (
	"log"
	"os"
	"sync"
)

// A messageFile is the file of the service messages. When the disk is full the
// server goes on without them, but not without a word.
type messageFile struct {
	*os.File
	complain sync.Once
}

func (f *messageFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err != nil {
		f.complain.Do(func() { log.Printf("service messages are lost: %v", err) })
	}
	return n, err
}
