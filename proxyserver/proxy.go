package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxClients       = 4096            // at once; more of them wait to be accepted
	maxRevalidations = 64              // at once, in the background
	stopLimit        = 5 * time.Second // to finish, for transfers under way when the proxy stops
)

type proxy struct {
	timeout    time.Duration // of origin servers
	tunnels    bool          // CONNECT is allowed
	allMethods bool
	verbose    bool
	name       string // that it signs in Via, and knows itself by
	port       int    // that it listens on
	cache      *cache
	origins    origins
	background sync.WaitGroup // what goes on without a client
	end        context.Context

	revalidations, tunnelPlaces chan struct{} // a place for each
}

// serve is the template's loop: it accepts clients until ctx is done, and
// returns when the last of them is gone.
func (p *proxy) serve(ctx context.Context, tcpSerSock net.Listener) {
	end, cancel := context.WithCancel(context.Background()) // of all transfers
	context.AfterFunc(ctx, func() {
		tcpSerSock.Close() // ends the wait in Accept
		time.AfterFunc(stopLimit, cancel)
	})
	p.end = end
	p.revalidations, p.tunnelPlaces = make(chan struct{}, maxRevalidations), make(chan struct{}, maxTunnels)
	p.origins.idle = map[string][]*originConn{}
	var clients sync.WaitGroup
	defer func() {
		clients.Wait()
		cancel()
		p.background.Wait()
	}()
	p.background.Go(func() { p.origins.expire(end) })

	places := make(chan struct{}, maxClients)
	for {
		places <- struct{}{}
		conn, err := tcpSerSock.Accept()
		if err != nil {
			<-places
			if ctx.Err() != nil {
				return // closed by us, above
			}
			log.Printf("waiting for a client: %v", err) // out of descriptors, say
			time.Sleep(50 * time.Millisecond)           // not a busy loop until some are free
			continue
		}
		clients.Go(func() {
			p.serveClient(ctx, end, conn)
			<-places
		})
	}
}

// serveClient serves one client: request after request, over one connection.
func (p *proxy) serveClient(ctx, end context.Context, conn net.Conn) {
	tcpCliSock := newClient(conn)
	defer tcpCliSock.hangUp()
	defer context.AfterFunc(ctx, tcpCliSock.letGo)()
	defer context.AfterFunc(end, func() { conn.Close() })()

	for !tcpCliSock.closing {
		message, err := tcpCliSock.receive(ctx)
		if err == nil {
			err = p.admit(message)
		}
		if err == nil {
			err = p.reply(end, tcpCliSock, message)
		}
		if p.verbose && message != nil {
			p.log(tcpCliSock, message, err)
		}
		var refused *refusal
		switch {
		case err == nil:
		case errors.As(err, &refused) && !tcpCliSock.begun:
			if tcpCliSock.sendPage(message, refused) != nil {
				return
			}
		default:
			tcpCliSock.breakOff()
			return
		}
	}
}

// reply is what the template does with a message: answer it from the cache or,
// if it is not there, from its origin server.
func (p *proxy) reply(ctx context.Context, tcpCliSock *client, m *message) error {
	switch {
	case m.Method == http.MethodConnect:
		return p.tunnel(ctx, tcpCliSock, m)
	case m.endsHere():
		return tcpCliSock.sendOwn(m, p.allMethods)
	}

	// Is it in the cache, or on its way there?
	found := p.lookUp(ctx, m)
	defer found.release()
	if found.usable {
		return tcpCliSock.sendStored(m, found)
	}
	if found.filling != nil {
		return tcpCliSock.sendFilling(m, found.filling, true, "; fwd=miss; collapsed")
	}
	if m.cc.onlyIfCached {
		return refuse(http.StatusGatewayTimeout, "", "The request allows only an answer from the cache, which has none")
	}

	// It is not: ask its server.
	var response *response
	err := found.failed
	if err == nil {
		response, err = p.ask(ctx, tcpCliSock, m, found.conditions)
	}
	if err != nil {
		found.fail(err)
	}
	if found.instead(m, response, err) {
		if err == nil {
			p.finish(response, tcpCliSock, response.body == nil)
		}
		return tcpCliSock.sendStored(m, found)
	}
	if err != nil {
		return found.explain(err)
	}
	finish := func(whole bool) { p.finish(response, tcpCliSock, whole) }
	validating := found.conditions != nil
	if found.learn(m, response) {
		finish(true)
		return tcpCliSock.sendStored(m, found)
	}
	if response.code == http.StatusNotModified && validating {
		finish(true)
		found.release()
		return p.reply(ctx, tcpCliSock, m) // what is still good has just gone
	}

	// Store the answer, if that is allowed, and send it to the client.
	status := found.status(response)
	if filling := found.keep(m, response, finish); filling != nil {
		defer filling.leave()
		if p.fill(found, filling) {
			status += "; stored"
		}
		return tcpCliSock.sendFilling(m, filling, false, status)
	}
	found.decide(nil)
	err = tcpCliSock.sendResponse(m, response, status)
	finish(err == nil)
	return err
}

// log tells what came of a request, as the template does.
func (p *proxy) log(tcpCliSock *client, m *message, err error) {
	outcome := tcpCliSock.outcome
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		outcome = strconv.Itoa(refused.code) + " " + err.Error()
	case err != nil:
		outcome += ", broken off: " + err.Error()
	}
	log.Printf("%v %s %s: %s", tcpCliSock.conn.RemoteAddr(), printable(m.Method), printable(m.RequestURI), printable(outcome))
}

// admit refuses what the proxy does not do.
func (p *proxy) admit(m *message) error {
	switch m.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodConnect:
	default:
		if !p.allMethods {
			return refuse(http.StatusNotImplemented, "http_request_denied",
				"The proxy serves GET, HEAD and POST; proxyserver -methods all makes it relay %.40s too", m.Method)
		}
	}
	for via := range members(m.Header["Via"]) {
		if words := strings.Fields(via); len(words) > 1 && words[1] == p.name {
			return refuse(http.StatusLoopDetected, "proxy_loop_detected", "The request has come through this proxy before: %s leads back to it", m.host)
		}
	}
	addVia(m.Header, versions[min(m.ProtoMinor, 1)], p.name)
	return nil
}
