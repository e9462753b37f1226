package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"socketlab/framing"
)

// startServer serves on a free port until the test is over.
func startServer(tb testing.TB) (addr string) {
	tb.Helper()
	addr, stop := startStoppable(tb)
	tb.Cleanup(stop)
	return addr
}

// startStoppable serves on a free port until stop is called, which waits for
// its end.
func startStoppable(tb testing.TB) (addr string, stop func()) {
	tb.Helper()
	serverSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := newServer(time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { s.serve(ctx, serverSocket); close(served) }()
	return serverSocket.Addr().String(), func() { cancel(); <-served }
}

// A testClient speaks the protocol, message by message.
type testClient struct {
	testing.TB
	*framing.Conn
}

func connect(tb testing.TB, addr string) testClient {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return testClient{tb, newConn(conn)}
}

func (c testClient) say(message any) {
	c.Helper()
	if err := sendMessage(c.Conn, message); err != nil {
		c.Errorf("sending %+v: %v", message, err)
	}
}

func (c testClient) sendBytes(data []byte) {
	c.Helper()
	if _, err := c.Conn.Write(data); err != nil {
		c.Errorf("sending %d bytes: %v", len(data), err)
	}
}

func (c testClient) wants(want answer) {
	c.Helper()
	var got answer
	if err := receiveMessage(c.Conn, &got); err != nil || !reflect.DeepEqual(got, want) {
		c.Errorf("the answer is %+v, %v, want %+v", got, err, want)
	}
}

func (c testClient) wantsOffer(want offer) {
	c.Helper()
	var got offer
	if err := receiveMessage(c.Conn, &got); err != nil || got != want {
		c.Errorf("the offer is %+v, %v, want %+v", got, err, want)
	}
}

func (c testClient) wantsBytes(want []byte) {
	c.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c.Conn, got); err != nil || !bytes.Equal(got, want) {
		c.Errorf("%d bytes of the image came, %v, want %d", n, err, len(want))
	}
}

func (c testClient) wantsEnd() {
	c.Helper()
	if n, err := io.Copy(io.Discard, c.Conn); n > 0 {
		c.Errorf("%d bytes came, %v, want the end of the connection", n, err)
	}
}

// register registers a receiver, and waits while its name is still taken by one
// that leaves.
func register(tb testing.TB, addr, name string) testClient {
	tb.Helper()
	for {
		c := connect(tb, addr)
		c.say(request{Role: "receive", offer: offer{Name: name}})
		var a answer
		if err := receiveMessage(c.Conn, &a); err != nil {
			tb.Fatal(err)
		}
		if a.OK {
			return c
		}
		c.Close()
	}
}

// picturePNG is a small picture.
var picturePNG = func() []byte {
	var buffer bytes.Buffer
	png.Encode(&buffer, image.NewGray(image.Rect(0, 0, 3, 2)))
	return buffer.Bytes()
}()

func offerOf(name string, data []byte) offer {
	hash := sha256.Sum256(data)
	return offer{From: "alice", Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(hash[:])}
}

func sendRequest(name string, data []byte) request {
	return request{Role: "send", To: "bob", offer: offerOf(name, data)}
}

var (
	yes  = answer{OK: true}
	data = bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB, more than one portion
)

