package main

import (
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"
)

// A picture is what the first bytes of an image tell.
type picture struct {
	format        string // one of the keys of extensions
	width, height int    // 0 if the standard library can't read them
}

// extensions are what the name of an image ends in, the first one preferably.
var extensions = map[string][]string{
	"PNG":  {".png"},
	"JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
	"GIF":  {".gif"},
	"WebP": {".webp"},
	"BMP":  {".bmp", ".dib"},
}

var formats = map[string]string{
	"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP", "image/bmp": "BMP",
}

// readPicture reads the header of an image, and returns an error if it is none.
func readPicture(file io.ReadSeeker) (picture, error) {
	start := make([]byte, 512) // what DetectContentType looks at
	n, err := io.ReadFull(file, start)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return picture{}, err
	}
	contentType := http.DetectContentType(start[:n])
	p := picture{format: formats[contentType]}
	if p.format == "" {
		return picture{}, fmt.Errorf("not an image but %s", contentType)
	}
	if p.format == "WebP" || p.format == "BMP" {
		return p, nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return picture{}, err
	}
	config, _, err := image.DecodeConfig(file)
	if err != nil {
		return picture{}, fmt.Errorf("not an image: %w", err)
	}
	if config.Width < 1 || config.Height < 1 {
		return picture{}, fmt.Errorf("an image of %d×%d pixels", config.Width, config.Height)
	}
	p.width, p.height = config.Width, config.Height
	return p, nil
}

func (p picture) pixels() string {
	if p.width == 0 {
		return "?"
	}
	return fmt.Sprintf("%d×%d", p.width, p.height)
}

// humanSize returns a size as people say it: 1.5 MiB.
func humanSize(bytes int64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	size, unit := float64(bytes)/1024, 0
	for size >= 1024 && unit < 3 {
		size, unit = size/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGT"[unit])
}
