package record

// A Statement is the settlement of one period over the records [0, n) before
// it. Amounts are in Currency at the terms' scale, as text like "69.30".
type Statement struct {
	Period      string   // "2026-03", "2026-W10", "2026-03-01", "2026-Q1", "2026"
	From, Until Time     // half open
	Closing     Time     // Until + close_after, computed from the terms
	Terms       []Digest // digest of the terms of each version that governs something in it, by version
	Agreed      bool     // false while a governing version is signed by the vendor alone
	Currency    string
	Lines       []Line
	Adjust      []Adjustment // statement adjustments, in their order
	Subtotal    Decimal      // after lines and statement adjustments
	Corrections []Correction
	CarriedIn   Decimal // balance of earlier statements, at most 0
	Total       Decimal // what is due: at least 0 unless the terms give a credit note
	CarriedOut  Decimal // at most 0
	Grades      []Grade // parts of Subtotal, adding up to it
	Counts      []Count // by reason, sorted
	Detail      Digest
	State       Digest
}

type Line struct {
	Version  int64 // of the terms
	Name     string
	Quantity Decimal
	Tiers    []TierUse
	Adjust   []Adjustment
	Amount   Decimal
	Records  int64 // how many results are behind it
	First    int64 // index of the first record behind it, -1 if none
	Last     int64 // index of the last, -1 if none
}

// A TierUse shows what one tier contributed. Amount is exact where it has at
// most 18 decimals, else rounded half even to 18 for display only.
type TierUse struct {
	Tier     int64 // from 0
	Quantity Decimal
	Amount   Decimal
}

type Adjustment struct {
	Op            string // at_least, at_most
	Before, After Decimal
}

// A Correction changes a line of an earlier period.
type Correction struct {
	Period         string
	Version        int64
	Line           string
	QuantityBefore Decimal
	Quantity       Decimal
	Amount         Decimal
}

type Grade struct {
	Grade  string // both, client, third, sampled, vendor, backfilled
	Amount Decimal
}

type Count struct {
	Reason string
	N      int64
}