// TestProtocol is the conversation of the package comment, byte for byte.
func TestProtocol(t *testing.T) {
	addr := startServer(t)
	text := func(c testClient, want string) {
		t.Helper()
		if got, err := c.ReceiveText(); got != want {
			t.Errorf("received %s, %v, want %s", got, err, want)
		}
	}
	sender := connect(t, addr)
	sender.SendText(`{"role":"list"}`)
	text(sender, `{"ok":true,"receivers":[]}`)
	bob := connect(t, addr)
	bob.SendText(`{"role":"receive","name":"bob"}`)
	text(bob, `{"ok":true}`)
	sender.SendText(`{"role":"list","of":["unknown","fields"]}`)
	text(sender, `{"ok":true,"receivers":["bob"]}`)

	hash := strings.Repeat("0f", 32)
	for range 2 { // a connection goes on after an image
		sender.SendText(`{"role":"send","from":"alice","to":"bob","name":"cat.png","size":5,"sha256":"` + hash + `"}`)
		text(bob, `{"from":"alice","name":"cat.png","size":5,"sha256":"`+hash+`"}`)
		bob.SendText(`{"ok":true}`)
		text(sender, `{"ok":true}`)
		sender.sendBytes([]byte("meow!"))
		bob.wantsBytes([]byte("meow!"))
		bob.SendText(`{"ok":false,"error":"this is no cat"}`)
		text(sender, `{"ok":false,"error":"this is no cat"}`)
	}
}

func TestRefusals(t *testing.T) {
	addr := startServer(t)
	bob := register(t, addr, "bob")
	hash := strings.Repeat("0", 64)
	for _, message := range []string{
		``, `{`, `null`, `[]`, `5`, `"list"`, "\xff", `{}`, `{"role":5}`, `{"role":"dance"}`, strings.Repeat("[", maxMessage),
		`{"role":"receive"}`, `{"role":"receive","name":5}`, `{"role":"receive","name":"bob"}`, `{"role":"receive","name":"b\u001b"}`,
		`{"role":"receive","name":"123456789012345678901"}`,
		`{"role":"send","from":"alice","to":"carl","name":"cat.png","size":5,"sha256":"` + hash + `"}`,
		`{"role":"send","from":"al ice","to":"bob","name":"cat.png","size":5,"sha256":"` + hash + `"}`,
		`{"role":"send","from":"alice","to":"bob","name":"","size":5,"sha256":"` + hash + `"}`,
		`{"role":"send","from":"alice","to":"bob","name":"` + strings.Repeat("x", maxImageName+1) + `","size":5,"sha256":"` + hash + `"}`,
		`{"role":"send","from":"alice","to":"bob","name":"cat.png","size":0,"sha256":"` + hash + `"}`,
		`{"role":"send","from":"alice","to":"bob","name":"cat.png","size":-5,"sha256":"` + hash + `"}`,
		`{"role":"send","from":"alice","to":"bob","name":"cat.png","size":"5","sha256":"` + hash + `"}`,
		`{"role":"send","from":"alice","to":"bob","name":"cat.png","size":1e99,"sha256":"` + hash + `"}`,
		`{"role":"send","from":"alice","to":"bob","name":"cat.png","size":5,"sha256":"` + hash[1:] + `"}`,
		`{"role":"send","from":"alice","to":"bob","name":"cat.png","size":5,"sha256":"` + hash[2:] + `xx"}`,
	} {
		client := connect(t, addr)
		client.Send([]byte(message))
		var a answer
		if err := receiveMessage(client.Conn, &a); err != nil || a.OK || a.Error == "" {
			t.Errorf("%.60q is answered with %+v, %v, want an error", message, a, err)
		}
		client.say(request{Role: "list"}) // and the connection goes on
		client.wants(answer{OK: true, Receivers: []string{"bob"}})
		client.Close()
	}

	client := connect(t, addr)
	client.sendBytes([]byte("GET / HTTP/1.1\r\n\r\n")) // the length is 1195725856
	var a answer
	if err := receiveMessage(client.Conn, &a); err != nil || a.OK {
		t.Errorf("a message of a gigabyte is answered with %+v, %v, want an error", a, err)
	}
	client.wantsEnd()
	bob.Close()
}

