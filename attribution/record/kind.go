package record

// A Kind is one of the closed list of record kinds.
type Kind string

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

// A Body is the typed body of one kind.
type Body interface{ Kind() Kind }

type Agreement struct {
	Version int64
	Prev    Digest // content digest of the previous version, "" at version 1
	Format  string // "raasledger/v1"
	Origin  string
	LogKey  string // note verifier key of the log
	Nonce   string // base64 of at least 16 bytes
	History string // "", or "adopt" or "exclude" when the version before was signed by the vendor alone
	Terms   []byte // canonical JSON object, verbatim
}

type Key struct {
	Op        string // enrol, rotate, revoke
	Key       string // "ssh-ed25519 AAAA..."
	Holder    string // party or actor
	Party     string
	Effective Time
	Prev      string // fingerprint of the key it replaces
}

type Grant struct {
	Grantor, Grantee, Operator string
	Parent                     string
	Actions, Resources         []string
	LimitEach                  Decimal
	LimitPeriod                *PeriodLimit
	Escalate                   []Boundary
	OnTimeout                  string // block, proceed
	From, Until                Time
	Delegable                  int64
	Tier                       string // user, authorised, autonomous
}

type PeriodLimit struct {
	Amount Decimal
	Days   int64
}

type Boundary struct {
	When  string // amount_over, confidence_under, flag, action, check_result
	Value string
}

type Revoke struct {
	Grant     string
	Effective Time
	Reason    string
}

type Config struct {
	Agent, Model, Supplier                     string
	Prompt, Tools, Policy, Knowledge, Sampling Digest
}

type Input struct {
	Fields   Facts
	AsOf     Time
	Source   string
	Flags    []string
	Corrects string
}

type Decision struct {
	Agent, Config, Grant string
	Inputs               []string
	DependsOn            []FieldRef
	Claims               []Claim
	Confidence           Decimal
	Checks               []Check
	Proposes             *Proposal
	Reasons, Output      Digest
	ModelReported        string
}

// A FieldRef names a field of an input or measurement; Field may be "".
type FieldRef struct{ Ref, Field string }

type Claim struct {
	ID       string
	Material bool
	Value    string
	Support  []FieldRef
}

type Check struct {
	ID          string
	Left, Right Operand
	Op          string // <= < >= > == !=
	Result      string // pass, fail, refer
	Blocks      []string
}

// An Operand is a literal, or a field of an input when Ref is set.
type Operand struct{ Lit, Ref, Field string }

type Proposal struct {
	Action, Resource string
	Amount           Decimal
}

type Action struct {
	Decision, Grant, Review string
	Action, Resource        string
	Amount                  Decimal
	Currency                string
	Effect                  string // read, write, commit, communicate
	Status                  string // planned, executed, refused, failed
	Key                     string // idempotency key
	Reversible              bool
	ObservedBy, Reverses    string
}

type Handoff struct {
	Decision, To, Reason string
	Deadline             Time // 0 is none
	Shown                []string
	Nonce                string
}

type Review struct {
	Of, Verdict, Nonce string // verdict: approve, modify, reject, override, halt
	Opened             Time   // 0 is not stated
	Shown              []string
	Sets               *Proposal
	Reasons            Digest
}

type Measurement struct {
	Metric, Method string
	From, Until    Time // half open
	Value          Decimal
	Fields         Facts
	Population     Digest
	Sources        []string
}

type Outcome struct {
	Result string
	Facts  Facts
	Effect string
}

type Confirm struct {
	Of, Verdict, Reason string // verdict: accept, reject, partial
}

type Reverse struct {
	Of       string
	Cause    string  // reopened, reversed, cancelled
	Quantity Decimal // "" is all of it; else how much the result's quantity fact falls
}

type Dispute struct {
	About, Ground string
	Claimed       Facts
	Remedy        string
	Amount        Decimal
}

type Resolve struct {
	Dispute     string // id of the dispute
	Disposition string // upheld, rejected
	About       string // record the resolution speaks of, with Field and Value
	Field       string
	Value       string
	As          string // joint, arbiter
}

type Adjust struct {
	Of       string
	Amount   Decimal
	Currency string
	Reason   string
	Findings []string
}

type Receipt struct {
	Checkpoint []string // the lines of the cosigned checkpoint note, without their newlines
}

type ChainIndex struct {
	Chains int64 // how many chains
	Root   Digest
}

type Demand struct {
	Of, Custodian, Basis string
	Deadline             Time
}

type Disclose struct {
	Demand, To string
	Digest     Digest
}

type Erase struct {
	Of, Basis, State string // state: erased, restricted
	Scope            []string
	Holders          []string
	Confirmed        []string
}

type Incident struct {
	About      []string
	Severity   string
	Discovered Time
	Notified   []Notice
	Text       string
}

type Notice struct {
	Who string
	At  Time
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
