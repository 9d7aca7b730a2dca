package verify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// TestRestrictedAndLifted: the report says what holds of evidence that is not
// carried, whatever was said of it before.
func TestRestrictedAndLifted(t *testing.T) {
	for _, tc := range []struct{ states, want string }{
		{"restricted", "restricted by record 13"},
		{"restricted restricted", "restricted by record 13"},
		{"restricted lifted", ""},
		{"restricted lifted restricted", "restricted by record 15"},
		{"restricted erased", "erased by record 14"},
		{"restricted lifted erased", "erased by record 15"},
		{"erased restricted lifted", "erased by record 13"},
		{"lifted", ""},
	} {
		m := honest(t)
		for i, state := range strings.Fields(tc.states) {
			m.vendor(fmt.Sprintf("erase/%d", i), "T-1", &record.Erase{Of: "o-1", Basis: "asked", State: state, Scope: []string{"answer.txt"}, Holders: []string{"vendor"}})
		}
		rep := run(t, m.bundle(cut{noEvidence: true}), Options{Policy: policy(t, policyText(t, "both"))})
		want := `attachment "answer.txt"`
		if tc.want != "" {
			want += ", " + tc.want
		}
		if rep.Verdict != Verified || len(rep.Withheld) == 0 || rep.Withheld[0].called() != want {
			t.Errorf("%s: %s, %s, want %s", tc.states, rep.Verdict, rep.Withheld[0].called(), want)
		}
	}
}
