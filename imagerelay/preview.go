package main

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
)

// maxPreview, in pixels, bounds the memory that a picture takes when it is
// decoded: a file of a few kilobytes can hold a picture of gigabytes.
const maxPreview = 24 << 20

// show draws a picture of the folder on the terminal, or says why it can't.
func (c *receiverClient) show(name string) {
	columns, rows, terminal := window(os.Stdout)
	if !terminal {
		return
	}
	picture, err := c.decode(name)
	if err != nil {
		log.Printf("no preview: %v", err)
		return
	}
	io.WriteString(c.stdout, halfBlocks(picture, columns, rows-2)) // the line above it, and the one for what comes
}

func (c *receiverClient) decode(name string) (image.Image, error) {
	file, err := c.folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p, err := readPicture(file)
	if err != nil {
		return nil, err
	}
	if p.width == 0 {
		return nil, fmt.Errorf("the standard library does not decode %s", p.format)
	}
	if int64(p.width)*int64(p.height) > maxPreview {
		return nil, fmt.Errorf("%s pixels are too many", p.pixels())
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	picture, _, err := image.Decode(file)
	return picture, err
}

// halfBlocks returns a picture, scaled down to fit, as text for a terminal: an
// upper half block has two square pixels, the upper one in the colour of the
// text and the lower one in that of the background.
func halfBlocks(picture image.Image, columns, rows int) string {
	bounds := picture.Bounds()
	scale := max(1, float64(bounds.Dx())/float64(columns), float64(bounds.Dy())/float64(2*rows))
	width := max(1, int(float64(bounds.Dx())/scale))
	height := max(1, int(float64(bounds.Dy())/scale))
	pixel := func(x, y int) color.RGBA {
		return average(picture, image.Rect(
			bounds.Min.X+x*bounds.Dx()/width, bounds.Min.Y+y*bounds.Dy()/height,
			bounds.Min.X+(x+1)*bounds.Dx()/width, bounds.Min.Y+(y+1)*bounds.Dy()/height))
	}

	var text strings.Builder
	for y := 0; y < height; y += 2 {
		for x := range width {
			upper := pixel(x, y)
			fmt.Fprintf(&text, "\x1b[38;2;%d;%d;%dm", upper.R, upper.G, upper.B)
			if y+1 < height {
				lower := pixel(x, y+1)
				fmt.Fprintf(&text, "\x1b[48;2;%d;%d;%dm", lower.R, lower.G, lower.B)
			}
			text.WriteString("▀")
		}
		text.WriteString("\x1b[0m\n")
	}
	return text.String()
}

// average returns the average colour of a part of a picture, from at most 8×8
// of its pixels. What is transparent counts as black.
func average(picture image.Image, part image.Rectangle) color.RGBA {
	var red, green, blue, count uint32
	for y := part.Min.Y; y < part.Max.Y; y += (part.Dy() + 7) / 8 {
		for x := part.Min.X; x < part.Max.X; x += (part.Dx() + 7) / 8 {
			r, g, b, _ := picture.At(x, y).RGBA()
			red, green, blue, count = red+r>>8, green+g>>8, blue+b>>8, count+1
		}
	}
	count = max(1, count)
	return color.RGBA{uint8(red / count), uint8(green / count), uint8(blue / count), 255}
}

// windowSize returns the size that the user says or else the one that the
// terminal says, or else the usual one.
func windowSize(columns, rows int) (int, int) {
	said := func(name string) int {
		number, _ := strconv.Atoi(os.Getenv(name))
		return min(max(0, number), 1000)
	}
	return max(10, cmp.Or(said("COLUMNS"), columns, 80)), max(10, cmp.Or(said("LINES"), rows, 24))
}
