package terms

import (
	"github.com/raasledger/raasledger/attribution/exact"
)

func (t *Terms) Reads(name string) []string {
	if t.Measure(name) != nil {
		return []string{name}
	}
	return nil
}
func (t *Terms) OverOf(name string) string                                             { return "period" }
func (s *Standing) Covered(p Period) (covered, whole int64)                            { return 1, 1 }
func (e *Expr) Value(lookup func(name string) (exact.Rat, bool)) (x exact.Rat, ok bool) { return }
