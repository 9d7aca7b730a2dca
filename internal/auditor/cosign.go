package auditor

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// maxHeaderBytes is the longest first line of a bundle.
const maxHeaderBytes = 270336

func cosignCommand() *cli.Command {
	return &cli.Command{
		Name:      "cosign",
		Usage:     "cosign a checkpoint: it was received, and the history is the one seen before",
		ArgsUsage: "CHECKPOINT|BUNDLE",
		Description: `A cosignature says "received", never "accepted": that at its time this was
the largest tree of the ledger that you had seen, and that it extends all you
had seen before. So name what you have seen with --since, or say with --first
that there was nothing. A bundle is verified first; a checkpoint alone can
only be the first one, or the same once more.

Examples:
    raasverify cosign march.bundle --policy policy --first \
        --key client.key --name client.example -o checkpoint.cosigned
    raasverify cosign april.bundle --policy policy --since checkpoint.cosigned \
        --key client.key --name client.example -o april.cosigned`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "policy", Usage: "whose keys you rely on: C2SP tlog-policy `FILE`"},
			&cli.StringFlag{Name: "since", Usage: "you cosigned or held `CHECKPOINT` before"},
			&cli.BoolFlag{Name: "first", Usage: "you have seen no checkpoint of this ledger before"},
			&cli.StringFlag{Name: "key", Usage: "sign with the key in `FILE`"},
			&cli.StringFlag{Name: "name", Usage: "your `NAME` as a witness, like client.example"},
		}, command.OutputFlags()...),
		Action: cosign,
	}
}

func cosign(c *cli.Context) error {
	args, err := command.Args(c, "CHECKPOINT|BUNDLE")
	if err != nil {
		return err
	}
	if c.IsSet("since") == c.IsSet("first") {
		return command.Usage("--since CHECKPOINT names what you have seen before, --first says that there was nothing", "want one of --since and --first")
	}
	o, err := options(c)
	if err != nil {
		return err
	}
	if err := command.Need(c, "", "key", "name"); err != nil {
		return err
	}
	out, err := command.Create(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	in, err := command.Open(c, args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	note, err := received(c, in, o)
	if err != nil {
		return err
	}
	key, err := command.LoadKey(c)
	if err != nil {
		return err
	}
	defer key.Close()
	witness, err := merkle.NewVerifierKey(c.String("name"), merkle.KindCosignature, key.PublicKey())
	if err != nil {
		return command.Usage("", "--name: %v", err)
	}
	if !slices.Contains(o.Policy.Witnesses(), witness) {
		command.Warn(c, "the policy has no witness %s", witness)
	}
	cosigned, err := merkle.Cosign(note, c.String("name"), key, command.Now(c).Unix())
	if err != nil {
		return err
	}
	if _, err := out.Write(cosigned); err != nil {
		return err
	}
	return out.Commit()
}

// received returns the signed note of what is to be cosigned, after the
// checks that a cosignature stands for.
func received(c *cli.Context, in io.Reader, o verify.Options) ([]byte, error) {
	r := bufio.NewReaderSize(in, maxHeaderBytes+1)
	head, err := r.Peek(maxHeaderBytes + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.HasPrefix(head, []byte("{")) {
		return receivedCheckpoint(c, r, o)
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	header, err := bundle.NewReader(bytes.NewReader(append(line[:len(line):len(line)], '\n')))
	if err != nil {
		return nil, command.Refused("", err)
	}
	note := header.Header().Checkpoint
	report, err := run(c, r, o)
	if err != nil {
		return nil, err
	}
	if err := report.WriteText(c.App.ErrWriter); err != nil {
		return nil, err
	}
	if report.ExitCode() == command.ExitRefused {
		return nil, command.Refused("", errors.New("the bundle is refused, nothing is cosigned"))
	}
	if header.Header().Kind == bundle.KindCase {
		return nil, command.Failed("ask for a bundle of the ledger from record 0, or from a statement", errors.New("a case bundle does not show the history that a cosignature stands for, nothing is cosigned"))
	}
	// Whoever is shown a case relies on the client having computed the index again.
	if x := report.Index; x != nil && !x.Recomputed && x.N == report.Size-1 {
		return nil, command.Failed("ask for a bundle from record 0", fmt.Errorf("record %d, the last one, is a chain index, which this bundle cannot recompute, nothing is cosigned", x.N))
	}
	if f := report.Findings; f != nil && !f.Indexed {
		return nil, command.Failed("ask for a bundle from record 0", errors.New("decisions in it rest on chain indexes, which this bundle cannot recompute, nothing is cosigned"))
	}
	switch start := header.Header().Start; {
	case c.Bool("first") && start > 0:
		return nil, command.Usage("ask for a bundle from record 0", "the bundle begins at record %d, which --first cannot vouch for", start)
	case c.IsSet("since") && !slices.ContainsFunc(report.Checks, func(k verify.Check) bool { return k.Name == "history" && k.Result == verify.Passed }):
		return nil, command.Failed("ask for a bundle that comes by the size of your checkpoint", errors.New("the bundle does not show that it extends your checkpoint, nothing is cosigned"))
	}
	return note, nil
}

// receivedCheckpoint opens a bare checkpoint. Nothing in it shows that it
// extends another one.
func receivedCheckpoint(c *cli.Context, r io.Reader, o verify.Options) ([]byte, error) {
	note, err := io.ReadAll(io.LimitReader(r, merkle.MaxNoteBytes+1))
	if err != nil {
		return nil, err
	}
	now, err := o.Policy.Open(note)
	if err != nil {
		return nil, command.Refused("", err)
	}
	if c.Bool("first") {
		return note, nil
	}
	before, err := o.Policy.Open(o.Since)
	if err != nil {
		return nil, command.Failed("", fmt.Errorf("%s: %w", c.String("since"), err))
	}
	switch {
	case now.Origin != before.Origin:
		return nil, command.Refused("", fmt.Errorf("checkpoint is of %s, the one you hold is of %s", now.Origin, before.Origin))
	case now.Size < before.Size:
		return nil, command.Refused("", fmt.Errorf("checkpoint has size %d, the one you hold %d", now.Size, before.Size))
	case now.Size > before.Size:
		return nil, command.Failed("give the bundle, which shows it", fmt.Errorf("a checkpoint alone does not show that size %d extends size %d", now.Size, before.Size))
	case now.Root != before.Root:
		return nil, command.Refused("", fmt.Errorf("two roots at size %d: %v here, %v in the checkpoint that you hold", now.Size, now.Root, before.Root))
	}
	return note, nil
}
