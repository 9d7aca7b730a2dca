package terms

import (
	"sort"
	"strconv"

	"github.com/raasledger/raasledger/attribution/record"
)

// Marshal returns the canonical JSON of t; Parse accepts exactly that.
func (t *Terms) Marshal() []byte { return appendTree(make([]byte, 0, 4096), t.tree()) }

// members are the fields of an object. Their keys are ASCII, whose order by
// bytes is the canonical one.
type members map[string]any

// appendTree writes members, lists, texts, and integers. All text in terms was
// checked to be text that a record holds.
func appendTree(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return record.AppendString(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendTree(dst, e)
		}
		return append(dst, ']')
	case members:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		dst = append(dst, '{')
		for i, k := range keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(record.AppendString(dst, k), ':')
			dst = appendTree(dst, v[k])
		}
		return append(dst, '}')
	}
	panic("terms: Marshal of a value of unknown type")
}

// put sets a field unless it is absent.
func (m members) put(name, text string) {
	if text != "" {
		m[name] = text
	}
}

func texts(list []string) []any {
	v := make([]any, len(list))
	for i, s := range list {
		v[i] = s
	}
	return v
}

func (t *Terms) tree() members {
	parties := members{}
	for _, p := range t.Parties {
		parties[p.ID] = members{"role": p.Role, "name": p.Name, "keys": texts(p.Keys)}
	}
	offsets := make([]any, len(t.Calendar.Offsets))
	for i, e := range t.Calendar.Offsets {
		offsets[i] = members{"from": e.From.String(), "minutes": int64(e.Minutes)}
	}
	calendar := members{"zone": t.Calendar.Zone, "period": t.Calendar.Period, "offsets": offsets}
	calendar.put("day_count", t.Calendar.DayCount)
	lines := make([]any, len(t.Lines))
	for i := range t.Lines {
		lines[i] = t.Lines[i].tree()
	}
	v := members{
		"title":        t.Title,
		"parties":      parties,
		"currency":     t.Currency,
		"scale":        int64(t.Scale),
		"rounding":     members{"mode": t.Rounding.Mode, "at": t.Rounding.At},
		"calendar":     calendar,
		"effective":    members{"from": t.From.String(), "until": t.Until.String()},
		"record_delay": t.RecordDelay.String(),
		"skew":         t.Skew.String(),
		"backfill":     t.Backfill,
		"lines":        lines,
		"settle":       t.Settle.tree(),
	}
	if len(t.Results) > 0 {
		results := members{}
		for i := range t.Results {
			results[t.Results[i].Name] = t.Results[i].tree()
		}
		v["results"] = results
	}
	if len(t.Measures) > 0 {
		measures := members{}
		for i := range t.Measures {
			measures[t.Measures[i].Name] = t.Measures[i].tree()
		}
		v["measures"] = measures
	}
	if len(t.Metrics) > 0 {
		metrics := members{}
		for i := range t.Metrics {
			metrics[t.Metrics[i].Name] = t.Metrics[i].tree()
		}
		v["metrics"] = metrics
	}
	if len(t.Constants) > 0 {
		constants := members{}
		for _, c := range t.Constants {
			constants[c.Name] = string(c.Value)
		}
		v["constants"] = constants
	}
	if len(t.Formulas) > 0 {
		formulas := members{}
		for _, f := range t.Formulas {
			formulas[f.Name] = f.Is.Text
		}
		v["formulas"] = formulas
	}
	v.adjust(t.Adjust)
	if t.Responsibility != nil {
		v["responsibility"] = t.Responsibility.tree()
	}
	return v
}

func (m *Metric) tree() members {
	v := members{"by": texts(m.By), "final_after": m.FinalAfter.String()}
	if len(m.Facts) > 0 {
		v["facts"] = factTypes(m.Facts)
	}
	return v
}

func factTypes(list []FactType) members {
	facts := members{}
	for _, f := range list {
		facts[f.Name] = f.Type
	}
	return facts
}

func (m *Measure) tree() members {
	of := m.Of
	if m.Source != "result" {
		of = m.Source + "/" + of
	}
	if m.Fact != "" {
		of += "." + m.Fact
	}
	v := members{m.Op: of, "over": m.Over}
	if m.Where != nil {
		v["where"] = m.Where.Text
	}
	if s := m.Missing; s != nil {
		missing := members{"then": s.Then}
		missing.put("value", string(s.Value))
		missing.put("measure", s.Measure)
		v["missing"] = missing
	}
	if m.Credit != nil {
		v["credit"] = m.Credit.tree()
	}
	return v
}

func (c *Credit) tree() members {
	v := members{"model": c.Model, "to": texts(c.To), "decimals": int64(c.Decimals)}
	if c.Model != "fixed" {
		v["of"], v["by"], v["within"] = c.Of, c.By, c.Within.String()
	}
	if len(c.Skip) > 0 {
		v["skip"] = texts(c.Skip)
	}
	v.put("first", string(c.First))
	v.put("last", string(c.Last))
	if c.Model == "decay" {
		v["half_life"] = c.HalfLife.String()
	}
	if len(c.Shares) > 0 {
		shares := members{}
		for _, s := range c.Shares {
			shares[s.Of] = string(s.Value)
		}
		name := "shares"
		if c.Model == "shapley" {
			name = "coalitions"
		}
		v[name] = shares
	}
	return v
}

