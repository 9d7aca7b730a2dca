// Package keyfile reads and makes the keys of people and services: OpenSSH
// Ed25519 keys, in files with or without a passphrase, or kept by an
// ssh-agent. There is no key format of our own.
package keyfile

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/raasledger/raasledger/attribution/record"
)

const (
	maxFileBytes    = 16384
	maxCommentBytes = 256

	blockType = "OPENSSH PRIVATE KEY"
)

// ErrMode is what Load refuses a private key with that others can read.
var ErrMode = errors.New("others can read this private key")

// ErrNoAgent is what Load says of a public key file while there is no
// ssh-agent to sign with.
var ErrNoAgent = errors.New("this is a public key, and no ssh-agent runs")

// ErrNotHeld is what Load says of a public key whose private half the
// ssh-agent does not hold.
var ErrNotHeld = errors.New("the ssh-agent does not hold this key")

// A Key can sign. Close lets go of the agent, if one is behind it.
type Key struct {
	crypto.Signer
	conn io.Closer
}

// PublicKey is the key's public half.
func (k *Key) PublicKey() ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// Close ends the use of the key.
func (k *Key) Close() error {
	if k.conn == nil {
		return nil
	}
	return k.conn.Close()
}

// Generate makes a new key and returns its two files: the private one,
// encrypted unless the passphrase is empty, and the public one.
func Generate(comment string, passphrase []byte) (private, public []byte, err error) {
	if err := checkComment(comment); err != nil {
		return nil, nil, err
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	return Format(key, pub, comment, passphrase)
}

// Format returns the two files of a key.
func Format(key ed25519.PrivateKey, pub ed25519.PublicKey, comment string, passphrase []byte) (private, public []byte, err error) {
	var block *pem.Block
	if len(passphrase) == 0 {
		block, err = ssh.MarshalPrivateKey(key, comment)
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, comment, passphrase)
	}
	if err != nil {
		return nil, nil, err
	}
	line := record.FormatPublicKey(pub)
	if comment != "" {
		line += " " + comment
	}
	return pem.EncodeToMemory(block), []byte(line + "\n"), nil
}

func checkComment(comment string) error {
	if len(comment) > maxCommentBytes {
		return fmt.Errorf("comment has %d bytes, at most %d", len(comment), maxCommentBytes)
	}
	if !utf8.ValidString(comment) || strings.ContainsFunc(comment, unicode.IsControl) || strings.TrimSpace(comment) != comment {
		return fmt.Errorf("comment %q is not one line of plain text", comment)
	}
	return nil
}

// Options say how Load comes by what is not in the file.
type Options struct {
	// Passphrase asks for the passphrase of an encrypted file; nil refuses
	// such files.
	Passphrase func(path string) ([]byte, error)
	// Agent is the socket of the ssh-agent that signs where the file is the
	// public half, "" if there is none.
	Agent string
}

// Load reads the private key in the file, or, if the file is a public key,
// finds its private half in the ssh-agent.
func Load(path string, o Options) (*Key, error) {
	text, mode, err := read(path)
	if err != nil {
		return nil, err
	}
	if isPublic(text) {
		pub, _, err := parsePublic(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		key, err := fromAgent(o.Agent, pub)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return key, nil
	}
	// Windows has no such bits: there a file is as private as its folder.
	if open := mode.Perm() & 0o077; open != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s: mode is %04o, want 0600: %w", path, mode.Perm(), ErrMode)
	}
	block, err := parseBlock(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	raw, err := ssh.ParseRawPrivateKey(block)
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		if o.Passphrase == nil {
			return nil, fmt.Errorf("%s: has a passphrase, and nobody can be asked for it", path)
		}
		passphrase, askErr := o.Passphrase(path)
		if askErr != nil {
			return nil, fmt.Errorf("%s: has a passphrase: %w", path, askErr)
		}
		raw, err = ssh.ParseRawPrivateKeyWithPassphrase(block, passphrase)
		if errors.Is(err, x509.IncorrectPasswordError) {
			return nil, fmt.Errorf("%s: passphrase is wrong", path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "ssh: "))
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: key is %s, want ed25519", path, keyType(raw))
	}
	// The file holds the public half twice; signing under a wrong one gives
	// the private half away.
	if !ed25519.NewKeyFromSeed(key.Seed()).Equal(*key) {
		return nil, fmt.Errorf("%s: public half does not belong to the private half", path)
	}
	return &Key{Signer: *key}, nil
}

