package fee

import "fmt"

// A reason says what became of a claim in a statement, or why an event had no
// effect. The words are those of the document "Settlement".
type reason uint8

const (
	unsaid reason = iota

	// Claims that are still under way.
	pending     // not accepted, not locked, or billed in a later period
	disputed    // a dispute is open
	undelivered // the client has not got the evidence that the terms want delivered
	undefined   // a condition or a measure has no value

	// Claims in the fee.
	billed

	// Claims outside the fee. The causes and reduced also stand for what is
	// given back of a claim that was billed before.
	reopened
	reversed
	cancelled
	escalated
	disputeUpheld
	found       // a finding that the terms name voids it
	reduced     // nothing is left after reversals in part
	where       // the condition of the result is false
	noLine      // no line counts it
	evidence    // an attachment that the terms ask for is missing
	noEffect    // it names no action, and the terms ask for one
	outsideTerm // claimed or billed outside the term
	late        // claimed after its period was settled, and the terms refuse that
	expired     // still pending at the horizon
	shadow      // claimed under terms that the client excluded when it signed
	restated    // a later measurement of the same stands in its place

	// Claims that open no result.
	duplicate // the key has a claim already
	final     // claimed beyond the horizon

	// Claims and events that a revoked key signed.
	voidSignature

	// Events without effect.
	unmatched      // names no claim of a live result
	notEntitled    // a dispute by the claim's own side
	disputeLate    // outside the dispute window
	afterGuarantee // a reversal after the lock and outside the guarantee
	overReversed   // more is reversed than is left
	noQuantity     // a reversal in part of what has no quantity, or of nothing
	clientFault    // a reversal of what a finding keeps in the fee
	findingLate    // a finding after its time, or after others have decided

	reasons // how many there are
)

var reasonWords = [reasons]string{
	unsaid:         "",
	pending:        "pending",
	disputed:       "disputed",
	undelivered:    "undelivered",
	undefined:      "undefined",
	billed:         "billed",
	reopened:       "reopened",
	reversed:       "reversed",
	cancelled:      "cancelled",
	escalated:      "escalated",
	disputeUpheld:  "dispute_upheld",
	found:          "found",
	reduced:        "reduced",
	where:          "where",
	noLine:         "no_line",
	evidence:       "evidence",
	noEffect:       "no_effect",
	outsideTerm:    "outside_term",
	late:           "late",
	expired:        "expired",
	shadow:         "shadow",
	restated:       "restated",
	duplicate:      "duplicate",
	final:          "final",
	voidSignature:  "void_signature",
	unmatched:      "unmatched",
	notEntitled:    "not_entitled",
	disputeLate:    "dispute_late",
	afterGuarantee: "after_guarantee",
	overReversed:   "over_reversed",
	noQuantity:     "no_quantity",
	clientFault:    "client_fault",
	findingLate:    "finding_late",
}

func (r reason) String() string { return reasonWords[r] }

func parseReason(word string) (reason, error) {
	for r, w := range reasonWords {
		if w == word {
			return reason(r), nil
		}
	}
	return 0, fmt.Errorf("reason %q is not known", word)
}

// underWay reports whether a claim with this reason may still be billed.
func (r reason) underWay() bool {
	return r == pending || r == disputed || r == undelivered || r == undefined
}

// causeOf is the reason for a reversal of this cause.
func causeOf(cause string) reason {
	switch cause {
	case "reopened":
		return reopened
	case "cancelled":
		return cancelled
	}
	return reversed
}
