package fee

import (
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// takenKeys are the keys of results that left. A claim of one of them opens no
// result: it may be dated into the horizon of the first.
type takenKeys struct {
	list  []takenKey // in the order of their lines
	index index      // by text
}

type takenKey struct {
	text    string      // result and once_per value, as on the line
	at      record.Time // instant of the claim
	version *version
	rule    *rule
}

func newTaken(list []takenKey) takenKeys {
	k := takenKeys{list, newIndex()}
	for i := range list {
		k.index.add(k.index.hash(list[i].text))
	}
	return k
}

func takenText(result, value string) string {
	return string(record.AppendString(append(record.AppendString(nil, result), ','), value))
}

func (k *takenKeys) has(result, value string) bool {
	return len(k.list) > 0 && k.index.find(takenText(result, value), func(i int) string { return k.list[i].text }) >= 0
}

// takenAfter are the keys that are taken after the statement: those that were,
// and those of results that leave, until no claim can come that is dated
// inside their horizon.
func (z *settlement) takenAfter() []takenKey {
	longest := map[string]record.Time{}
	for _, v := range z.s.versions {
		for name, r := range v.rules {
			longest[name] = max(longest[name], record.Time(r.FinalAfter))
		}
	}
	keep := func(k takenKey) bool {
		return k.version.number > z.s.excluded && z.closing < k.at+record.Time(k.rule.FinalAfter)+longest[k.rule.Name]
	}
	var left []takenKey
	for i := range z.decisions {
		if d := &z.decisions[i]; d.leaves {
			c := d.claim
			if k := (takenKey{at: c.at, version: c.rule.version, rule: c.rule}); keep(k) {
				k.text = takenText(c.rule.Name, c.once())
				left = append(left, k)
			}
		}
	}
	before := z.s.taken.list
	if len(left) == 0 && !slices.ContainsFunc(before, func(k takenKey) bool { return !keep(k) }) {
		return before
	}
	slices.SortFunc(left, func(a, b takenKey) int { return strings.Compare(a.text, b.text) })
	after := make([]takenKey, 0, len(before)+len(left))
	for _, k := range before {
		for len(left) > 0 && left[0].text < k.text {
			after, left = append(after, left[0]), left[1:]
		}
		if keep(k) {
			after = append(after, k)
		}
	}
	return append(after, left...)
}
