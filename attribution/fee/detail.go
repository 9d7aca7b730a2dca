package fee

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/raasledger/raasledger/attribution/record"
)

// detail writes the detail lines in ledger order, to the caller and into the
// statement's digest.
//
// A line's amount is what the price of its slot gained by it: the rounded price
// after less the rounded price before. So the amounts of a slot add up to its
// rounded price before adjustments, less what is due at quantity 0.
func (z *settlement) detail(to func(line []byte) error) error {
	hash := sha256.New()
	var buffer []byte
	write := func(line detailLine) error {
		buffer = line.append(buffer[:0], z.terms.Scale)
		buffer = append(buffer, '\n')
		hash.Write(buffer)
		if to == nil {
			return nil
		}
		return to(buffer[:len(buffer)-1])
	}

	entries := z.s.loose
	next := func(before int64) error {
		for len(entries) > 0 && entries[0].n < before {
			l := entries[0]
			entries = entries[1:]
			if l.at > z.closing || l.result == "" {
				continue
			}
			if err := write(detailLine{n: l.n, result: l.result, key: l.key, reason: l.reason}); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range z.decisions {
		d := &z.decisions[i]
		if d.reason == unsaid {
			continue
		}
		if err := next(d.claim.n); err != nil {
			return err
		}
		line := detailLine{n: d.claim.n, result: d.claim.rule.Name, key: d.claim.once(), reason: d.reason}
		if !d.moves() {
			if err := write(line); err != nil {
				return err
			}
			continue
		}
		// In a reduction, parts is a choice of the lines in before.
		list := d.parts
		if len(d.before) > 0 {
			list = d.before
		}
		for _, p := range list {
			y := z.change(slot{d.period, d.claim.version.number, p.line})
			line.line = y.table.name
			line.amount, line.quantity = z.step(y, d, p.line)
			if err := write(line); err != nil {
				return err
			}
		}
	}
	if err := next(int64(never)); err != nil {
		return err
	}
	z.statement.Detail = record.Digest("sha256:" + hex.EncodeToString(hash.Sum(nil)))
	return nil
}

// step moves the cumulated slot on by one claim and says what that gained.
func (z *settlement) step(y *change, d *decision, line int) (amount, quantity number) {
	if !y.begun {
		y.begun, y.cumulated = true, y.before
		y.price = z.round(y.cumulated.price(y.table, y.base))
	}
	was := y.cumulated.quantity
	at := func(p part) bool { return p.line == line }
	if i := slices.IndexFunc(d.before, at); i >= 0 {
		y.cumulated.add(y.table, d.before[i].quantity, minusOne, -1)
	}
	if i := slices.IndexFunc(d.parts, at); i >= 0 {
		y.cumulated.add(y.table, d.parts[i].quantity, one, 1)
	}
	price := z.round(y.cumulated.price(y.table, y.base))
	amount = price.sub(y.price)
	y.price = price
	return amount, y.cumulated.quantity.sub(was)
}

// A detailLine is one line of the detail: what became of a claim on a line.
type detailLine struct {
	n                int64
	result, key      string
	line             string // "" where no line gained or lost
	quantity, amount number
	reason           reason
}

func (l *detailLine) append(b []byte, scale int) []byte {
	b = append(b, '[')
	b = strconv.AppendInt(b, l.n, 10)
	for _, s := range [...]string{l.result, l.key, l.line} {
		b = append(b, ',')
		b = record.AppendString(b, s)
	}
	if l.line == "" {
		b = append(b, `,"",""`...)
	} else {
		b = append(l.quantity.append(append(b, `,"`...)), '"')
		b = append(l.amount.appendFixed(append(b, `,"`...), scale), '"')
	}
	b = append(append(b, `,"`...), l.reason.String()...)
	return append(b, `"]`...)
}
