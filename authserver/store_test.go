package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// TestDamagedFile damages a good file in many ways: each is refused, and left
// as it is.
func TestDamagedFile(t *testing.T) {
	s := newServer(t).withAnna(t)
	s.loginAnna(t)
	s.ask(request{Op: "name", Name: "Anna"})
	s.store.close()
	good, err := os.ReadFile(s.store.path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{nil, []byte("\n"), []byte("null"), []byte("{}"), []byte("[]"), append(bytes.Clone(good), '{'), append(bytes.Clone(good), good...)}
	for i := 0; i < len(good)-1; i += 7 { // without its last byte, the end of the line, it is whole
		flipped := bytes.Clone(good)
		flipped[i] ^= 1
		damaged = append(damaged, good[:i], flipped)
	}
	unsealed := strings.Replace(string(good), sealOf(good), "", 1)
	for old, new := range map[string]string{
		`"version":1`:          `"version":2`,
		`"users":{`:            `"accounts":{},"users":{`,
		`"anna":{`:             `"Anna":{`,
		`"name":"anna"`:        `"name":"boris"`,
		`"names":{"127.0.0.1"`: `"names":{"localhost"`,
		`"iterations":10`:      `"iterations":0`,
		`pbkdf2-hmac-sha256`:   `rot13`,
		`"token":"`:            `"token":"AAAA`,
		`"salt":"`:             `"salt":"","x":"`,
	} {
		if !strings.Contains(unsealed, old) {
			t.Fatalf("%s is not in the file", old)
		}
		damaged = append(damaged, []byte(strings.Replace(unsealed, old, new, 1)))
	}
	path := filepath.Join(t.TempDir(), "users.json")
	for _, content := range damaged {
		os.WriteFile(path, content, 0o600)
		if store, err := openStore(path); err == nil {
			store.close()
			t.Errorf("a damaged file was taken: %.200s", content)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Errorf("a damaged file was altered: %.200s", after)
		}
	}

	os.WriteFile(path, []byte(unsealed), 0o600) // edited by hand, without a checksum
	openServer(t, path).loginAnna(t)
}

func sealOf(file []byte) string {
	_, rest, _ := strings.Cut(string(file), `"sha256":"`)
	seal, _, _ := strings.Cut(rest, `"`)
	return seal
}

// TestSecretsAreNotStored looks for what a thief of the file must not find.
func TestSecretsAreNotStored(t *testing.T) {
	s := newServer(t).withAnna(t)
	token := s.loginAnna(t)
	file, err := os.ReadFile(s.store.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{token, annasPassword} {
		if strings.Contains(string(file), secret) {
			t.Errorf("%q is in the file", secret)
		}
	}
}

// TestUnwritable takes the folder away while the server runs: every change is
// refused, and in memory nothing has changed.
func TestUnwritable(t *testing.T) {
	s := newServer(t).withAnna(t)
	s.ask(request{Op: "name", Name: "Anna"})
	token := s.loginAnna(t)
	folder := filepath.Dir(s.store.path)
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Skip(err) // Windows does not let go of a folder with open files
	}
	for _, r := range []request{
		{Op: "name", Name: "Boris"},
		{Op: "register", User: "boris", Password: newPassword},
		{Op: "login", User: "anna", Password: annasPassword},
		{Op: "passwd", User: "anna", Password: annasPassword, New: newPassword},
		{Op: "logout", Token: token},
	} {
		if a := s.ask(r); a.Error != errStore.Error() {
			t.Errorf("%s without a folder = %+v", r.Op, a)
		}
	}
	if a := s.ask(request{Op: "hello"}); a.Name != "Anna" {
		t.Errorf("hello = %+v", a)
	}
	if a := s.ask(request{Op: "whoami", Token: token}); a.User != "anna" {
		t.Errorf("whoami = %+v", a)
	}
	os.Rename(folder+".away", folder)
	s.loginAnna(t)
	if a := s.ask(request{Op: "register", User: "boris", Password: newPassword}); !a.OK {
		t.Errorf("register when the folder is back = %+v", a)
	}
}

// TestChangesAtOnce makes many changes at the same time, of which some are
// refused: what was acknowledged is in the file.
func TestChangesAtOnce(t *testing.T) {
	s := newServer(t)
	var changes sync.WaitGroup
	for i := range 50 {
		changes.Go(func() {
			err := s.store.change(func(st *state) error {
				if i%5 == 0 {
					return errFull
				}
				st.Users[fmt.Sprint("user", i)] = &user{Name: fmt.Sprint("user", i), Password: passwordHash{algorithm, 1, make([]byte, saltSize), make([]byte, keySize)}}
				return nil
			})
			if want := i%5 == 0; errors.Is(err, errFull) != want || !want && err != nil {
				t.Errorf("change %d: %v", i, err)
			}
		})
	}
	changes.Wait()
	s.store.close()
	if n := len(openServer(t, s.store.path).store.now.Load().Users); n != 40 {
		t.Errorf("%d users are in the file, want 40", n)
	}
}

func TestLimits(t *testing.T) {
	s := newServer(t).withAnna(t)
	full := s.store.now.Load().clone()
	for i := range maxUsers - 1 {
		full.Users[fmt.Sprint(i)] = full.Users["anna"]
	}
	for i := range maxNames {
		full.Names[netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})] = "Anna"
	}
	s.store.now.Store(full)
	for _, r := range []request{{Op: "register", User: "boris", Password: newPassword}, {Op: "name", Name: "Boris"}} {
		if a := s.ask(r); a.Error != errFull.Error() {
			t.Errorf("%s at a full server = %+v", r.Op, a)
		}
	}
}

func TestFileOfAnotherMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such modes on Windows")
	}
	s := newServer(t)
	s.store.close()
	os.Chmod(s.store.path, 0o644)
	os.WriteFile(s.store.path+".123.tmp", nil, 0o600) // left by a crash
	openServer(t, s.store.path)
	checkPrivate(t, filepath.Dir(s.store.path))
	if files, _ := os.ReadDir(filepath.Dir(s.store.path)); len(files) != 2 {
		t.Errorf("the folder has %v, want the file and its lock", files)
	}

	for range 2 { // the first makes the key, the second finds it
		if _, err := ownCertificate(s.store.path, nil); err != nil {
			t.Fatal(err)
		}
		checkPrivate(t, filepath.Dir(s.store.path))
		os.Chmod(s.store.path+".key", 0o644)
	}
}
