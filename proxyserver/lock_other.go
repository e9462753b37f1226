//go:build !windows && (!unix || aix || solaris)

package main

import "os"

// lock does nothing where the standard library has no lock for files: there it
// is up to the user not to give two proxies one directory.
func lock(*os.File) error { return nil }
