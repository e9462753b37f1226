package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSafeName(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct{ name, format, want string }{
		{"cat.png", "PNG", "cat.png"},
		{"Кот и пёс.JPG", "JPEG", "Кот и пёс.JPG"},
		{"cat.jpeg", "JPEG", "cat.jpeg"},
		{"cat.tar.gif", "GIF", "cat.tar.gif"},
		{"cat", "WebP", "cat.webp"},
		{"cat.png", "BMP", "cat.png.bmp"}, // what it is counts, not what it says it is
		{"cat.exe", "PNG", "cat.exe.png"},
		{"../../etc/passwd", "PNG", "passwd.png"},
		{"/etc/cat.png", "PNG", "cat.png"},
		{`C:\Windows\cat.png`, "PNG", "cat.png"},
		{`..\cat.png`, "PNG", "cat.png"},
		{"C:cat.png", "PNG", "Ccat.png"},
		{"cat.png:stream", "PNG", "cat.pngstream.png"},
		{".bashrc", "PNG", "bashrc.png"},
		{".png", "PNG", "png.png"},
		{"..", "PNG", "image.png"},
		{"cats/", "PNG", "image.png"},
		{" . . ", "PNG", "image.png"},
		{"cat .png", "PNG", "cat.png"},
		{"cat.png. .", "PNG", "cat.png"},
		{"a\x00b\x1b[31m\nc\u202egnp.png", "PNG", "ab[31mcgnp.png"},
		{"\xff\xfe.png", "PNG", "png.png"},
		{"CON", "PNG", "_CON.png"},
		{"con.png", "PNG", "_con.png"},
		{"Nul .txt.png", "PNG", "_Nul .txt.png"},
		{"com1.png", "PNG", "_com1.png"},
		{"LPT¹.png", "PNG", "_LPT¹.png"},
		{"conin$.png", "PNG", "_conin$.png"},
		{"console.png", "PNG", "console.png"},
		{long + ".png", "PNG", long[:200] + ".png"},
		{strings.Repeat("ы", 150), "PNG", strings.Repeat("ы", 100) + ".png"},
		{"x." + long, "PNG", "x." + long[:198] + ".png"},
	}
	for _, test := range tests {
		if got := safeName(test.name, test.format); got != test.want {
			t.Errorf("safeName(%q, %s) = %q, want %q", test.name, test.format, got, test.want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	for _, name := range []string{"cat.png", "../x", `C:\con`, "\x00", "ы.GIF", ". .", "aux .png"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for format := range extensions {
			safe := safeName(name, format)
			if !filepath.IsLocal(safe) || strings.ContainsAny(safe, "/\\:\x00\n\x1b") || strings.HasPrefix(safe, ".") ||
				len(safe) > 240 || !utf8.ValidString(safe) || reserved.MatchString(safe) {
				t.Errorf("safeName(%q, %s) = %q", name, format, safe)
			}
			if again := safeName(safe, format); again != safe {
				t.Errorf("safeName(%q, %s) = %q, and of that %q", name, format, safe, again)
			}
		}
	})
}

// save has an image come from a connection, and returns the name of the file and
// what went wrong.
func save(t *testing.T, dir string, o offer, image io.Reader) (name string, err error) {
	t.Helper()
	folder, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	saving, err := startSaving(folder, o)
	if err != nil {
		return "", err
	}
	defer saving.end()
	writeErr, connErr := saving.receive(image)
	if err := errors.Join(writeErr, connErr); err != nil {
		return "", err
	}
	name, _, err = saving.finish()
	return name, err
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cat-2.png"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", filepath.Join(dir, "cat-3.png")); err != nil {
		t.Log(err)
	}
	names := make(map[string]bool)
	for range 3 {
		name, err := save(t, dir, offerOf("../cat.png", picturePNG), bytes.NewReader(picturePNG))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, picturePNG) {
			t.Errorf("%s has %d bytes, %v", name, len(got), err)
		}
		names[name] = true
	}
	if len(names) != 3 || !names["cat.png"] || names["cat-2.png"] || names["cat-3.png"] {
		t.Errorf("three images are saved as %v", names)
	}
}

func TestNotSaved(t *testing.T) {
	text := []byte("this is no image")
	wrongHash := offerOf("cat.png", picturePNG)
	wrongHash.SHA256 = strings.Repeat("0", 64)
	tooLarge := offerOf("cat.png", picturePNG)
	tooLarge.Size = maxImage + 1
	for what, test := range map[string]struct {
		offer offer
		came  []byte
	}{
		"SHA-256":      {wrongHash, picturePNG},
		"EOF":          {offerOf("cat.png", picturePNG), picturePNG[:20]},
		"not an":       {offerOf("cat.png", text), text},
		"not an image": {offerOf("cat.png", picturePNG[:20]), picturePNG[:20]}, // the beginning of one
		"too large":    {tooLarge, nil},
		"size":         {offerOf("cat.png", nil), nil},
	} {
		dir := t.TempDir()
		if _, err := save(t, dir, test.offer, bytes.NewReader(test.came)); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("the error is %v, want %q in it", err, what)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%s: the folder has %v, %v, want nothing", what, files, err)
		}
	}
}

// TestDiskFull has a file that can't be written; the image is received to its
// end, since the next message comes after it.
func TestDiskFull(t *testing.T) {
	folder, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	saving, err := startSaving(folder, offerOf("cat.png", data))
	if err != nil {
		t.Fatal(err)
	}
	defer saving.end()
	saving.file.Close()
	connection := strings.NewReader(string(data) + "next")
	writeErr, connErr := saving.receive(connection)
	if writeErr == nil || connErr != nil || connection.Len() != len("next") {
		t.Errorf("with a file that can't be written: %v, %v, and %d bytes are left of the connection, want 4", writeErr, connErr, connection.Len())
	}
}

func TestReadPicture(t *testing.T) {
	dir := t.TempDir()
	if err := drawSamples(dir, io.Discard); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]picture{"sunset.png": {"PNG", 480, 300}, "rings.gif": {"GIF", 240, 240}, "waves.jpg": {"JPEG", 640, 360}} {
		file, p, size, err := openImage(filepath.Join(dir, name))
		if err != nil || p != want || size == 0 {
			t.Errorf("openImage(%s) = %v, %d, %v, want %v", name, p, size, err, want)
			continue
		}
		file.Close()
	}
	for text, want := range map[string]string{"RIFF\x10\x00\x00\x00WEBPVP8 ": "WebP", "BM\x46\x00": "BMP", "": "", "<svg>": "", "GIF89a": "", "\xff\xd8\xff\xe0": ""} {
		if p, err := readPicture(strings.NewReader(text)); p.format != want || (err == nil) != (want != "") {
			t.Errorf("readPicture of %q = %v, %v, want %q", text, p, err, want)
		}
	}
}
