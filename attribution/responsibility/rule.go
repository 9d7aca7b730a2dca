package responsibility

import "github.com/raasledger/raasledger/attribution/terms"

// A Rule is one of the rules of rs-1.
type Rule string

// The rules of rs-1, in the order in which findings stand.
const (
	NoAuthority            Rule = "no_authority"
	StaleGrant             Rule = "stale_grant"
	LimitExceeded          Rule = "limit_exceeded"
	MissingEscalation      Rule = "missing_escalation"
	CheckFailedProceeded   Rule = "check_failed_proceeded"
	CheckMisreported       Rule = "check_misreported"
	UngroundedClaim        Rule = "ungrounded_claim"
	ContradictedClaim      Rule = "contradicted_claim"
	BadInput               Rule = "bad_input"
	SupersededInput        Rule = "superseded_input"
	DuplicateEffect        Rule = "duplicate_effect"
	ApprovalOutOfAuthority Rule = "approval_out_of_authority"
	OverrideTaken          Rule = "override_taken"
	OversightNotExercised  Rule = "oversight_not_exercised"
	ReviewTooShort         Rule = "review_too_short"
	IncompletePresentation Rule = "incomplete_presentation"
	ApprovedOverWarning    Rule = "approved_over_warning"
	DutyOmitted            Rule = "duty_omitted"
	ModelMismatch          Rule = "model_mismatch"
	OverDelegation         Rule = "over_delegation"
	UnexplainedDecision    Rule = "unexplained_decision"
	LateRecord             Rule = "late_record"
	ImpossibleReference    Rule = "impossible_reference"
	VoidSignature          Rule = "void_signature"
	EvidenceMissing        Rule = "evidence_missing"
	ImproperErasure        Rule = "improper_erasure"
)

// Rules returns the rules of rs-1 in their order.
func Rules() []Rule {
	return []Rule{
		NoAuthority, StaleGrant, LimitExceeded, MissingEscalation, CheckFailedProceeded, CheckMisreported, UngroundedClaim, ContradictedClaim, BadInput,
		SupersededInput, DuplicateEffect, ApprovalOutOfAuthority, OverrideTaken, OversightNotExercised, ReviewTooShort, IncompletePresentation,
		ApprovedOverWarning, DutyOmitted, ModelMismatch, OverDelegation, UnexplainedDecision, LateRecord, ImpossibleReference, VoidSignature,
		EvidenceMissing, ImproperErasure,
	}
}

// Class is what the rule is about: gate, lapse or proof, "" for no rule.
func (r Rule) Class() string { return terms.ClassOfRule(string(r)) }

// A Status says how far a finding goes. Missing proof is not guilt.
type Status string

// The statuses, of which only the first two count towards shares.
const (
	Established    Status = "established"    // the records show it
	Presumed       Status = "presumed"       // against whoever destroyed or withheld what would show it
	Undeterminable Status = "undeterminable" // the records neither show nor exclude it
)

// ButFor says whether a check would have come out otherwise with the right
// value; "" where the rule does not ask.
type ButFor string

// What the replay of the checks says.
const (
	ButForYes     ButFor = "yes"
	ButForNo      ButFor = "no"
	ButForUnknown ButFor = "unknown" // no check reads the field, or a value is not there
)