// TestTurns has two senders for one receiver, and between them one that leaves
// before its turn.
func TestTurns(t *testing.T) {
	addr := startServer(t)
	bob := register(t, addr, "bob")
	first, left, second := connect(t, addr), connect(t, addr), connect(t, addr)
	first.say(sendRequest("first.png", data))
	bob.wantsOffer(offerOf("first.png", data))
	left.say(sendRequest("left.png", data))
	left.Close()
	second.say(sendRequest("second.png", data))

	bob.say(yes)
	first.wants(yes)
	go first.sendBytes(data)
	bob.wantsBytes(data)
	bob.say(yes)
	first.wants(yes)

	bob.wantsOffer(offerOf("second.png", data))
	bob.say(refusal("enough"))
	second.wants(refusal("enough"))
	second.say(sendRequest("third.png", picturePNG))
	bob.wantsOffer(offerOf("third.png", picturePNG))
}

func TestQueueIsBounded(t *testing.T) {
	addr := startServer(t)
	bob := register(t, addr, "bob")
	first := connect(t, addr)
	first.say(sendRequest("first.png", data))
	bob.wantsOffer(offerOf("first.png", data))
	refused := make(chan answer)
	for range maxQueue + 1 {
		waiting := connect(t, addr)
		waiting.say(sendRequest("next.png", data))
		go func() {
			var a answer
			receiveMessage(waiting.Conn, &a)
			refused <- a
		}()
	}
	if got, want := <-refused, refusal("%d others are waiting to send to bob", maxQueue); !reflect.DeepEqual(got, want) {
		t.Errorf("one sender too many hears %+v, want %+v", got, want)
	}
	bob.Close()
	for range maxQueue {
		if got, want := <-refused, refusal("bob has left"); !reflect.DeepEqual(got, want) {
			t.Errorf("when the receiver leaves, a sender hears %+v, want %+v", got, want)
		}
	}
	first.wants(refusal("bob has left"))
}

func TestSenderBreaksOff(t *testing.T) {
	addr := startServer(t)
	for _, rudely := range []bool{false, true} {
		bob := register(t, addr, "bob")
		sender := connect(t, addr)
		sender.say(sendRequest("cat.png", data))
		bob.wantsOffer(offerOf("cat.png", data))
		bob.say(yes)
		sender.wants(yes)
		sender.sendBytes(data[:1000])
		bob.wantsBytes(data[:1000])
		if rudely {
			sender.Conn.Conn.(*net.TCPConn).SetLinger(0)
		}
		sender.Close()
		bob.wantsEnd()
	}
}

func TestReceiverBreaksOff(t *testing.T) {
	addr := startServer(t)
	for _, received := range []int{-1, 0, 1000, len(data)} { // and -1 is before its answer
		bob := register(t, addr, "bob")
		sender := connect(t, addr)
		sender.say(sendRequest("cat.png", data))
		bob.wantsOffer(offerOf("cat.png", data))
		if received >= 0 {
			bob.say(yes)
			sender.wants(yes)
			sender.sendBytes(data[:received]) // and then the sender pauses
			bob.wantsBytes(data[:received])
		}
		bob.Close()
		sender.wants(refusal("bob has left"))
	}
}

// TestReceiverResets has receivers that leave while the sender sends on: whichever
// side the server notices it on, the sender hears who has left, and not whence.
func TestReceiverResets(t *testing.T) {
	addr := startServer(t)
	for range 20 {
		bob := register(t, addr, "bob")
		sender := connect(t, addr)
		o := offerOf("cat.png", data)
		o.Size = 1 << 40
		sender.say(request{Role: "send", To: "bob", offer: o})
		bob.wantsOffer(o)
		bob.say(yes)
		sender.wants(yes)
		sending := make(chan struct{})
		go func() {
			defer close(sending)
			for {
				if _, err := sender.Conn.Write(data); err != nil {
					return
				}
			}
		}()
		bob.wantsBytes(data)
		bob.Close() // over bytes that it has not read
		sender.wants(refusal("bob has left"))
		sender.Close()
		<-sending
	}
}

