//go:build unix && !aix && !solaris

package main

import (
	"os"
	"syscall"
)

// lock makes file this process's own, which it is until the process ends, in
// whatever way. It fails if another process has it.
func lock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
