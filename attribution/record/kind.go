package record

// A Kind is one of the closed list of record kinds.
type Kind string

// The kinds. What each of them is for stands with its body, the type of the
// same name.
const (
	KindAgreement   Kind = "agreement"
	KindKey         Kind = "key"
	KindGrant       Kind = "grant"
	KindRevoke      Kind = "revoke"
	KindConfig      Kind = "config"
	KindInput       Kind = "input"
	KindDecision    Kind = "decision"
	KindAction      Kind = "action"
	KindHandoff     Kind = "handoff"
	KindReview      Kind = "review"
	KindMeasurement Kind = "measurement"
	KindOutcome     Kind = "outcome"
	KindConfirm     Kind = "confirm"
	KindReverse     Kind = "reverse"
	KindDispute     Kind = "dispute"
	KindResolve     Kind = "resolve"
	KindAdjust      Kind = "adjust"
	KindStatement   Kind = "statement"
	KindReceipt     Kind = "receipt"
	KindChainIndex  Kind = "chain-index"
	KindDemand      Kind = "demand"
	KindDisclose    Kind = "disclose"
	KindErase       Kind = "erase"
	KindIncident    Kind = "incident"
)

// A Body is the typed body of one kind: a pointer to [Agreement], [Key], and so
// on through the list of kinds. Marshal accepts no other.
type Body interface{ Kind() Kind }

// Kinds returns the list of kinds.
func Kinds() []Kind {
	return []Kind{
		KindAgreement,
		KindKey,
		KindGrant,
		KindRevoke,
		KindConfig,
		KindInput,
		KindDecision,
		KindAction,
		KindHandoff,
		KindReview,
		KindMeasurement,
		KindOutcome,
		KindConfirm,
		KindReverse,
		KindDispute,
		KindResolve,
		KindAdjust,
		KindStatement,
		KindReceipt,
		KindChainIndex,
		KindDemand,
		KindDisclose,
		KindErase,
		KindIncident,
	}
}

// NewBody returns an empty body of the kind, or false if there is no such kind.
func NewBody(k Kind) (Body, bool) {
	switch k {
	case KindAgreement:
		return new(Agreement), true
	case KindKey:
		return new(Key), true
	case KindGrant:
		return new(Grant), true
	case KindRevoke:
		return new(Revoke), true
	case KindConfig:
		return new(Config), true
	case KindInput:
		return new(Input), true
	case KindDecision:
		return new(Decision), true
	case KindAction:
		return new(Action), true
	case KindHandoff:
		return new(Handoff), true
	case KindReview:
		return new(Review), true
	case KindMeasurement:
		return new(Measurement), true
	case KindOutcome:
		return new(Outcome), true
	case KindConfirm:
		return new(Confirm), true
	case KindReverse:
		return new(Reverse), true
	case KindDispute:
		return new(Dispute), true
	case KindResolve:
		return new(Resolve), true
	case KindAdjust:
		return new(Adjust), true
	case KindStatement:
		return new(Statement), true
	case KindReceipt:
		return new(Receipt), true
	case KindChainIndex:
		return new(ChainIndex), true
	case KindDemand:
		return new(Demand), true
	case KindDisclose:
		return new(Disclose), true
	case KindErase:
		return new(Erase), true
	case KindIncident:
		return new(Incident), true
	}
	return nil, false
}

// bodyFields shows c the fields of b.
func (c *codec) bodyFields(b Body) {
	switch b := b.(type) {
	case *Agreement:
		b.fields(c)
	case *Key:
		b.fields(c)
	case *Grant:
		b.fields(c)
	case *Revoke:
		b.fields(c)
	case *Config:
		b.fields(c)
	case *Input:
		b.fields(c)
	case *Decision:
		b.fields(c)
	case *Action:
		b.fields(c)
	case *Handoff:
		b.fields(c)
	case *Review:
		b.fields(c)
	case *Measurement:
		b.fields(c)
	case *Outcome:
		b.fields(c)
	case *Confirm:
		b.fields(c)
	case *Reverse:
		b.fields(c)
	case *Dispute:
		b.fields(c)
	case *Resolve:
		b.fields(c)
	case *Adjust:
		b.fields(c)
	case *Statement:
		b.fields(c)
	case *Receipt:
		b.fields(c)
	case *ChainIndex:
		b.fields(c)
	case *Demand:
		b.fields(c)
	case *Disclose:
		b.fields(c)
	case *Erase:
		b.fields(c)
	case *Incident:
		b.fields(c)
	default:
		c.fail("body", "unknown type %T", b)
	}
}

// The roles that a party may have in an agreement.
const (
	RoleVendor  = "vendor"
	RoleClient  = "client"
	RoleThird   = "third"
	RoleArbiter = "arbiter"
)

// MayWrite reports whether a party of the role may author records of the
// kind. An agreement is authored by the vendor and needs the client's signature beside
// its own; a resolve by the vendor or the client is by finding, or joint and
// needs both.
func MayWrite(kind Kind, role string) bool {
	vendor, client, third, arbiter := role == RoleVendor, role == RoleClient, role == RoleThird, role == RoleArbiter
	switch kind {
	case KindAgreement, KindConfig, KindDecision, KindAction, KindReceipt, KindChainIndex:
		return vendor
	case KindGrant, KindRevoke, KindHandoff, KindDispute, KindAdjust, KindStatement:
		return vendor || client
	case KindConfirm, KindReverse:
		return vendor || client || third
	case KindResolve:
		return vendor || client || arbiter
	case KindKey, KindInput, KindReview, KindMeasurement, KindOutcome, KindDemand, KindDisclose, KindErase, KindIncident:
		return vendor || client || third || arbiter
	}
	return false
}

func (*Agreement) Kind() Kind   { return KindAgreement }
func (*Key) Kind() Kind         { return KindKey }
func (*Grant) Kind() Kind       { return KindGrant }
func (*Revoke) Kind() Kind      { return KindRevoke }
func (*Config) Kind() Kind      { return KindConfig }
func (*Input) Kind() Kind       { return KindInput }
func (*Decision) Kind() Kind    { return KindDecision }
func (*Action) Kind() Kind      { return KindAction }
func (*Handoff) Kind() Kind     { return KindHandoff }
func (*Review) Kind() Kind      { return KindReview }
func (*Measurement) Kind() Kind { return KindMeasurement }
func (*Outcome) Kind() Kind     { return KindOutcome }
func (*Confirm) Kind() Kind     { return KindConfirm }
func (*Reverse) Kind() Kind     { return KindReverse }
func (*Dispute) Kind() Kind     { return KindDispute }
func (*Resolve) Kind() Kind     { return KindResolve }
func (*Adjust) Kind() Kind      { return KindAdjust }
func (*Statement) Kind() Kind   { return KindStatement }
func (*Receipt) Kind() Kind     { return KindReceipt }
func (*ChainIndex) Kind() Kind  { return KindChainIndex }
func (*Demand) Kind() Kind      { return KindDemand }
func (*Disclose) Kind() Kind    { return KindDisclose }
func (*Erase) Kind() Kind       { return KindErase }
func (*Incident) Kind() Kind    { return KindIncident }
