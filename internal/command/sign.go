package command

import (
	"crypto"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/keyfile"
)

// SignRecord adds the key's signature, made here or by the ssh-agent.
func SignRecord(r *record.Record, origin string, key *keyfile.Key) error {
	message, err := record.SignedBytes(r, origin)
	if err != nil {
		return err
	}
	sig, err := key.Sign(nil, message, crypto.Hash(0))
	if err != nil {
		return err
	}
	return record.AddSignature(r, origin, key.PublicKey(), sig)
}
