package main

import (
	"os"
	"syscall"
	"unsafe"
)

// lock makes file this process's own, which it is until the process ends, in
// whatever way. It fails if another process has it.
func lock(file *os.File) error {
	const exclusively, atOnce = 2, 1
	var overlapped syscall.Overlapped
	done, _, err := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx").Call(
		file.Fd(), exclusively|atOnce, 0, 1, 0, uintptr(unsafe.Pointer(&overlapped)))
	if done == 0 {
		return err
	}
	return nil
}
