package framing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

func Example() {
	clientSocket, serverSocket := net.Pipe() // or net.Dial here and Accept there
	go func() {
		server := NewConn(serverSocket)
		defer server.Close()
		sentence, err := server.ReceiveText()
		if err != nil {
			log.Print(err)
			return
		}
		server.SendText(strings.ToUpper(sentence))
	}()

	client := NewConn(clientSocket)
	defer client.Close()
	client.SendText("привет")
	answer, err := client.ReceiveText()
	fmt.Println(answer, err)

	_, err = client.ReceiveText()
	fmt.Println(err)
	// Output:
	// ПРИВЕТ <nil>
	// EOF
}

// A fakeConn reads from Reader and writes to Writer; nothing else of it works.
type fakeConn struct {
	net.Conn
	io.Reader
	io.Writer
}

func (c fakeConn) Read(p []byte) (int, error)  { return c.Reader.Read(p) }
func (c fakeConn) Write(p []byte) (int, error) { return c.Writer.Write(p) }

// writes records each Write.
type writes [][]byte

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, bytes.Clone(p))
	return len(p), nil
}

func TestSend(t *testing.T) {
	tests := []struct{ message, want string }{
		{"", "\x00\x00\x00\x00"},
		{"hello", "\x00\x00\x00\x05hello"},
		{"\xff\x00", "\x00\x00\x00\x02\xff\x00"},
		{strings.Repeat("x", 65537), "\x00\x01\x00\x01" + strings.Repeat("x", 65537)},
		{strings.Repeat("x", 1<<20), "\x00\x10\x00\x00" + strings.Repeat("x", 1<<20)},
	}
	for _, test := range tests {
		var sent writes
		conn := NewConn(fakeConn{Writer: &sent})
		if err := conn.Send([]byte(test.message)); err != nil || len(sent) != 1 || string(sent[0]) != test.want {
			t.Errorf("Send(%.20q): %v, and %d writes %.40q; want one, %.40q", test.message, err, len(sent), sent, test.want)
		}
	}
}

func TestAppend(t *testing.T) {
	packet := Append(nil, "hello")
	packet = Append(packet, []byte{})
	packet = Append(packet, "п")
	if want := "\x00\x00\x00\x05hello" + "\x00\x00\x00\x00" + "\x00\x00\x00\x02п"; string(packet) != want {
		t.Errorf("three messages are %q, want %q", packet, want)
	}
	conn := NewConn(fakeConn{Reader: bytes.NewReader(packet)})
	for _, want := range []string{"hello", "", "п"} {
		if got, err := conn.ReceiveText(); got != want || err != nil {
			t.Errorf("ReceiveText = %q, %v, want %q", got, err, want)
		}
	}
}

func TestSendRefuses(t *testing.T) {
	var sent writes
	conn := NewConn(fakeConn{Writer: &sent})
	if err := conn.Send(make([]byte, 1<<20+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("Send of 1 MiB and a byte = %v, want %v", err, ErrTooLong)
	}
	conn.MaxSize = 5
	if err := conn.SendText("привет"); !errors.Is(err, ErrTooLong) {
		t.Errorf("SendText of 12 bytes with MaxSize 5 = %v, want %v", err, ErrTooLong)
	}
	if err := conn.SendText("a\xff"); err != ErrNotText {
		t.Errorf("SendText of bytes = %v, want %v", err, ErrNotText)
	}
	if len(sent) > 0 {
		t.Errorf("refused messages were sent: %q", sent)
	}
	if err := conn.SendText("after"); err != nil || len(sent) != 1 {
		t.Errorf("SendText after refusals = %v, want it sent", err)
	}
}

func TestReceive(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	stream := "\x00\x00\x00\x05hello" + "\x00\x00\x00\x00" + "\x00\x00\x00\x02\xff\x00" + "\x00\x10\x00\x00" + long
	for about, reader := range map[string]io.Reader{
		"whole":       strings.NewReader(stream),
		"byte a time": iotest.OneByteReader(strings.NewReader(stream)),
		"end in data": iotest.DataErrReader(strings.NewReader(stream)),
	} {
		conn := NewConn(fakeConn{Reader: reader})
		for _, want := range []string{"hello", "", "\xff\x00", long} {
			if got, err := conn.Receive(); err != nil || got == nil || string(got) != want {
				t.Errorf("%s: Receive = %.20q, %v, want %.20q", about, got, err, want)
			}
		}
		for range 2 {
			if _, err := conn.Receive(); err != io.EOF {
				t.Errorf("%s: Receive at the end = %v, want io.EOF", about, err)
			}
		}
	}
}

func TestReceiveBrokenStream(t *testing.T) {
	tests := []struct {
		stream string
		want   error
	}{
		{"", io.EOF},
		{"\x00\x00", io.ErrUnexpectedEOF},           // half a prefix
		{"\x00\x00\x00\x05", io.ErrUnexpectedEOF},   // a prefix alone
		{"\x00\x00\x00\x05he", io.ErrUnexpectedEOF}, // half a message
		{"\x00\x10\x00\x01", ErrTooLong},
		{"\x80\x00\x00\x00", ErrTooLong}, // negative, were it signed
		{"\xff\xff\xff\xff", ErrTooLong},
		{"GET / HTTP/1.1\r\n\r\n", ErrTooLong},
	}
	for _, test := range tests {
		conn := NewConn(fakeConn{Reader: strings.NewReader(test.stream)})
		for range 2 { // the error stays, and no bytes of a message are taken for a prefix
			if _, err := conn.Receive(); !errors.Is(err, test.want) {
				t.Errorf("Receive from %q = %v, want %v", test.stream, err, test.want)
			}
		}
	}
}

// TestReceiveAllocatesAfterTheCheck sends a prefix that promises 4 GiB.
func TestReceiveAllocatesAfterTheCheck(t *testing.T) {
	prefix := []byte("\xff\xff\xff\xff")
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			NewConn(fakeConn{Reader: bytes.NewReader(prefix)}).Receive()
		}
	})
	if bytes := result.AllocedBytesPerOp(); bytes > 4096 {
		t.Errorf("Receive allocates %d bytes to refuse a message", bytes)
	}
}

