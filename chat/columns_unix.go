//go:build linux || darwin

package main

import (
	"os"
	"syscall"
	"unsafe"
)

// columns returns how wide the terminal is, and false if file is none.
func columns(file *os.File) (width int, terminal bool) {
	var size struct{ rows, columns, x, y uint16 }
	_, _, err := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if err != 0 {
		return 0, false
	}
	if size.columns == 0 {
		return 80, true // it does not know
	}
	return int(size.columns), true
}
