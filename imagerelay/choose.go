package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

const maxListed = 1000 // images of a folder, so that the list stays one

// chooseImage lists the images of a folder and asks for one.
func chooseImage(dir string, input *bufio.Scanner, output io.Writer) (path string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var names []string
	table := tabwriter.NewWriter(output, 0, 0, 2, ' ', 0)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue // hidden, or on its way to a receiver
		}
		file, p, size, err := openImage(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue
		}
		file.Close()
		names = append(names, entry.Name())
		fmt.Fprintf(table, "%3d\t%s\t%s\t%s\t%s\n", len(names), printable(entry.Name()), p.format, p.pixels(), humanSize(size))
		if len(names) == maxListed {
			break
		}
	}
	table.Flush()
	if names == nil {
		return "", fmt.Errorf("no images in %s (imagerelay samples draws some)", dir)
	}
	name, err := choose("Which image", names, input, output)
	return filepath.Join(dir, name), err
}

// openImage opens a file and looks whether it is an image.
func openImage(path string) (file *os.File, p picture, size int64, err error) {
	info, err := os.Stat(path) // before it is opened: a named pipe would wait for a writer
	if err != nil {
		return nil, picture{}, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, picture{}, 0, fmt.Errorf("%s is not a file", path)
	}
	if file, err = os.Open(path); err != nil {
		return nil, picture{}, 0, err
	}
	if p, err = readPicture(file); err != nil {
		file.Close()
		return nil, picture{}, 0, fmt.Errorf("%s: %w", path, err)
	}
	return file, p, info.Size(), nil
}

// chooseReceiver lists the receivers and asks for one.
func chooseReceiver(names []string, input *bufio.Scanner, output io.Writer) (name string, err error) {
	if len(names) == 0 {
		return "", errors.New("nobody is waiting for images")
	}
	for i, name := range names {
		fmt.Fprintf(output, "%3d  %s\n", i+1, printable(name))
	}
	return choose("To whom", names, input, output)
}

// choose asks until the answer is one of the names, or the number of one in the
// list, from 1 on.
func choose(question string, names []string, input *bufio.Scanner, output io.Writer) (string, error) {
	for {
		fmt.Fprintf(output, "%s (number or name)? ", question)
		if !input.Scan() {
			return "", fmt.Errorf("reading the answer: %w", cmp.Or(input.Err(), errors.New("end of input")))
		}
		answer := strings.TrimSpace(input.Text())
		if number, err := strconv.Atoi(answer); err == nil && 1 <= number && number <= len(names) {
			return names[number-1], nil
		}
		if slices.Contains(names, answer) {
			return answer, nil
		}
		fmt.Fprintf(output, "%.80q is neither a name of the list nor a number from 1 to %d; please try again\n", answer, len(names))
	}
}
