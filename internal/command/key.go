package command

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/merkle"
)

// LoadKey loads the private key that --key names. The caller closes it.
func LoadKey(c *cli.Context) (*keyfile.Key, error) {
	path := c.String("key")
	key, err := keyfile.Load(path, keyfile.Options{Passphrase: askPassphrase, Agent: os.Getenv("SSH_AUTH_SOCK")})
	hint := ""
	switch {
	case err == nil:
		return key, nil
	case errors.Is(err, keyfile.ErrMode):
		hint = "chmod 600 " + path
	case errors.Is(err, keyfile.ErrNoAgent):
		hint = "give the private key's file, or start ssh-agent and ssh-add it"
	case errors.Is(err, keyfile.ErrNotHeld):
		hint = "ssh-add the private key's file"
	}
	return nil, Failed(hint, err)
}

// KeyCommand is the group "key" that both commands have.
func KeyCommand(app string) *cli.Command {
	names := []cli.Flag{
		&cli.StringFlag{Name: "log", Usage: "also print the verifier key of a log named `ORIGIN`"},
		&cli.StringFlag{Name: "witness", Usage: "also print the verifier key of a witness named `NAME`"},
		&cli.BoolFlag{Name: "json", Usage: "print JSON"},
	}
	return &cli.Command{
		Name:  "key",
		Usage: "make and show keys",
		Description: `Keys are OpenSSH Ed25519 keys: ssh-keygen -t ed25519 makes them too, and
ssh-agent can hold them.`,
		Subcommands: []*cli.Command{{
			Name:      "new",
			Usage:     "make a key: FILE is the private half, FILE.pub the public one",
			ArgsUsage: "FILE",
			Description: `The passphrase is asked for on the terminal.

Examples:
    ` + app + ` key new client.key --witness client.example
    ` + app + ` key new log.key --no-passphrase --log vendor.example/contract-17`,
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "comment", Usage: "`TEXT` behind the public key"},
				&cli.BoolFlag{Name: "no-passphrase", Usage: "leave the private half unencrypted"},
			}, names...),
			Action: newKey,
		}, {
			Name:      "show",
			Usage:     "show a key: fingerprint, public text, verifier keys",
			ArgsUsage: "FILE",
			Description: `FILE is either half. No passphrase is needed.

Example:
    ` + app + ` key show client.key.pub --witness client.example`,
			Flags:  names,
			Action: showKey,
		}},
	}
}

func newKey(c *cli.Context) error {
	args, err := Args(c, "FILE")
	if err != nil {
		return err
	}
	path := args[0]
	if path == "-" {
		return Usage("", "a key is written to two files, not to stdout")
	}
	for _, p := range []string{path, path + ".pub"} {
		if _, err := os.Lstat(p); err == nil {
			return Failed("keys are never replaced", fmt.Errorf("%s is there already", p))
		}
	}
	var passphrase []byte
	if !c.Bool("no-passphrase") {
		if passphrase, err = askNewPassphrase(path); errors.Is(err, errNoTerminal) {
			return Usage("--no-passphrase leaves the private half unencrypted", "%v", err)
		} else if err != nil {
			return err
		}
	}
	private, public, err := keyfile.Generate(c.String("comment"), passphrase)
	if err != nil {
		return err
	}
	pub, err := record.ParsePublicKey(strings.Join(strings.Fields(string(public))[:2], " "))
	if err != nil {
		return err
	}
	report, err := describeKey(c, pub, c.String("comment"))
	if err != nil {
		return err
	}
	for _, half := range []struct {
		path string
		text []byte
		mode os.FileMode
	}{{path, private, 0o600}, {path + ".pub", public, 0o644}} {
		out, err := CreateFile(half.path, false, half.mode)
		if err != nil {
			return err
		}
		defer out.Discard()
		if _, err := out.Write(half.text); err != nil {
			return err
		}
		if err := out.Commit(); err != nil {
			return err
		}
	}
	return Report(c, "%s", report)
}

func showKey(c *cli.Context) error {
	args, err := Args(c, "FILE")
	if err != nil {
		return err
	}
	pub, comment, err := keyfile.LoadPublic(args[0])
	if err != nil {
		return err
	}
	report, err := describeKey(c, pub, comment)
	if err != nil {
		return err
	}
	return Report(c, "%s", report)
}

// describeKey returns the report on a key.
func describeKey(c *cli.Context, pub ed25519.PublicKey, comment string) (string, error) {
	d := struct {
		Fingerprint string `json:"fingerprint"`
		Public      string `json:"public"`
		Comment     string `json:"comment,omitempty"`
		Log         string `json:"log,omitempty"`
		Witness     string `json:"witness,omitempty"`
	}{Fingerprint: record.Fingerprint(pub), Public: record.FormatPublicKey(pub), Comment: comment}
	for _, v := range []struct {
		flag string
		kind merkle.Kind
		text *string
	}{{"log", merkle.KindLog, &d.Log}, {"witness", merkle.KindCosignature, &d.Witness}} {
		if !c.IsSet(v.flag) {
			continue
		}
		key, err := merkle.NewVerifierKey(c.String(v.flag), v.kind, pub)
		if err != nil {
			return "", Usage("", "--%s: %v", v.flag, err)
		}
		*v.text = key.String()
	}
	if c.Bool("json") {
		text, err := json.Marshal(d)
		return string(text) + "\n", err
	}
	var b strings.Builder
	for _, line := range []struct{ name, text string }{
		{"fingerprint", d.Fingerprint}, {"public", d.Public}, {"comment", d.Comment}, {"log", d.Log}, {"witness", d.Witness},
	} {
		if line.text != "" {
			fmt.Fprintf(&b, "%-12s %s\n", line.name, line.text)
		}
	}
	return b.String(), nil
}
