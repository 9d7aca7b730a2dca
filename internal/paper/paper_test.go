package paper

import (
	"strings"
	"testing"
)

// What does not add up is noticed, wherever it stands.
func TestCheck(t *testing.T) {
	good := []Step{
		{What: "measure u, the number of the results u, is 14"},
		{"3 are included, and 1 that the periods before left over, together 4", "14 - 4 = 10"},
		{"tier 1, up to 6, at 5 each", "6 x 5 = 30"},
		{"tier 2, above 6, at 4.125 each and 3 flat", "4 x 4.125 + 3 = 19.5"},
		{"together", "30 + 19.5 = 49.5"},
		{"12.5 percent off", "49.5 x (100 - 12.5) / 100 = 43.3125"},
		{"at least 50.25", "43.3125 becomes 50.25"},
		{"rounded half up to 2 decimals at the line", "50.25 becomes 50.25"},
	}
	if err := Check(good, "50.25"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at        int
		how, want string
	}{
		{1, "14 - 4 = 11", "14 - 4 is 10"},
		{1, "15 - 4 = 11", "begins with another quantity"},
		{2, "6 x 5 = 31", "6 x 5 is 30"},
		{3, "5 x 4.125 + 3 = 23.625", "step 5, together: 30 + 19.5 = 49.5: 11.000000 are priced of 10.000000"},
		{4, "30 + 19 = 49", "19.000000 did not come out before"},
		{5, "49 x (100 - 12.5) / 100 = 42.875", "begins with another figure than 49.5"},
		{6, "43.3125 becomes 50", "should be 50.25"},
		{7, "50.25 becomes 50.26", "is not rounded"},
		{7, "", "lead to"},
	} {
		steps := append([]Step(nil), good...)
		steps[c.at].How = c.how
		amount := "50.25"
		if c.how == "" {
			amount = "50.26"
		}
		if err := Check(steps, amount); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("step %d, %s: got %v, want %s", c.at+1, c.how, err, c.want)
		}
	}
}
