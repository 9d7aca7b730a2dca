package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// An agentKey signs through an ssh-agent.
type agentKey struct {
	client agent.ExtendedAgent
	pub    ed25519.PublicKey
	ssh    ssh.PublicKey
}

func fromAgent(socket string, pub ed25519.PublicKey) (*Key, error) {
	if socket == "" {
		return nil, ErrNoAgent
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("ssh-agent: %w", err)
	}
	key, err := held(agent.NewClient(conn), pub)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Key{Signer: key, conn: conn}, nil
}

func held(client agent.ExtendedAgent, pub ed25519.PublicKey) (*agentKey, error) {
	want, err := ssh.NewPublicKey(pub)
	if err != nil {
		return nil, err
	}
	keys, err := client.List()
	if err != nil {
		return nil, fmt.Errorf("ssh-agent: %w", err)
	}
	for _, k := range keys {
		if bytes.Equal(k.Marshal(), want.Marshal()) {
			return &agentKey{client, pub, want}, nil
		}
	}
	return nil, ErrNotHeld
}

// Public returns the ed25519.PublicKey.
func (k *agentKey) Public() crypto.PublicKey { return k.pub }

// Sign signs the message itself, as Ed25519 does.
func (k *agentKey) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.Hash(0) {
		return nil, errors.New("ed25519 signs messages, not digests")
	}
	sig, err := k.client.Sign(k.ssh, message)
	if err != nil {
		return nil, fmt.Errorf("ssh-agent: %w", err)
	}
	if sig.Format != ssh.KeyAlgoED25519 || !ed25519.Verify(k.pub, message, sig.Blob) {
		return nil, errors.New("ssh-agent gave a signature that does not verify")
	}
	return sig.Blob, nil
}