// TestReceiverRefusesInTheMiddle has a receiver whose disk is full long before
// the image ends, while the sender sends on.
func TestReceiverRefusesInTheMiddle(t *testing.T) {
	addr := startServer(t)
	bob := register(t, addr, "bob")
	sender := connect(t, addr)
	o := offerOf("cat.png", data)
	o.Size = 1 << 40
	sender.say(request{Role: "send", To: "bob", offer: o})
	bob.wantsOffer(o)
	bob.say(yes)
	sender.wants(yes)
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		for {
			if _, err := sender.Conn.Write(data); err != nil {
				return
			}
		}
	}()
	bob.wantsBytes(data)
	bob.say(refusal("the disk is full"))
	sender.wants(refusal("the disk is full"))
	sender.Close()
	<-sending
}

func TestReceiverAnswersNonsense(t *testing.T) {
	addr := startServer(t)
	bob := register(t, addr, "bob")
	sender := connect(t, addr)
	sender.say(sendRequest("cat.png", data))
	bob.wantsOffer(offerOf("cat.png", data))
	bob.SendText("what?")
	sender.wants(refusal("bob answers nonsense"))
	bob.wantsEnd()

	bob = register(t, addr, "bob")
	bob.sendBytes([]byte("hello?")) // out of turn
	bob.wantsEnd()
	register(t, addr, "bob")
}

func TestTenPairs(t *testing.T) {
	addr := startServer(t)
	var pairs sync.WaitGroup
	for i := range 10 {
		name := fmt.Sprint("bob-", i)
		bob, sender := register(t, addr, name), connect(t, addr)
		image := bytes.Repeat([]byte{byte(i)}, 3<<20)
		o := offerOf("cat.png", image)
		pairs.Go(func() {
			sender.say(request{Role: "send", To: name, offer: o})
			sender.wants(yes)
			sender.sendBytes(image)
			sender.wants(yes)
		})
		pairs.Go(func() {
			bob.wantsOffer(o)
			bob.say(yes)
			bob.wantsBytes(image)
			bob.say(yes)
		})
	}
	pairs.Wait()
}

// TestStop stops the server with clients that have nothing in hand, and with an
// image on its way.
func TestStop(t *testing.T) {
	addr, stop := startStoppable(t)
	register(t, addr, "carl")
	connect(t, addr)
	bob, sender, waiting := register(t, addr, "bob"), connect(t, addr), connect(t, addr)
	sender.say(sendRequest("cat.png", data))
	bob.wantsOffer(offerOf("cat.png", data))
	bob.say(yes)
	sender.wants(yes)
	sender.sendBytes(data[:1000])
	waiting.say(sendRequest("late.png", data))

	start := time.Now()
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	var a answer // none, if the server had not heard of this sender before it stopped
	if err := receiveMessage(waiting.Conn, &a); err == nil && !reflect.DeepEqual(a, refusal("the server is stopping")) {
		t.Errorf("a sender that waits when the server stops hears %+v", a)
	}
	go sender.sendBytes(data[1000:])
	bob.wantsBytes(data)
	bob.say(yes)
	sender.wants(yes)
	bob.wantsEnd()
	sender.wantsEnd()
	<-stopped
	if took := time.Since(start); took > stopLimit/2 {
		t.Errorf("stopping took %v", took)
	}
}

// TestStopAfterBreak stops the server while a sender, whose receiver has left,
// still holds its connection.
func TestStopAfterBreak(t *testing.T) {
	addr, stop := startStoppable(t)
	bob, sender := register(t, addr, "bob"), connect(t, addr)
	sender.say(sendRequest("cat.png", data))
	bob.wantsOffer(offerOf("cat.png", data))
	bob.say(yes)
	sender.wants(yes)
	sender.sendBytes(data[:1000])
	bob.wantsBytes(data[:1000])
	bob.Close()
	sender.wants(refusal("bob has left"))

	start := time.Now()
	stop()
	if took := time.Since(start); took > stopLimit/2 {
		t.Errorf("stopping took %v", took)
	}
}

