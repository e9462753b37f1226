package main

import (
	"bufio"
	"context"
	"net"
	"time"

	"socketlab/framing"
)

// A member is one client on the server's side.
type member struct {
	conn  *framing.Conn
	queue *queue
	name  string        // belongs to the room
	gone  chan struct{} // closed when the name is free again
}

func newMember(conn net.Conn) *member {
	framed := framing.NewConn(bufferedConn{conn, bufio.NewReaderSize(conn, 512)})
	framed.MaxSize = maxLine
	return &member{conn: framed, queue: newQueue(), gone: make(chan struct{})}
}

// A bufferedConn reads ahead, so that a short line, or several, take one system
// call and not two each.
type bufferedConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c bufferedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// receive waits for the next line, for as long as patience and ctx last.
func (m *member) receive(ctx context.Context, patience time.Duration) (string, error) {
	if err := m.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err // send or put has closed the connection: what was read ahead is of no use
	}
	if ctx.Err() != nil {
		m.conn.SetReadDeadline(time.Now())
	}
	return m.conn.ReceiveText()
}

// tell queues a text for this member.
func (m *member) tell(text string) { m.put(encode(text)) }

// put queues a packet for this member. One who does not read is let go: closing
// the connection ends its receive and its send, and it leaves the room.
func (m *member) put(packet []byte) {
	if !m.queue.put(packet) {
		m.conn.Close()
	}
}

// bidFarewell tells the member why it has to leave, if it has to, and lets send
// end when all is sent.
func (m *member) bidFarewell(why error) {
	switch {
	case why == nil:
	case why == errStopping && m.name != "": // to a newcomer, a * would be the welcome
		m.tell("* " + why.Error())
	default:
		m.tell("! " + why.Error())
	}
	m.queue.close()
}

// send sends what is queued until the queue is closed and empty. What has come
// together while the last write was under way leaves in one write.
func (m *member) send() {
	for packets := m.queue.take(); packets != nil; packets = m.queue.take() {
		if _, err := m.conn.Write(packets.Bytes()); err != nil {
			m.conn.Close() // ends receive
			return
		}
		recycle(packets)
	}
	if half, ok := m.conn.Conn.(bufferedConn).Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