func (s *Settle) tree() members {
	v := members{
		"close_after": s.CloseAfter.String(),
		"late":        s.Late,
		"negative":    s.Negative,
		"corrections": s.Corrections,
	}
	if len(s.Prepaid) > 0 {
		list := make([]any, len(s.Prepaid))
		for i, p := range s.Prepaid {
			e := members{"name": p.Name, "amount": string(p.Amount), "every": p.Every, "from": p.From.String(), "until": p.Until.String()}
			e.put("unused", p.Unused)
			e.put("at_most", string(p.AtMost))
			list[i] = e
		}
		v["prepaid"] = list
	}
	return v
}

func (m members) adjust(list []Adjustment) {
	if len(list) == 0 {
		return
	}
	v := make([]any, len(list))
	for i, a := range list {
		v[i] = a.tree()
	}
	m["adjust"] = v
}

func (a *Adjustment) tree() members {
	v := members{}
	switch a.Op {
	case "times":
		v["times"], v["undefined"] = a.By, a.Undefined
	case "factor":
		steps := make([]any, len(a.Steps))
		for i, s := range a.Steps {
			steps[i] = members{"from": string(s.From), "times": string(s.Times)}
		}
		v["factor"] = members{"by": a.By, "steps": steps, "below": string(a.Below), "undefined": a.Undefined}
	case "prorate":
		v["prorate"] = "term"
	default:
		v[a.Op] = string(a.Amount)
		v.put("partial", a.Partial)
		v.put("unused", a.Unused)
		v.put("rolls_to", string(a.RollsTo))
	}
	return v
}

func (r *Result) tree() members {
	accept := members{"on": r.Accept.On}
	accept.put("by", r.Accept.By)
	if r.Accept.On == "silence" {
		accept["after"] = r.Accept.After.String()
		accept["from"] = r.Accept.From
	}
	v := members{
		"facts":       factTypes(r.Facts),
		"once_per":    r.OncePer,
		"claim":       texts(r.Claim),
		"accept":      accept,
		"dispute":     "none",
		"reopen":      "none",
		"escalation":  r.Escalation,
		"lock":        r.Lock.tree(),
		"billed_at":   r.BilledAt,
		"final_after": r.FinalAfter.String(),
	}
	v.put("quantity", r.Quantity)
	if r.Where != nil {
		v["where"] = r.Where.Text
	}
	if len(r.Evidence) > 0 {
		v["evidence"] = texts(r.Evidence)
	}
	if len(r.Delivered) > 0 {
		v["delivered"] = texts(r.Delivered)
	}
	if r.Dispute != nil {
		unresolved := members{"then": r.Dispute.Then}
		if r.Dispute.Then != "arbiter" {
			unresolved["after"] = r.Dispute.After.String()
		}
		v["dispute"] = members{"within": r.Dispute.Within.String(), "unresolved": unresolved}
	}
	if r.Effect != nil {
		v["effect"] = r.Effect.tree()
	}
	if r.Reopen != nil {
		v["reopen"] = members{"within": r.Reopen.Within.String(), "from": r.Reopen.From}
	}
	return v
}

func (l *Line) tree() members {
	tiers := make([]any, len(l.Tiers))
	for i, tier := range l.Tiers {
		v := members{}
		v.put("up_to", string(tier.UpTo))
		v.put("unit", string(tier.Unit))
		v.put("rate", string(tier.Rate))
		v.put("flat", string(tier.Flat))
		if p := tier.Package; p != nil {
			v["package"] = members{"size": string(p.Size), "price": string(p.Price), "round": p.Round}
		}
		tiers[i] = v
	}
	v := members{"name": l.Name}
	v.put("flat", string(l.Flat))
	v.put("of", l.Of)
	v.put("mode", l.Mode)
	if len(tiers) > 0 {
		v["tiers"] = tiers
	}
	v.put("zero", l.Zero)
	v.put("below_zero", l.BelowZero)
	if c := l.Convert; c != nil {
		convert := members{"round": c.Round, "decimals": int64(c.Decimals)}
		convert.put("multiply", string(c.Multiply))
		convert.put("divide", string(c.Divide))
		v["convert"] = convert
	}
	if e := l.Each; e != nil {
		each := members{}
		each.put("at_least", string(e.AtLeast))
		each.put("at_most", string(e.AtMost))
		if f := e.Free; f != nil {
			free := members{}
			if f.Events > 0 {
				free["events"] = f.Events
			}
			free.put("amount", string(f.Amount))
			free.put("ends", f.Ends)
			each["free"] = free
		}
		v["each"] = each
	}
	if l.DueAt != 0 {
		v["due_at"] = l.DueAt.String()
	}
	v.adjust(l.Adjust)
	return v
}
