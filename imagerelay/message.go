package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"unicode"
	"unicode/utf8"

	"socketlab/framing"
)

const (
	maxMessage   = 16 << 10 // bytes of a control message
	maxError     = 1024     // bytes of a receiver's reason that a sender is told
	maxName      = 20       // characters of a person's name
	maxImageName = 1024     // bytes of an image's name as it is sent; what it is saved under is shorter
	maxImage     = 16 << 30 // bytes that a receiver takes, so that a sender does not fill the disk with one image
)

// A request is what a client says to the server first: {"role":"receive",
// "name":"bob"}, or {"role":"list"}, or {"role":"send","to":"bob"} and the offer.
type request struct {
	Role string `json:"role"`
	To   string `json:"to,omitempty"`
	offer
}

// An offer is what the server passes on to the receiver.
type offer struct {
	From   string `json:"from,omitempty"`
	Name   string `json:"name,omitempty"` // of the image, and in role receive of the receiver
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// An answer is what the server and the receiver say to a request and an offer,
// and the receiver to the image.
type answer struct {
	OK        bool     `json:"ok"`
	Error     string   `json:"error,omitempty"`
	Receivers []string `json:"receivers,omitzero"` // for role list, and then there even if it is empty
}

func refusal(format string, a ...any) answer { return answer{Error: fmt.Sprintf(format, a...)} }

// check returns what is wrong with an offer.
func (o offer) check() error {
	if o.Name == "" || len(o.Name) > maxImageName {
		return fmt.Errorf("name: an image's name has from 1 to %d bytes", maxImageName)
	}
	if o.Size < 1 {
		return fmt.Errorf("size: an image of %d bytes", o.Size)
	}
	if hash, err := hex.DecodeString(o.SHA256); err != nil || len(hash) != 32 {
		return errors.New("sha256: not 64 hexadecimal digits")
	}
	return nil
}

// checkName wants a person's name that can't be taken for anything else in a
// list or a sentence.
func checkName(name string) error {
	odd := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' }
	if name == "" || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("%.80q is not a name of 1 to %d letters, digits, _ or -", name, maxName)
	}
	return nil
}

// newConn returns c for control messages. The bytes of an image go over c
// itself, since package framing never reads more than a message.
func newConn(c net.Conn) *framing.Conn {
	framed := framing.NewConn(c)
	framed.MaxSize = maxMessage
	return framed
}

func sendMessage(conn *framing.Conn, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return conn.SendText(string(text))
}

// errNonsense is the error of a message that has been received whole, so that
// the conversation can go on, but is not what it should be.
var errNonsense = errors.New("the message makes no sense")

func receiveMessage(conn *framing.Conn, message any) error {
	text, err := conn.ReceiveText()
	if err == nil {
		if err = json.Unmarshal([]byte(text), message); err == nil {
			return nil
		}
		return fmt.Errorf("%w: %v", errNonsense, err)
	}
	if errors.Is(err, framing.ErrNotText) {
		return fmt.Errorf("%w: %v", errNonsense, err)
	}
	return err
}