func TestReceiveMaxSize(t *testing.T) {
	conn := NewConn(fakeConn{Reader: strings.NewReader("\x00\x00\x00\x05hello\x00\x00\x00\x06sorry!")})
	conn.MaxSize = 5
	if got, err := conn.Receive(); string(got) != "hello" || err != nil {
		t.Errorf("Receive of 5 bytes with MaxSize 5 = %q, %v", got, err)
	}
	if _, err := conn.Receive(); !errors.Is(err, ErrTooLong) {
		t.Errorf("Receive of 6 bytes with MaxSize 5 = %v, want %v", err, ErrTooLong)
	}
}

func TestReceiveText(t *testing.T) {
	conn := NewConn(fakeConn{Reader: strings.NewReader("\x00\x00\x00\x02\xd0\xbf" + "\x00\x00\x00\x01\xd0" + "\x00\x00\x00\x02ok")})
	for _, want := range []struct {
		text string
		err  error
	}{{"п", nil}, {"", ErrNotText}, {"ok", nil}, {"", io.EOF}} {
		if text, err := conn.ReceiveText(); text != want.text || err != want.err {
			t.Errorf("ReceiveText = %q, %v, want %q, %v", text, err, want.text, want.err)
		}
	}
}

// TestReadGoesOn is for programs that send raw bytes after a message.
func TestReadGoesOn(t *testing.T) {
	conn := NewConn(fakeConn{Reader: strings.NewReader("\x00\x00\x00\x05hello" + "raw bytes")})
	if _, err := conn.Receive(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); string(rest) != "raw bytes" || err != nil {
		t.Errorf("Read after Receive = %q, %v, want the bytes after the message", rest, err)
	}
}

func TestDeadlineBetweenMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		conn := NewConn(a)
		conn.SetDeadline(time.Now().Add(time.Second))
		if _, err := conn.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Receive without a message = %v, want a timeout", err)
		}
		if err := conn.SendText("nobody reads"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Send without a reader = %v, want a timeout", err)
		}

		conn.SetDeadline(time.Time{})
		go func() { NewConn(b).SendText("late"); NewConn(b).Receive() }()
		if text, err := conn.ReceiveText(); text != "late" || err != nil {
			t.Errorf("Receive after the timeout = %q, %v", text, err)
		}
		if err := conn.SendText("late, too"); err != nil {
			t.Errorf("Send after the timeout = %v", err)
		}
	})
}

func TestDeadlineInsideAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		conn := NewConn(a)

		go b.Write([]byte("\x00\x00\x00\x05he"))
		conn.SetDeadline(time.Now().Add(time.Second))
		for range 2 {
			if _, err := conn.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Receive of half a message = %v, want a timeout", err)
			}
			conn.SetDeadline(time.Time{}) // and yet it does not go on in the middle
		}

		go io.ReadFull(b, make([]byte, 6))
		conn.SetDeadline(time.Now().Add(time.Second))
		for range 2 {
			if err := conn.SendText("hello"); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Send to a reader who stops halfway = %v, want a timeout", err)
			}
			conn.SetDeadline(time.Time{})
		}
	})
}

