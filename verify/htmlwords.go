package verify

import (
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// pageStyle is the look of a page, on screens and on paper.
const pageStyle = `
:root { color-scheme: light; }
body { font: 15px/1.5 "Helvetica Neue", Arial, "Noto Sans", "Liberation Sans", sans-serif; color: #1c2126; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2rem 0 .6rem; border-bottom: 1px solid #c8ced4; padding-bottom: .2rem; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
p, li { max-width: 50rem; overflow-wrap: anywhere; }
code { font: .88em/1.4 "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; }
td { overflow-wrap: anywhere; }
.grid td { min-width: 5rem; }
.grid th, .grid td { border-bottom: 1px solid #dde2e6; }
.grid thead th { border-bottom: 2px solid #8a939b; font-size: .85rem; }
.facts th { width: 11rem; font-weight: 600; color: #4a545d; }
.facts td, .facts th { padding-top: .12rem; padding-bottom: .12rem; }
.word { overflow-wrap: normal; }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; overflow-wrap: normal; min-width: 0; }
.nowrap { white-space: nowrap; overflow-wrap: normal; }
.told td { min-width: 0; }
.told td.by { min-width: 4.5rem; }
.told tr.head td { border-bottom: 0; padding-bottom: 0; }
.told tr.more td { padding-top: 0; }
dl { display: grid; grid-template-columns: minmax(5rem, 9rem) minmax(0, 1fr); gap: .05rem .9rem; margin: .15rem 0 .3rem; font-size: .85rem; color: #4a545d; }
dt, dd { margin: 0; overflow-wrap: anywhere; }
dt { font-weight: 600; }
tr.sum td { border-top: 2px solid #1c2126; font-weight: 600; }
tr.part td { border-bottom: 0; color: #4a545d; font-size: .9rem; padding-top: 0; }
tr.part td:first-child { padding-left: 1.2rem; }
.small, table.small { font-size: .85rem; color: #4a545d; }
.verdict { padding: .8rem 1.1rem; margin: 1rem 0 1.4rem; border: 2px solid; border-left-width: .8rem; }
.verdict h2 { border: 0; margin: 0 0 .3rem; padding: 0; font-size: 1.5rem; }
.verdict p { margin: .3rem 0; }
.verified { border-color: #1a7f37; background: #eef8f0; }
.verified h2 { color: #14612a; }
.unproven { border-color: #b57600; background: #fff8e6; }
.unproven h2 { color: #7d5200; }
.refused { border-color: #b3141d; background: #b3141d; color: #fff; }
.refused h2 { color: #fff; font-size: 2.4rem; letter-spacing: .06em; }
.no td { background: #fdecec; }
.open td { background: #fff8e6; }
.finding { border: 1px solid #c8ced4; border-left: .4rem solid #b3141d; padding: .5rem 1rem .2rem; margin: .8rem 0; }
.finding.presumed { border-left-color: #c4601a; }
.finding.undeterminable { border-left-color: #8a939b; border-left-style: dashed; }
.finding h4 { margin: 0 0 .3rem; font-size: 1rem; }
.yes { font-weight: 600; }
svg { display: block; width: 100%; height: auto; margin: .6rem 0; }
svg text { font-family: "Helvetica Neue", Arial, "Noto Sans", "Liberation Sans", sans-serif; fill: #1c2126; }
@media screen and (max-width: 44rem) {
 .told thead { display: none; }
 .told tbody, .told tr.head, .told tr.more, .told tr.more td { display: block; }
 .told tr.head td { display: inline; padding-right: .5rem; }
 .told tr.head td.says { display: block; }
 .told tr.more td:first-child { display: none; }
 .facts th { width: 7rem; }
}
@page { margin: 16mm 14mm; }
@media print {
 body { font-size: 10.5pt; margin: 0; padding: 0; max-width: none; }
 .verdict, .refused, svg rect, tr { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
 h2, h3, h4 { break-after: avoid; }
 tr, .finding, .verdict, svg { break-inside: avoid; }
 svg { max-height: 210mm; }
 .finding table { margin: .3rem 0 .6rem; }
 thead { display: table-header-group; }
 .told tbody { break-inside: avoid; }
 a { color: inherit; text-decoration: none; }
}
`

// resultWord is the result of a check for people.
func resultWord(result string) string {
	switch result {
	case NotPresent:
		return "nothing to check"
	case Unproven:
		return "not shown"
	}
	return result
}

func resultClass(result string) string {
	switch result {
	case Failed:
		return "no"
	case Unproven:
		return "open"
	}
	return "passed"
}

// checkQuestion is what a check asks.
func checkQuestion(name string) string {
	switch name {
	case checkNames[form]:
		return "Is the file whole and written as it must be?"
	case checkNames[signature]:
		return "Has the key that you rely on signed this state of the ledger?"
	case checkNames[witnesses]:
		return "Have those whom you rely on countersigned it?"
	case checkNames[freshness]:
		return "Is it recent enough?"
	case checkNames[history]:
		return "Does it continue what was seen before?"
	case checkNames[records]:
		return "Is every record one of the signed ledger, unchanged?"
	case checkNames[order]:
		return "Do records stand in their places, with times that do not go back?"
	case checkNames[authors]:
		return "Did those sign who are said to have written?"
	case checkNames[agreed]:
		return "Did everybody write only what the agreement lets them?"
	case checkNames[statements]:
		return "Do the amounts come out the same when computed again?"
	case checkNames[chains]:
		return "Is nothing left out, and does each reference lead somewhere?"
	case checkNames[findings]:
		return "Does each decision that names findings follow from the records?"
	case checkNames[attachments]:
		return "Is the evidence in the file that which was recorded?"
	}
	return ""
}

func roleWord(role string) string {
	switch role {
	case record.RoleVendor:
		return "Vendor"
	case record.RoleClient:
		return "Client"
	}
	return words(role)
}

// ruleText is a rule of rs-1 in one sentence for people. docs/rules.md is what
// binds.
func ruleText(r responsibility.Rule) string {
	switch r {
	case responsibility.NoAuthority:
		return "It was done without a grant that allows it."
	case responsibility.StaleGrant:
		return "The grant was not valid at that time: not yet, no more, or revoked."
	case responsibility.LimitExceeded:
		return "The amount is above the limit of the grant."
	case responsibility.MissingEscalation:
		return "It should have been put before a human first, and no approval counts."
	case responsibility.CheckFailedProceeded:
		return "A check that forbids this action had failed, and it was done all the same."
	case responsibility.CheckMisreported:
		return "A check was reported with another result than its own figures give."
	case responsibility.UngroundedClaim:
		return "The decision states something important that nothing it had supports."
	case responsibility.ContradictedClaim:
		return "The decision states something else than its own source says."
	case responsibility.BadInput:
		return "The decision rested on information that was put right only later."
	case responsibility.SupersededInput:
		return "The decision rested on information that had been put right before."
	case responsibility.DuplicateEffect:
		return "The same thing was done twice."
	case responsibility.ApprovalOutOfAuthority:
		return "It was approved by somebody who may not approve it."
	case responsibility.OverrideTaken:
		return "A human took the decision out of the agent's hands, and answers for it."
	case responsibility.OversightNotExercised:
		return "It was put before a human, and nobody looked in time."
	case responsibility.ReviewTooShort:
		return "The reviewer decided faster than one can look."
	case responsibility.IncompletePresentation:
		return "The reviewer was shown less than was agreed."
	case responsibility.ApprovedOverWarning:
		return "The reviewer saw a warning and approved all the same."
	case responsibility.DutyOmitted:
		return "An agreed duty for this kind of action was not met."
	case responsibility.ModelMismatch:
		return "The model that answered is not the one that was recorded as in use."
	case responsibility.OverDelegation:
		return "More was passed on than had been given."
	case responsibility.UnexplainedDecision:
		return "What is needed to understand the decision was not recorded."
	case responsibility.LateRecord:
		return "It was recorded later than agreed."
	case responsibility.ImpossibleReference:
		return "A record refers to something that did not exist yet."
	case responsibility.VoidSignature:
		return "A record is signed with a key that had been revoked."
	case responsibility.EvidenceMissing:
		return "Evidence was demanded, and not handed over in time."
	case responsibility.ImproperErasure:
		return "Evidence was erased that should not have been."
	}
	return ""
}

// statusText is what a status means for people.
func statusText(s responsibility.Status) string {
	switch s {
	case responsibility.Established:
		return "Established: the records show it."
	case responsibility.Presumed:
		return "Presumed: this party destroyed or held back what would show it."
	case responsibility.Undeterminable:
		return "Undeterminable: the records neither show nor exclude it. It weighs nothing."
	}
	return string(s)
}

// butForText is what a but-for means for people.
func butForText(b responsibility.ButFor) string {
	switch b {
	case responsibility.ButForYes:
		return "With the right value a check would have come out otherwise."
	case responsibility.ButForNo:
		return "With the right value every check would have come out the same, so it weighs nothing."
	case responsibility.ButForUnknown:
		return "Whether a check would have come out otherwise cannot be told, so it weighs nothing."
	}
	return ""
}

// reasonText is what became of a result, for people. docs/settlement.md is what
// binds.
func reasonText(code string) string {
	switch code {
	case "billed":
		return "counted in the amounts above"
	case "pending":
		return "not accepted yet, or due in a later period; may still be billed"
	case "disputed":
		return "in dispute; may still be billed"
	case "undelivered":
		return "evidence that must reach the client first has not been delivered; may still be billed"
	case "undefined":
		return "a value that it needs is missing; may still be billed"
	case "reopened":
		return "the matter came up again within the guarantee"
	case "reversed":
		return "taken back"
	case "cancelled":
		return "cancelled"
	case "escalated":
		return "handed to a human"
	case "dispute_upheld":
		return "a dispute about it was upheld, or nobody resolved it in the time after which it voids"
	case "found":
		return "the agreed rules find it against the vendor"
	case "reduced":
		return "taken back in parts until nothing was left"
	case "where":
		return "does not meet the agreed condition"
	case "no_line":
		return "no price in the terms counts it"
	case "evidence":
		return "evidence that the terms ask for is missing"
	case "no_effect":
		return "names no action, which the terms ask for"
	case "outside_term":
		return "outside the time of the agreement"
	case "late":
		return "claimed after its period was settled"
	case "expired":
		return "never accepted in the time there is for that"
	case "shadow":
		return "from before the client signed, and the client excluded that"
	case "restated":
		return "a later measurement of the same stands in its place"
	case "duplicate":
		return "the same was claimed before; it counts once"
	case "final":
		return "claimed after the last day on which it could be"
	case "void_signature":
		return "signed with a revoked key"
	case "unmatched":
		return "speaks of no result and no measurement that is open; without effect"
	case "not_entitled":
		return "a dispute by the side that made the claim, or the vendor takes back what another claimed; without effect"
	case "dispute_late":
		return "a dispute after its time; without effect"
	case "after_guarantee":
		return "taken back after the guarantee; without effect"
	case "over_reversed":
		return "more is taken back than is left; without effect"
	case "no_quantity":
		return "taken back in part, of what has no parts; without effect"
	case "client_fault":
		return "taken back, and the agreed rules find it against the client; without effect"
	case "finding_late":
		return "a finding after its time, or after it was decided; without effect"
	}
	return words(code)
}

// gradeText says on whose word an amount rests.
func gradeText(g record.Grade) string {
	switch g.Grade {
	case "both":
		return "on the word of both sides"
	case "client":
		return "on the client's word"
	case "third":
		return "on a third party's word"
	case "sampled":
		return "on the strength of a sample"
	case "vendor":
		return "on the vendor's word alone"
	case "backfilled":
		return "on the vendor's word alone, about times before the ledger"
	}
	return words(g.Grade)
}
