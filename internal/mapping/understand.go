package mapping

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

func (r *Reading) outcomeRow(in *row, e *event) error {
	o := r.m.outcome
	var key string
	if o.group != nil {
		s, err := in.get(*o.group)
		if err != nil {
			return err
		}
		if s.text == "" {
			return fmt.Errorf("%s is empty", o.group.name)
		}
		key = s.text
	}
	id, err := o.id.of(in, r.nth)
	if err != nil {
		return err
	}
	caseID, err := o.caseID.of(in, nil)
	if err != nil {
		return err
	}
	actor, err := o.actor.orNone(in)
	if err != nil {
		return err
	}
	subject, err := o.subject.orNone(in)
	if err != nil {
		return err
	}
	g := r.groups[key]
	if g != nil && g.closed {
		return fmt.Errorf("%s %s is here again, and ended at %s: rows of a group stand side by side, or the mapping says anywhere", o.group.name, key, r.place(g.row))
	}
	first := g == nil
	if first {
		// A cell keeps its whole row in memory.
		g = &group{key: strings.Clone(key), id: id, caseID: caseID, actor: actor, subject: subject,
			sums: make([]exact.Rat, len(o.facts)), facts: make([]scalar, len(o.facts))}
		if o.group != nil {
			r.groups[g.key] = g
		}
	}
	for _, same := range []struct{ name, got, want string }{
		{"id", id, g.id}, {"case", caseID, g.caseID}, {"actor", actor, g.actor}, {"subject", subject, g.subject},
	} {
		if same.got != same.want {
			return fmt.Errorf("%s is %s, but %s in the rows of %s %s before", same.name, same.got, same.want, o.group.name, g.key)
		}
	}
	for i := range o.facts {
		f := &o.facts[i]
		if f.op == "sum" {
			x, err := f.value.numberOf(in)
			if err != nil {
				return fmt.Errorf("fact %s: %w", f.name, err)
			}
			g.sums[i] = g.sums[i].Add(x)
			continue
		}
		s, err := f.value.of(in)
		if err != nil {
			return fmt.Errorf("fact %s: %w", f.name, err)
		}
		if !first && s != g.facts[i] {
			return fmt.Errorf("fact %s is %s, but %s in the rows of %s %s before", f.name, s, g.facts[i], o.group.name, g.key)
		}
		if first {
			s.text = strings.Clone(s.text)
			g.facts[i] = s
		}
	}
	if rev := r.m.reverse; rev != nil && rev.match != nil {
		same, err := rev.match.key(in)
		if err != nil {
			return err
		}
		has, err := rev.match.line.numberOf(in)
		if err != nil {
			return fmt.Errorf("line: %w", err)
		}
		if same != "" && has.Sign() > 0 {
			g.lines = append(g.lines, &line{same: same, left: has})
		}
	}
	if first || !o.atFirst {
		g.at = e.at
	}
	g.row = e.row
	g.events++
	e.group = g
	return nil
}

// key is what must be the same, as one text; "" if a part of it is empty.
func (m *match) key(in *row) (string, error) {
	var b strings.Builder
	for _, f := range m.same {
		s, err := in.get(f)
		if err != nil {
			return "", err
		}
		if s.text == "" {
			return "", nil
		}
		// The length in front keeps two texts from running into each other.
		b.WriteString(strconv.Itoa(len(s.text)))
		b.WriteByte(':')
		b.WriteString(s.text)
	}
	return b.String(), nil
}

func (t *template) orNone(in *row) (string, error) {
	if t == nil {
		return "", nil
	}
	return t.of(in, nil)
}

func (r *Reading) reverseRow(in *row, e *event) error {
	rev := r.m.reverse
	u := &undo{}
	var err error
	if u.id, err = rev.id.of(in, r.nth); err != nil {
		return err
	}
	if u.actor, err = rev.actor.orNone(in); err != nil {
		return err
	}
	if rev.of != nil {
		if u.of, err = rev.of.of(in, nil); err != nil {
			return err
		}
	} else {
		if u.same, err = rev.match.key(in); err != nil {
			return err
		}
		if u.takes, err = rev.match.takes.numberOf(in); err != nil {
			return fmt.Errorf("takes: %w", err)
		}
		if u.takes.Sign() <= 0 {
			return fmt.Errorf("takes: %s, want more than 0", u.takes)
		}
	}
	if rev.reduces != nil {
		if u.reduces, err = rev.reduces.numberOf(in); err != nil {
			return fmt.Errorf("reduces: %w", err)
		}
	}
	if u.unmatched, err = rev.unmatched.of(in, e.at); err != nil {
		return err
	}
	u.unmatched.ID, u.unmatched.Actor = u.id, u.actor
	e.undo = u
	return nil
}

func (r *Reading) measureRow(in *row, e *event) error {
	rec, err := r.m.measure.of(in, e.at)
	if err != nil {
		return err
	}
	if rec.ID, err = r.m.measure.id.of(in, r.nth); err != nil {
		return err
	}
	e.plain = rec
	return nil
}

func (r *Reading) actionRow(in *row, e *event) error {
	a := r.m.action
	body := &record.Action{Action: a.action, Effect: a.effect, Status: "executed"}
	rec := &record.Record{Kind: record.KindAction, At: e.at, Body: body}
	var err error
	if rec.ID, err = a.id.of(in, r.nth); err != nil {
		return err
	}
	if rec.Case, err = a.caseID.of(in, nil); err != nil {
		return err
	}
	if rec.Actor, err = a.actor.orNone(in); err != nil {
		return err
	}
	if body.Resource, err = a.resource.orNone(in); err != nil {
		return err
	}
	if a.amount != nil {
		x, err := a.amount.numberOf(in)
		if err != nil {
			return fmt.Errorf("amount: %w", err)
		}
		body.Amount, body.Currency = record.Decimal(x.String()), a.currency
	}
	e.plain = rec
	return nil
}

// of returns the measurement's record, without its id.
func (m *measurement) of(in *row, at record.Time) (*record.Record, error) {
	x, err := m.value.numberOf(in)
	if err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	metric, err := m.metric.of(in, nil)
	if err != nil {
		return nil, err
	}
	body := &record.Measurement{Metric: metric, Method: m.method, From: at, Until: at + m.lasts, Value: record.Decimal(x.String())}
	for i := range m.fields {
		f := &m.fields[i]
		s, err := f.value.of(in)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
		if s.kind != absent {
			s.text = strings.Clone(s.text)
			body.Fields = append(body.Fields, s.fact(f.name))
		}
	}
	rec := &record.Record{Kind: record.KindMeasurement, At: at, Body: body}
	if rec.Case, err = m.caseID.orNone(in); err != nil {
		return nil, err
	}
	if rec.Subject, err = m.subject.orNone(in); err != nil {
		return nil, err
	}
	return rec, nil
}
