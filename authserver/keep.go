package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// What the client keeps of a server, in files named for its address.
const (
	tokenFile = ".token"
	pinFile   = ".certificate"
)

// checkPin returns an error unless the certificate is the one that the server
// at addr has shown before. The first is taken for its own.
func checkPin(addr string, certificate []byte) error {
	shown := fingerprint(certificate)
	pinned, err := kept(addr, pinFile)
	if errors.Is(err, fs.ErrNotExist) {
		log.Printf("the certificate of %s is new here; trust it only if the server told this fingerprint: %s", addr, shown)
		return keep(addr, pinFile, shown)
	}
	if err != nil {
		return err
	}
	if shown != pinned {
		path, _ := keptPath(addr, pinFile)
		return fmt.Errorf("THE CERTIFICATE HAS CHANGED: somebody may be answering in the place of %s. Nothing was sent. "+
			"Its fingerprint was %s and now is %s; if the server's owner confirms that, remove %q", addr, pinned, shown, path)
	}
	return nil
}

func keep(addr, kind, text string) error {
	path, err := keptPath(addr, kind)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return replaceFile(path, []byte(text+"\n"), 0o600)
}

func kept(addr, kind string) (string, error) {
	path, err := keptPath(addr, kind)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

func forget(addr, kind string) error {
	path, err := keptPath(addr, kind)
	if err != nil {
		return err
	}
	return os.Remove(path)
}

func keptPath(addr, kind string) (string, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, "authserver", url.QueryEscape(strings.ToLower(addr))+kind), nil
}
