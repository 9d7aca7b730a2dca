package auditor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

const maxPolicyBytes = 1 << 20

// policyHint says how a policy is written.
const policyHint = `a policy is a file that says whose keys you rely on:
    log KEY                 the log key that the agreement names
    witness client KEY      raasverify key show client.key.pub --witness NAME
    quorum client           whose cosignature you ask for, or none`

// policyFlags say what the verifier relies on.
func policyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "policy", Usage: "whose keys you rely on: C2SP tlog-policy `FILE`"},
		&cli.StringFlag{Name: "since", Usage: "you hold `CHECKPOINT` from before; the history must extend it"},
		&cli.StringFlag{Name: "max-age", Usage: "the newest cosignature must be at most `DURATION` old, like 48h"},
		&cli.StringFlag{Name: "now", Usage: "judge by the clock at `TIME`, a day or like 2026-03-01T08:00:00Z; by default that of this machine"},
		&cli.StringSliceFlag{Name: "evidence", Usage: "evidence must be shown: the `NAME` of an attachment, the digest of a sealed field, or all"},
	}
}

// readPolicy reads the policy that --policy names.
func readPolicy(c *cli.Context) (*bundle.Policy, error) {
	if err := command.Need(c, policyHint, "policy"); err != nil {
		return nil, err
	}
	text, err := command.ReadFile(c, c.String("policy"), maxPolicyBytes)
	if err != nil {
		return nil, err
	}
	policy, err := bundle.ParsePolicy(text)
	if err != nil {
		return nil, command.Failed(policyHint, fmt.Errorf("%s: %w", c.String("policy"), err))
	}
	return policy, nil
}

// options are those of a verification by the flags.
func options(c *cli.Context) (verify.Options, error) {
	policy, err := readPolicy(c)
	if err != nil {
		return verify.Options{}, err
	}
	now, err := command.Time(c, "now")
	if err != nil {
		return verify.Options{}, err
	}
	o := verify.Options{Policy: policy, Evidence: c.StringSlice("evidence"), Now: now, Verifier: ownDigest()}
	if path := c.String("since"); c.IsSet("since") {
		if o.Since, err = command.ReadFile(c, path, merkle.MaxNoteBytes); err != nil {
			return verify.Options{}, err
		}
	}
	if c.IsSet("max-age") {
		age, err := time.ParseDuration(c.String("max-age"))
		if err != nil || age < time.Second || age%time.Second != 0 {
			return verify.Options{}, command.Usage("write it like 48h or 90m", "--max-age is %q, want a duration of whole seconds", c.String("max-age"))
		}
		o.MaxAge = int64(age / time.Second)
	}
	return o, nil
}

// ownDigest is the SHA-256 of this program, "" if it cannot be read: whoever
// keeps a report wants to know what made it.
func ownDigest() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// run verifies a bundle, with progress on a terminal.
func run(c *cli.Context, in io.Reader, o verify.Options) (*verify.Report, error) {
	show, wipe := command.Progress(c, "records")
	o.Progress = show
	report, err := verify.Verify(in, o)
	wipe()
	return report, err
}

// refused shows why a bundle is refused, and says what is not done for that.
func refused(c *cli.Context, report *verify.Report, nothing string) error {
	if err := report.WriteText(c.App.ErrWriter); err != nil {
		return err
	}
	return command.Refused("", errors.New("the bundle is refused, "+nothing))
}

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "verify a bundle",
		ArgsUsage: "BUNDLE",
		Description: `BUNDLE is a file, - is stdin. Exit code 0 says that every check passed, 1
that the bundle is refused, 3 that nothing contradicts but something that you
ask for is not shown. --detail writes, for each result that a statement
considered, [n, result, key, line, quantity, amount, reason], as recomputed
here; with --period the file has the digest that the statement names.

Examples:
    raasverify check march.bundle --policy policy
    zcat april.bundle.gz | raasverify check - --policy policy --since checkpoint
    raasverify check march.bundle --policy policy --detail march.detail --period 2026-03`,
		Flags: append(policyFlags(),
			&cli.StringFlag{Name: "detail", Usage: "write the detail lines to `FILE`"},
			&cli.StringFlag{Name: "period", Usage: "with --detail: only those of `PERIOD`"},
			&cli.BoolFlag{Name: "force", Usage: "with --detail: replace FILE if it is there"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"}),
		Action: check,
	}
}

func check(c *cli.Context) error {
	args, err := command.Args(c, "BUNDLE")
	if err != nil {
		return err
	}
	o, err := options(c)
	if err != nil {
		return err
	}
	for _, flag := range []string{"period", "force"} {
		if c.IsSet(flag) && !c.IsSet("detail") {
			return command.Usage("", "--%s goes with --detail", flag)
		}
	}
	var detail *command.Output
	lines := 0
	if c.IsSet("detail") {
		if detail, err = command.CreateFile(c.String("detail"), c.Bool("force"), 0o644); err != nil {
			return err
		}
		defer detail.Discard()
		o.Detail = func(period string, line []byte) error {
			if c.IsSet("period") && period != c.String("period") {
				return nil
			}
			lines++
			_, err := detail.Write(append(line[:len(line):len(line)], '\n'))
			return err
		}
	}
	in, err := command.Open(c, args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	report, err := run(c, in, o)
	if err != nil {
		return err
	}
	if err := writeReport(c, report); err != nil {
		return err
	}
	if detail != nil && report.ExitCode() != command.ExitRefused {
		if lines == 0 && c.IsSet("period") {
			command.Warn(c, "the bundle has no detail of a statement %s", c.String("period"))
		}
		if err := detail.Commit(); err != nil {
			return err
		}
	}
	return command.Exit(report.ExitCode())
}

func writeReport(c *cli.Context, report *verify.Report) error {
	if c.Bool("json") {
		return report.WriteJSON(c.App.Writer)
	}
	return report.WriteText(c.App.Writer)
}
