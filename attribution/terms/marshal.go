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
	parties, results, measures := members{}, members{}, members{}
	for _, p := range t.Parties {
		parties[p.ID] = members{"role": p.Role, "name": p.Name, "keys": texts(p.Keys)}
	}
	for i := range t.Results {
		results[t.Results[i].Name] = t.Results[i].tree()
	}
	for _, m := range t.Measures {
		v := members{}
		if m.Op == "count" {
			v["count"] = m.Result
		} else {
			v["sum"] = m.Result + "." + m.Fact
		}
		if m.Where != nil {
			v["where"] = m.Where.Text
		}
		measures[m.Name] = v
	}
	offsets := make([]any, len(t.Calendar.Offsets))
	for i, e := range t.Calendar.Offsets {
		offsets[i] = members{"from": e.From.String(), "minutes": int64(e.Minutes)}
	}
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
		"calendar":     members{"zone": t.Calendar.Zone, "period": t.Calendar.Period, "offsets": offsets},
		"effective":    members{"from": t.From.String(), "until": t.Until.String()},
		"record_delay": t.RecordDelay.String(),
		"skew":         t.Skew.String(),
		"backfill":     t.Backfill,
		"results":      results,
		"measures":     measures,
		"lines":        lines,
		"settle": members{
			"close_after": t.Settle.CloseAfter.String(),
			"late":        t.Settle.Late,
			"negative":    t.Settle.Negative,
			"corrections": t.Settle.Corrections,
		},
	}
	v.adjust(t.Adjust)
	if t.Responsibility != nil {
		v["responsibility"] = t.Responsibility.tree()
	}
	return v
}

func (m members) adjust(list []Adjustment) {
	if len(list) == 0 {
		return
	}
	v := make([]any, len(list))
	for i, a := range list {
		v[i] = members{a.Op: string(a.Amount)}
	}
	m["adjust"] = v
}

func (r *Result) tree() members {
	facts := members{}
	for _, f := range r.Facts {
		facts[f.Name] = f.Type
	}
	accept := members{"on": r.Accept.On}
	if r.Accept.On == "silence" {
		accept["after"] = r.Accept.After.String()
		accept["from"] = r.Accept.From
	}
	v := members{
		"facts":       facts,
		"once_per":    r.OncePer,
		"claim":       texts(r.Claim),
		"accept":      accept,
		"dispute":     "none",
		"reopen":      "none",
		"escalation":  r.Escalation,
		"lock":        r.Lock.String(),
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
	if r.Dispute != nil {
		unresolved := members{"then": r.Dispute.Then}
		if r.Dispute.Then != "arbiter" {
			unresolved["after"] = r.Dispute.After.String()
		}
		v["dispute"] = members{"within": r.Dispute.Within.String(), "unresolved": unresolved}
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
	v := members{"name": l.Name, "of": l.Of, "mode": l.Mode, "tiers": tiers}
	v.put("zero", l.Zero)
	v.adjust(l.Adjust)
	return v
}
