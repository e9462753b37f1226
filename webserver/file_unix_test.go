//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestForbidden asks for what is there but is no file to read. A pipe that nobody
// writes into must not hold the client up.
func TestForbidden(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, root, "unreadable", "secret")
	write(t, root, "folder/file", "secret")
	os.Chmod(filepath.Join(root, "unreadable"), 0)
	os.Chmod(filepath.Join(root, "folder"), 0o100)
	t.Cleanup(func() { os.Chmod(filepath.Join(root, "folder"), 0o700) })
	socket, err := net.Listen("unix", filepath.Join(root, "socket"))
	if err != nil {
		t.Skip(err) // the path is too long, on macOS
	}
	defer socket.Close()

	addr := startServer(t, &server{}, root)
	for _, target := range []string{"/pipe", "/socket", "/unreadable", "/folder/"} {
		if os.Geteuid() == 0 && (target == "/unreadable" || target == "/folder/") {
			continue // root may read everything
		}
		if answer, _ := get(t, addr, "GET", target, ""); answer.StatusCode != 403 {
			t.Errorf("%s: %s, want 403", target, answer.Status)
		}
	}
}
