package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	tunnelIdle = 5 * time.Minute // without a byte in either direction
	maxTunnels = 1024            // at once
)

// tunnel connects the client with a server and passes on what either sends, to
// the end of both directions. It is all that a proxy can do for https, which is
// not for its eyes.
func (p *proxy) tunnel(ctx context.Context, tcpCliSock *client, m *message) error {
	if !p.tunnels {
		return refuse(http.StatusNotImplemented, "http_request_denied", "CONNECT is off; proxyserver -connect turns it on")
	}
	select {
	case p.tunnelPlaces <- struct{}{}:
		defer func() { <-p.tunnelPlaces }()
	default:
		return refuse(http.StatusServiceUnavailable, "proxy_internal_error", "There are %d tunnels already", maxTunnels)
	}
	server, err := p.dialOrigin(ctx, m.host)
	if err != nil {
		return err
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { server.Close() })()

	tcpCliSock.begun, tcpCliSock.closing = true, true
	if err := tcpCliSock.write([]byte("HTTP/1.1 200 Connection established\r\nVia: 1.1 " + p.name + "\r\n\r\n")); err != nil {
		return err
	}
	// A client may talk before it hears that it can.
	early, _ := tcpCliSock.in.Peek(tcpCliSock.in.Buffered())
	if _, err := server.Write(early); err != nil {
		return err
	}
	back := make(chan struct{})
	go func() {
		passOn(tcpCliSock.conn, server)
		close(back)
	}()
	passOn(server, tcpCliSock.conn)
	<-back
	return nil
}

// passOn copies one direction of a tunnel to its end, and then ends that
// direction alone. Whatever moves in either direction puts off the end of both.
func passOn(to, from net.Conn) {
	buffer := *buffers.Get().(*[]byte)
	defer buffers.Put(&buffer)
	for {
		from.SetReadDeadline(time.Now().Add(tunnelIdle))
		n, err := from.Read(buffer)
		if n > 0 {
			to.SetReadDeadline(time.Now().Add(tunnelIdle))
			to.SetWriteDeadline(time.Now().Add(stallTimeout))
			if _, err := to.Write(buffer[:n]); err != nil {
				from.Close()
				to.Close()
				return
			}
		}
		if err != nil {
			if half, ok := to.(interface{ CloseWrite() error }); ok && err == io.EOF {
				half.CloseWrite()
			} else {
				from.Close()
				to.Close()
			}
			return
		}
	}
}
