//go:build !unix

package main

import "net"

// quiet can't be found out here without waiting: a kept connection is believed
// to be open until its use shows that it is not.
func quiet(net.Conn) bool { return true }