// TestSendFromManyGoroutines looks for messages inside messages.
func TestSendFromManyGoroutines(t *testing.T) {
	const senders, each = 16, 50
	a, b := connect(t)
	var sending sync.WaitGroup
	for i := range senders {
		message := bytes.Repeat([]byte{byte('a' + i)}, 1+i*5000) // up to what no socket buffer takes at once
		sending.Go(func() {
			for range each {
				if err := a.Send(message); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	go func() { sending.Wait(); a.Close() }()

	received := 0
	for ; ; received++ {
		message, err := b.Receive()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := bytes.Repeat(message[:1], 1+int(message[0]-'a')*5000); !bytes.Equal(message, want) {
			t.Fatalf("a message of %q came as %d bytes, want %d of them", message[0], len(message), len(want))
		}
	}
	if received != senders*each {
		t.Errorf("%d messages came, want %d", received, senders*each)
	}
}

// TestSendHoldsALock has a connection that, unlike TCP's, does not keep the
// writes of two goroutines apart.
func TestSendHoldsALock(t *testing.T) {
	var stream bytes.Buffer
	conn := NewConn(fakeConn{Writer: yieldingWriter{&stream}})
	var sending sync.WaitGroup
	for range 4 {
		sending.Go(func() {
			for range 50 {
				conn.SendText("hello")
			}
		})
	}
	sending.Wait()
	if want := strings.Repeat("\x00\x00\x00\x05hello", 200); stream.String() != want {
		t.Error("messages have come inside messages")
	}
}

// A yieldingWriter writes byte by byte, and lets others run in between.
type yieldingWriter struct{ stream *bytes.Buffer }

func (w yieldingWriter) Write(p []byte) (int, error) {
	for _, b := range p {
		w.stream.WriteByte(b)
		runtime.Gosched()
	}
	return len(p), nil
}

func TestAllocations(t *testing.T) {
	message := bytes.Repeat([]byte("x"), 1000)
	sender := NewConn(fakeConn{Writer: io.Discard})
	if n := testing.AllocsPerRun(100, func() { sender.Send(message) }); n > 1 {
		t.Errorf("Send allocates %v times a message, want 1", n)
	}
	stream := bytes.Repeat(append([]byte("\x00\x00\x03\xe8"), message...), 200)
	receiver := NewConn(fakeConn{Reader: bytes.NewReader(stream)})
	if n := testing.AllocsPerRun(100, func() { receiver.Receive() }); n > 1 {
		t.Errorf("Receive allocates %v times a message, want 1", n)
	}
}

// FuzzReceive compares Receive with what the prefixes say, whatever they say.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05hello\x00\x00\x00\x00\x00\x00\x00\x02ab"), uint16(8))
	f.Add([]byte("\x00\x00\x00\x05he"), uint16(5))
	f.Add([]byte("\x00\x00\x00\x05hello\x00\x00\x00\x00"), uint16(4))
	f.Add([]byte("\xff\xff\xff\xff"), uint16(math.MaxUint16))
	f.Fuzz(func(t *testing.T, stream []byte, maxSize uint16) {
		conn := NewConn(fakeConn{Reader: iotest.HalfReader(bytes.NewReader(stream))})
		conn.MaxSize = int(maxSize)
		for rest := stream; ; {
			message, err := conn.Receive()

			var want error
			var size uint32
			switch {
			case len(rest) == 0:
				want = io.EOF
			case len(rest) < 4:
				want = io.ErrUnexpectedEOF
			default:
				size = binary.BigEndian.Uint32(rest)
				rest = rest[4:]
				if size > uint32(maxSize) {
					want = ErrTooLong
				} else if int(size) > len(rest) {
					want = io.ErrUnexpectedEOF
				}
			}
			if !errors.Is(err, want) {
				t.Fatalf("Receive with %q before it = %v, want %v", rest, err, want)
			}
			if err != nil {
				return
			}
			if !bytes.Equal(message, rest[:size]) {
				t.Fatalf("Receive = %q, want %q", message, rest[:size])
			}
			rest = rest[size:]
		}
	})
}

// connect returns the two ends of a TCP connection.
func connect(tb testing.TB) (*Conn, *Conn) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	a, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { a.Close() })
	b, err := listener.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Close() })
	return NewConn(a), NewConn(b)
}

// The benchmarks send over TCP: messages one way as fast as they go, then one
// message there and back, and that once more with no framing at all.

func BenchmarkSendReceive(b *testing.B) {
	for _, size := range []int{64, 4096, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			sender, receiver := connect(b)
			message := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			go func() {
				for range b.N {
					sender.Send(message)
				}
			}()
			for range b.N {
				if _, err := receiver.Receive(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	client, server := connect(b)
	go func() {
		for {
			message, err := server.Receive()
			if err != nil {
				return
			}
			server.Send(message)
		}
	}()
	message := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		client.Send(message)
		if _, err := client.Receive(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoundTripUnframed(b *testing.B) {
	client, server := connect(b)
	go io.Copy(server.Conn, server.Conn)
	message := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		client.Write(message)
		if _, err := io.ReadFull(client, message); err != nil {
			b.Fatal(err)
		}
	}
}
