package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// ownCertificate returns the certificate kept beside the users, and makes it
// first if there is none. Key and certificate are in one file, path.key, which
// is there whole or not at all; path.crt is a copy of the certificate, to be
// given to clients.
func ownCertificate(path string, ip net.IP) (tls.Certificate, error) {
	keyFile := path + ".key"
	encoded, err := os.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if encoded, err = newCertificate(ip); err != nil {
			return tls.Certificate{}, fmt.Errorf("making a certificate: %w", err)
		}
		err = replaceFile(keyFile, encoded, 0o600)
	} else if err == nil {
		err = os.Chmod(keyFile, 0o600) // as the users' file: it may have been copied here
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	certificate, err := tls.X509KeyPair(encoded, encoded)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s is damaged, and left as it is: %w", keyFile, err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	return certificate, replaceFile(path+".crt", public, 0o644)
}

// newCertificate returns a key, and a certificate that it has signed itself, in
// PEM. Our client looks only at the fingerprint; the names are for others, who
// are given the certificate as the one to trust.
func newCertificate(ip net.IP) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          nil, // a random one
		Subject:               pkix.Name{CommonName: "authserver"},
		NotBefore:             time.Now().Add(-time.Hour), // for clocks that are late
		NotAfter:              time.Now().AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if host, err := os.Hostname(); err == nil {
		template.DNSNames = append(template.DNSNames, host)
	}
	if ip != nil && !ip.IsLoopback() && !ip.IsUnspecified() {
		template.IPAddresses = append(template.IPAddresses, ip)
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return append(encoded, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...), nil
}

func fingerprint(certificate []byte) string {
	hash := sha256.Sum256(certificate)
	return hex.EncodeToString(hash[:])
}
