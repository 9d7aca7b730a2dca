package terms

import (
	"strings"
	"testing"
)

// An amendment from 1 May on, of terms from 1 March on, settled by months: what
// is said of a due_at that it moves, and of money paid before whose end it
// moves.
func TestReviewAmendment(t *testing.T) {
	const line = `{"name": "setup", "flat": "2500"DUE}`
	const money = `"settle": {"prepaid": [{"name": "gift", "amount": "50", "every": "once", "from": "2026-03-01T00:00:00.000Z", "until": "UNTIL"}], `
	terms := func(from, due, until string) *Terms {
		text := supportDesk
		if due != "" {
			due = `, "due_at": "` + due + `"`
		}
		text = strings.Replace(text, `"lines": [`, `"lines": [`+strings.Replace(line, "DUE", due, 1)+`, `, 1)
		text = strings.Replace(text, `"settle": {`, strings.Replace(money, "UNTIL", until, 1), 1)
		return mustParse(t, strings.Replace(text, `"from": "2026-03-01T00:00:00.000Z", "until": "2027`, `"from": "`+from+`", "until": "2027`, 1))
	}
	const first, second = "2026-03-01T00:00:00.000Z", "2026-05-01T00:00:00.000Z"
	for _, test := range []struct{ due, newDue, until, newUntil, want string }{
		{"2026-03-20T00:00:00.000Z", "2026-06-20T00:00:00.000Z", "2026-06-01T00:00:00.000Z", "2026-05-15T00:00:00.000Z",
			"warning: lines[0].due_at: line setup was due at 2026-03-20T00:00:00.000Z, before the amendment begins, and is due again at 2026-06-20T00:00:00.000Z: it is charged twice"},
		{"2026-04-30T23:59:59.999Z", "2026-05-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z",
			"warning: lines[0].due_at: line setup was due at 2026-04-30T23:59:59.999Z, before the amendment begins, and is due again at 2026-05-01T00:00:00.000Z: it is charged twice"},
		{"2026-05-20T00:00:00.000Z", "2026-06-20T00:00:00.000Z", "2026-06-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z", ""},
		{"2026-03-20T00:00:00.000Z", "", "2026-06-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z",
			"warning: lines[0].due_at: line setup is due in every period from 2026-05-01T00:00:00.000Z on, and was charged at 2026-03-20T00:00:00.000Z already"},
		{"", "", "2026-06-01T00:00:00.000Z", "2026-08-01T00:00:00.000Z",
			"warning: settle.prepaid[0].until: what is left of gift at 2026-06-01T00:00:00.000Z does not lapse then: statements draw on it until 2026-08-01T00:00:00.000Z"},
		// No statement of a period that begins in May is made before the amendment.
		{"", "", "2026-05-01T00:00:00.000Z", "2026-08-01T00:00:00.000Z",
			"warning: settle.prepaid[0].until: what is left of gift at 2026-05-01T00:00:00.000Z does not lapse then: statements draw on it until 2026-08-01T00:00:00.000Z"},
		{"", "", "2026-04-01T00:00:00.000Z", "2026-08-01T00:00:00.000Z",
			"warning: settle.prepaid[0].until: gift had lapsed at 2026-04-01T00:00:00.000Z, before the amendment begins: by a later end all of 50 is there anew"},
	} {
		old, next := terms(first, test.due, test.until), terms(second, test.newDue, test.newUntil)
		if got := strings.TrimSuffix(mistakeList(ReviewAmendment(old, next)), "\n"); got != test.want {
			t.Errorf("due %s to %s, until %s to %s: got\n%s\nwant\n%s", test.due, test.newDue, test.until, test.newUntil, got, test.want)
		}
		// Two drafts of the same time are no amendment.
		if got := ReviewAmendment(old, terms(first, test.newDue, test.newUntil)); got != nil {
			t.Errorf("drafts of one time: %v", got)
		}
	}
}
