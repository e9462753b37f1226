package main

import (
	"context"
	"log"
	"net"
	"time"
)

// stopLimit is how long answers that are held back have to leave when the
// server stops.
const stopLimit = 5 * time.Second

// serve is the listing's loop: it answers each datagram in upper case, unless
// the network loses it, until ctx is done.
func serve(ctx context.Context, serverSocket *net.UDPConn, network *network) {
	context.AfterFunc(ctx, func() { serverSocket.SetReadDeadline(time.Now()) }) // ends the wait for a datagram
	defer network.wait(stopLimit)

	buffer := make([]byte, maxDatagram)
	for {
		n, address, err := serverSocket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			log.Printf("receiving a ping: %v", err)
			time.Sleep(50 * time.Millisecond) // not a busy loop while the trouble lasts
			continue
		}
		message := upper(buffer[:n])
		if network.lost() {
			continue
		}
		network.carry(message, func(message []byte) {
			if _, err := serverSocket.WriteToUDPAddrPort(message, address); err != nil {
				log.Print(err)
			}
		})
	}
}
