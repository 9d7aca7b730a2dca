// Package command holds the manners that raasledger and raasverify share:
// reports on stdout and everything else on stderr, exit codes, refusal of
// whatever would be ignored, output files that appear only on success.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
)

// Exit codes of both commands.
const (
	ExitOK       = 0 // done; every check passed
	ExitRefused  = 1 // what was given is refused
	ExitFailed   = 2 // it could not be done or checked: usage, files, the store
	ExitUnproven = 3 // nothing contradicts, but something asked for is not shown
)

// A Fault is an error with its exit code and what to do about it.
type Fault struct {
	Code int
	Err  error // nil where the report has said all
	Hint string
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("exit %d", f.Code)
	}
	return f.Err.Error()
}

func (f *Fault) Unwrap() error { return f.Err }

// Usage says that the command line is wrong.
func Usage(hint, format string, args ...any) error {
	return &Fault{Code: ExitFailed, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Refused says that what was given is wrong.
func Refused(hint string, err error) error {
	return &Fault{Code: ExitRefused, Err: err, Hint: hint}
}

// Failed says that it could not be done.
func Failed(hint string, err error) error {
	return &Fault{Code: ExitFailed, Err: err, Hint: hint}
}

// Exit ends with a code after a report that has said all.
func Exit(code int) error {
	if code == ExitOK {
		return nil
	}
	return &Fault{Code: code}
}

const clockKey = "clock"

// New returns an app with our manners. The clock is time.Now but in tests.
func New(name, usage, description string, clock func() time.Time, commands ...*cli.Command) *cli.App {
	app := &cli.App{
		Name:                      name,
		Usage:                     usage,
		Description:               description,
		Version:                   version(),
		Commands:                  commands,
		CustomAppHelpTemplate:     appHelp,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		Metadata:                  map[string]any{clockKey: clock},
		ExitErrHandler:            func(*cli.Context, error) {}, // Run decides
		OnUsageError:              usageError,
		Action:                    group,
	}
	prepare(commands)
	return app
}

// prepare gives each command our help, and keeps the library from taking an
// argument for its own help command.
func prepare(commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelpCommand = true
		c.OnUsageError = usageError
		c.CustomHelpTemplate = commandHelp
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
		if len(c.Subcommands) > 0 {
			c.CustomHelpTemplate = groupHelp
			c.Action = group
		}
		prepare(c.Subcommands)
	}
}

// group runs where a command is wanted and none, or an unknown one, is named.
func group(c *cli.Context) error {
	commands := c.App.Commands
	if len(c.Command.Subcommands) > 0 {
		commands = c.Command.Subcommands
	}
	path := c.Command.HelpName
	if path == "" {
		path = c.App.Name
	}
	if c.NArg() == 0 {
		template := c.Command.CustomHelpTemplate
		cli.HelpPrinter(c.App.ErrWriter, template, c.Command)
		return Exit(ExitFailed)
	}
	hint := fmt.Sprintf("%s --help lists the commands", path)
	if near := nearest(commands, c.Args().First()); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return Usage(hint, "no command %q", c.Args().First())
}

// nearest is the one command that begins like name, or that name begins like.
func nearest(commands []*cli.Command, name string) string {
	var found []string
	for _, c := range commands {
		if strings.HasPrefix(c.Name, name) || strings.HasPrefix(name, c.Name) {
			found = append(found, c.Name)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return ""
}

func usageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		text = fmt.Sprintf("no flag %s", dashes(name))
	}
	name := c.Command.HelpName
	if name == "" {
		name = c.App.Name
	}
	return Usage(name+" --help lists the flags", "%s", text)
}

// dashes writes a flag as people write it; package flag names all with one.
func dashes(name string) string {
	name = strings.TrimLeft(name, "-")
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Now is the app's clock.
func Now(c *cli.Context) time.Time { return Clock(c)() }

// Time is the instant that the flag says: a day, or to the second as in RFC 3339,
// in UTC; now if it is not given.
func Time(c *cli.Context, flag string) (record.Time, error) {
	text := c.String(flag)
	if text == "" {
		return record.TimeOf(Now(c)), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return record.TimeOf(t), nil
		}
	}
	return 0, Usage("", "--%s is %q, want a day like 2026-03-01 or a time like 2026-03-01T08:00:00Z", flag, text)
}

// Clock is the app's clock.
func Clock(c *cli.Context) func() time.Time { return c.App.Metadata[clockKey].(func() time.Time) }

// Run runs the app on the arguments, the program's name first, and returns
// the exit code.
func Run(app *cli.App, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process
	if app.ErrWriter == nil {
		app.ErrWriter = os.Stderr
	}
	args, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	if err == nil {
		return ExitOK
	}
	fault, ok := errors.AsType[*Fault](err)
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
		fault = &Fault{Code: ExitFailed, Err: err}
	case !ok:
		fault = &Fault{Code: ExitFailed, Err: err}
	}
	if fault.Err != nil {
		// The outermost error has the whole text.
		fmt.Fprintf(app.ErrWriter, "%s: error: %v\n", app.Name, err)
	}
	if fault.Hint != "" {
		fmt.Fprintf(app.ErrWriter, "%s: hint: %s\n", app.Name, fault.Hint)
	}
	return fault.Code
}