// LoadPublic reads the public half from either file of a key; no passphrase
// is needed for that. The comment stands only in the public file.
func LoadPublic(path string) (pub ed25519.PublicKey, comment string, err error) {
	text, _, err := read(path)
	if err != nil {
		return nil, "", err
	}
	if isPublic(text) {
		pub, comment, err = parsePublic(text)
	} else {
		pub, err = publicHalf(text)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return pub, comment, nil
}

// publicHalf returns the public half of a private key file.
func publicHalf(text []byte) (ed25519.PublicKey, error) {
	block, err := parseBlock(text)
	if err != nil {
		return nil, err
	}
	raw, err := ssh.ParseRawPrivateKey(block)
	if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok && missing.PublicKey != nil {
		return record.ParsePublicKey(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(missing.PublicKey))))
	}
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "ssh: "))
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key is %s, want ed25519", keyType(raw))
	}
	return key.Public().(ed25519.PublicKey), nil
}

// keyType names a key that is not ours.
func keyType(raw any) string {
	signer, err := ssh.NewSignerFromKey(raw)
	if err != nil {
		return "of an unknown type"
	}
	return signer.PublicKey().Type()
}

func read(path string) (text []byte, mode os.FileMode, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: is not a regular file", path)
	}
	text, err = io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, 0, err
	}
	if len(text) > maxFileBytes {
		return nil, 0, fmt.Errorf("%s: has more than %d bytes, so it is no key", path, maxFileBytes)
	}
	return text, info.Mode(), nil
}

// parseBlock returns the file if it is one OpenSSH private key and no more.
func parseBlock(text []byte) ([]byte, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("is neither an OpenSSH private key nor a public key")
	case block.Type != blockType:
		return nil, fmt.Errorf("is a %q, want %q", block.Type, blockType)
	case len(strings.TrimSpace(string(rest))) > 0:
		return nil, errors.New("has more behind the private key")
	}
	return text, nil
}

func isPublic(text []byte) bool {
	return !strings.Contains(string(text), "-----BEGIN")
}

// parsePublic reads one line: type, key and comment.
func parsePublic(text []byte) (ed25519.PublicKey, string, error) {
	line := strings.TrimSpace(string(text))
	if strings.ContainsAny(line, "\r\n") {
		return nil, "", errors.New("has more than one line, want one public key")
	}
	algorithm, rest, ok := strings.Cut(line, " ")
	if !ok {
		return nil, "", errors.New("is neither an OpenSSH private key nor a public key")
	}
	key, comment, _ := strings.Cut(rest, " ")
	if algorithm != ssh.KeyAlgoED25519 {
		if strings.HasPrefix(algorithm, "ssh-") || strings.HasPrefix(algorithm, "ecdsa-") || strings.HasPrefix(algorithm, "sk-") {
			return nil, "", fmt.Errorf("key is %s, want %s", algorithm, ssh.KeyAlgoED25519)
		}
		return nil, "", errors.New("is neither an OpenSSH private key nor a public key")
	}
	pub, err := record.ParsePublicKey(algorithm + " " + key)
	if err != nil {
		return nil, "", err
	}
	return pub, strings.TrimSpace(comment), nil
}

// Private is the private half itself, where the key is not kept by an
// ssh-agent: opening sealed evidence needs it, an agent only signs.
func (k *Key) Private() (ed25519.PrivateKey, bool) {
	private, ok := k.Signer.(ed25519.PrivateKey)
	return private, ok
}