// newServer returns a server without a socket.
func newServer(idle time.Duration) *server {
	return &server{idle: idle, receivers: make(map[string]*receiver)}
}

// pipe has the server serve one end of a pipe, and returns the other.
func pipe(t *testing.T, s *server, ctx context.Context) testClient {
	client, serverEnd := net.Pipe()
	go s.serveClient(ctx, newConn(serverEnd))
	return testClient{t, newConn(client)}
}

// TestIdle is about who is let go for silence, and when, in virtual time.
func TestIdle(t *testing.T) {
	const idle = 5 * time.Minute
	took := func(t *testing.T, what string, want time.Duration, start time.Time) {
		t.Helper()
		if took := time.Since(start); took != want {
			t.Errorf("%s: %v, want %v", what, took, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := newServer(idle)
		start := time.Now()
		pipe(t, s, t.Context()).wantsEnd()
		took(t, "a client that says nothing", idle, start)

		bob := pipe(t, s, t.Context())
		bob.say(request{Role: "receive", offer: offer{Name: "bob"}})
		bob.wants(yes)
		time.Sleep(100 * idle) // a receiver may wait for ever
		start = time.Now()
		sender := pipe(t, s, t.Context())
		sender.say(sendRequest("cat.png", data))
		bob.wantsOffer(offerOf("cat.png", data))
		sender.wants(refusal("bob does not answer"))
		took(t, "a receiver that does not answer an offer", idle, start)
		bob.wantsEnd()

		bob = pipe(t, s, t.Context())
		bob.say(request{Role: "receive", offer: offer{Name: "bob"}})
		bob.wants(yes)
		sender.say(sendRequest("cat.png", data))
		bob.wantsOffer(offerOf("cat.png", data))
		bob.say(yes)
		sender.wants(yes)
		for i := range 10 { // an image may be slow
			time.Sleep(idle - time.Second)
			go sender.sendBytes(data[i*minPortion : (i+1)*minPortion])
			bob.wantsBytes(data[i*minPortion : (i+1)*minPortion])
		}
		start = time.Now()
		go bob.wantsEnd()
		sender.wants(refusal("the image has broken off: it has not moved for 5m0s"))
		took(t, "an image that stands still", idle, start)
		sender.Close()
		synctest.Wait()
	})
}

// FuzzServeClient has a client say anything, and then wants the server to be
// done with it.
func FuzzServeClient(f *testing.F) {
	for _, text := range []string{`{"role":"list"}`, `{"role":"receive","name":"bob"}`, `{"role":"send"}`, `[]`, "\xff"} {
		f.Add(append([]byte{0, 0, 0, byte(len(text))}, text...))
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := newServer(time.Minute)
		client, serverEnd := net.Pipe()
		go io.Copy(io.Discard, client)
		go func() { client.Write(said); client.Close() }()
		s.serveClient(t.Context(), newConn(serverEnd))
		if len(s.receivers) > 0 {
			t.Errorf("after %q %d receivers are still registered", said, len(s.receivers))
		}
	})
}

// BenchmarkRelay sends an image of b.N MiB through the server.
func BenchmarkRelay(b *testing.B) {
	addr := startServer(b)
	bob, sender := register(b, addr, "bob"), connect(b, addr)
	bob.SetDeadline(time.Time{})
	sender.SetDeadline(time.Time{})
	b.SetBytes(int64(len(data)))
	o := offerOf("cat.png", data)
	o.Size *= int64(b.N)
	b.ResetTimer()
	sender.say(request{Role: "send", To: "bob", offer: o})
	bob.wantsOffer(o)
	bob.say(yes)
	sender.wants(yes)
	go func() {
		for range b.N {
			sender.Conn.Write(data)
		}
	}()
	if n, err := io.CopyN(io.Discard, bob.Conn, o.Size); err != nil {
		b.Errorf("%d bytes came, %v, want %d", n, err, o.Size)
	}
	bob.say(yes)
	sender.wants(yes)
}