// Warn says on stderr what does not stop the command.
func Warn(c *cli.Context, format string, args ...any) {
	fmt.Fprintf(c.App.ErrWriter, "%s: warning: %s\n", c.App.Name, fmt.Sprintf(format, args...))
}

// Say says on stderr what is no report.
func Say(c *cli.Context, format string, args ...any) {
	fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", c.App.Name, fmt.Sprintf(format, args...))
}

// Report prints on stdout.
func Report(c *cli.Context, format string, args ...any) error {
	_, err := fmt.Fprintf(c.App.Writer, format, args...)
	return err
}

// Args returns exactly the arguments named, "BUNDLE", "RESULT".
func Args(c *cli.Context, names ...string) ([]string, error) {
	if got := c.Args().Slice(); len(got) == len(names) {
		return got, nil
	}
	want := "no arguments"
	switch len(names) {
	case 0:
	case 1:
		want = "one " + names[0]
	default:
		want = strings.Join(names, " and ")
	}
	got := "1 argument"
	switch n := c.NArg(); n {
	case 0:
		got = "none"
	case 1:
	default:
		got = fmt.Sprintf("%d arguments", n)
	}
	return nil, Usage("usage: "+usageLine(c.Command), "want %s, got %s", want, got)
}

// Need refuses the command line if a flag that it needs is absent.
func Need(c *cli.Context, hint string, flags ...string) error {
	for _, name := range flags {
		if !c.IsSet(name) {
			if hint == "" {
				hint = "usage: " + usageLine(c.Command)
			}
			return Usage(hint, "%s is missing", dashes(name))
		}
	}
	return nil
}

// Exclude refuses the command line if more than one of the flags is given.
func Exclude(c *cli.Context, flags ...string) error {
	var given []string
	for _, name := range flags {
		if c.IsSet(name) {
			given = append(given, dashes(name))
		}
	}
	if len(given) > 1 {
		return Usage("", "%s exclude each other", strings.Join(given, " and "))
	}
	return nil
}

func usageLine(c *cli.Command) string {
	line := c.HelpName + " [flags]"
	if c.ArgsUsage != "" {
		line += " " + c.ArgsUsage
	}
	return line
}

// version is the module's version as it was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// arrange puts the flags of a command line before its arguments, since
// package flag takes none after the first argument, and refuses a flag that
// is given twice, since the first would be ignored.
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 {
		return []string{app.Name}, nil
	}
	commands, path := app.Commands, 1
	var found *cli.Command
	for path < len(args) {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[path]) })
		if i < 0 {
			break
		}
		found, commands = commands[i], commands[i].Subcommands
		path++
	}
	if found == nil || len(found.Subcommands) > 0 {
		return args, nil
	}
	var flags, rest []string
	seen := map[string]bool{}
	for i := path; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if arg == "-" || !strings.HasPrefix(arg, "-") {
			rest = append(rest, arg)
			continue
		}
		flags = append(flags, arg)
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		flag := flagNamed(found, name)
		if name == "help" || name == "h" {
			return append(args[:path:path], "--help"), nil
		}
		if flag == nil { // the library refuses it
			continue
		}
		if _, many := flag.(*cli.StringSliceFlag); !many {
			if seen[flag.Names()[0]] {
				return nil, Usage("", "%s is given twice", dashes(name))
			}
			seen[flag.Names()[0]] = true
		}
		if _, isBool := flag.(*cli.BoolFlag); !isBool && !hasValue {
			if i++; i == len(args) {
				return nil, Usage("", "%s needs a value", dashes(name))
			}
			flags = append(flags, args[i])
		}
	}
	return slices.Concat(args[:path], flags, []string{"--"}, rest), nil
}

func flagNamed(c *cli.Command, name string) cli.Flag {
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// A reader whose context has ended gives that as its error, so that an
// interrupt ends a command that reads.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
