//go:build linux || darwin

package main

import (
	"os"
	"syscall"
	"unsafe"
)

// window returns the size of the terminal that file is, in characters, and
// whether it is one that shows colours.
func window(file *os.File) (columns, rows int, terminal bool) {
	var size struct{ rows, columns, width, height uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	columns, rows = windowSize(int(size.columns), int(size.rows))
	return columns, rows, errno == 0 && os.Getenv("TERM") != "dumb"
}
