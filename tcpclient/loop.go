package main

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"log"
)

// converse is the practicum's loop: a sentence, its answer, the next sentence,
// until one says exit or the input ends.
func converse(clientSocket *impatientConn, input *bufio.Scanner, stdout io.Writer) error {
	for {
		sentence, err := prompt(input, stdout)
		switch {
		case errors.Is(err, errEmpty):
			log.Print(err)
			continue
		case errors.Is(err, errEnd):
			return nil
		case err != nil:
			return err
		case string(sentence) == "exit":
			return nil
		}
		modifiedSentence, err := exchange(clientSocket, sentence)
		if err := cmp.Or(show(stdout, modifiedSentence), err); err != nil {
			return err
		}
	}
}
