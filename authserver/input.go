package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"sync"
	"unicode/utf8"
)

const maxLine = 4096 // bytes: a longer line of input is refused

// An input is where the user answers: a terminal or a pipe.
type input struct {
	file    *os.File
	scanner *bufio.Scanner

	mu    sync.Mutex
	saved string // the terminal's settings while the echo is off
}

func newInput(file *os.File) *input {
	in := &input{file: file, scanner: bufio.NewScanner(file)}
	in.scanner.Buffer(nil, maxLine)
	return in
}

// line asks a question, if there is somebody to ask, and returns the line that
// answers it.
func (in *input) line(question string) (string, error) {
	if in.isTerminal() {
		fmt.Fprint(os.Stderr, question)
	}
	about := strings.TrimRight(question, ":? ")
	if !in.scanner.Scan() {
		err := cmp.Or(in.scanner.Err(), errors.New("end of input"))
		if err == bufio.ErrTooLong {
			err = fmt.Errorf("the line is longer than %d bytes", maxLine)
		}
		return "", fmt.Errorf("reading the answer to %q: %w", about, err)
	}
	line := in.scanner.Text()
	if !utf8.ValidString(line) {
		return "", fmt.Errorf("the answer to %q is not UTF-8", about)
	}
	return line, nil
}

// password asks a question whose answer does not appear on the terminal.
func (in *input) password(question string) (string, error) {
	if !in.isTerminal() {
		return in.line(question)
	}
	if err := in.hide(); err != nil {
		log.Printf("this terminal will show what you type: its echo can't be turned off (%v)", err)
		return in.line(question)
	}
	defer fmt.Fprintln(os.Stderr) // the user's end of the line has not appeared either
	defer in.restore()
	return in.line(question)
}

// newPassword asks for a password twice: of what is typed blindly nobody can be
// sure.
func (in *input) newPassword(question string) (string, error) {
	password, err := in.password(question)
	if err != nil || !in.isTerminal() {
		return password, err
	}
	again, err := in.password("Again: ")
	if err == nil && again != password {
		err = errors.New("the two passwords are not the same")
	}
	return password, err
}

// isTerminal reports whether somebody may be sitting at the input.
func (in *input) isTerminal() bool {
	info, err := in.file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // which is a character device too
	return err != nil || !os.SameFile(info, null)
}

// hide turns the terminal's echo off, until restore.
func (in *input) hide() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	saved, err := in.stty("-g")
	if err != nil {
		return err
	}
	in.saved = strings.TrimSpace(saved)
	_, err = in.stty("-echo")
	return err
}

// restore gives the terminal back as it was.
func (in *input) restore() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.saved != "" {
		in.stty(in.saved)
		in.saved = ""
	}
}

func (in *input) stty(setting string) (string, error) {
	cmd := exec.Command("stty", setting)
	cmd.Stdin = in.file
	output, err := cmd.Output()
	return string(output), err
}
