//go:build !linux && !darwin

package main

import "os"

// window returns the size of the terminal that file is, in characters, and
// whether it is one that shows colours, as Windows Terminal does.
func window(file *os.File) (columns, rows int, terminal bool) {
	info, err := file.Stat()
	columns, rows = windowSize(0, 0)
	return columns, rows, err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("WT_SESSION") != ""
}
