package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// samples are pictures to send, each drawn by a function of the place, from 0
// to 1 in both directions.
var samples = []struct {
	name          string
	width, height int
	colour        func(x, y float64) color.Color
	encode        func(io.Writer, image.Image) error
}{
	{"sunset.png", 480, 300, sunset, png.Encode},
	{"rings.gif", 240, 240, rings, func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) }},
	{"waves.jpg", 640, 360, waves, func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }},
}

// drawSamples writes the samples to a folder, except those that are there.
func drawSamples(dir string, stdout io.Writer) error {
	for _, sample := range samples {
		picture := image.NewRGBA(image.Rect(0, 0, sample.width, sample.height))
		for y := range sample.height {
			for x := range sample.width {
				picture.Set(x, y, sample.colour(float64(x)/float64(sample.width), float64(y)/float64(sample.height)))
			}
		}
		path := filepath.Join(dir, sample.name)
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			fmt.Fprintln(stdout, path, "is there already")
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(sample.encode(file, picture), file.Close()); err != nil {
			return err
		}
		fmt.Fprintln(stdout, "drew", path)
	}
	return nil
}

func sunset(x, y float64) color.Color {
	distance := math.Hypot((x-0.5)*1.6, y-0.62)
	switch {
	case y > 0.65: // the sea, with the sun's path on it
		light := 0.2 + 0.6*math.Exp(-30*math.Abs(x-0.5))*(0.5+0.5*math.Sin(300*y*y))
		return rgb(light, light*0.6, 0.3)
	case distance < 0.2:
		return rgb(1, 0.9, 0.5)
	}
	return rgb(0.2+y, 0.1+0.6*y*y, 0.4-0.2*y)
}

func rings(x, y float64) color.Color {
	distance := math.Hypot(x-0.5, y-0.5)
	return rgb(0.5+0.5*math.Sin(40*distance), 0.5+0.5*math.Sin(40*distance+2), x)
}

func waves(x, y float64) color.Color {
	height := math.Sin(9*x+3*math.Sin(7*y)) + math.Sin(8*y-4*x)
	return rgb(0.1+0.1*height, 0.45+0.2*height, 0.7+0.15*height)
}

// rgb returns a colour by its shares of red, green and blue.
func rgb(red, green, blue float64) color.Color {
	part := func(share float64) uint8 { return uint8(255 * min(max(share, 0), 1)) }
	return color.RGBA{part(red), part(green), part(blue), 255}
}
