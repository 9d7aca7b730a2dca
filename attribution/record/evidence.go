package record

// A Receipt is an earlier checkpoint of the ledger with another party's
// cosignature.
type Receipt struct {
	Checkpoint []string // the lines of the cosigned checkpoint note, without their newlines
}

func (b *Receipt) fields(c *codec) {
	c.plainStrings("checkpoint", &b.Checkpoint, formLine, required)
}

// A ChainIndex commits the sorted map of the chains of all records before it.
type ChainIndex struct {
	Chains int64 // how many chains
	Root   Digest
}

func (b *ChainIndex) fields(c *codec) {
	c.int("chains", &b.Chains, 0)
	c.digest("root", &b.Root, required)
}

// A Demand asks for evidence.
type Demand struct {
	Of, Custodian, Basis string
	Deadline             Time
}

func (b *Demand) fields(c *codec) {
	c.label("basis", &b.Basis, required)
	c.id("custodian", &b.Custodian, required)
	c.time("deadline", &b.Deadline, required)
	c.ref("of", &b.Of, required)
}

// A Disclose hands evidence over.
type Disclose struct {
	Demand, To string
	Digest     Digest
}

func (b *Disclose) fields(c *codec) {
	c.ref("demand", &b.Demand, optional)
	c.digest("digest", &b.Digest, required)
	c.id("to", &b.To, required)
}

// An Erase says that evidence or sealed fields of a record were erased or
// restricted, or are not restricted any more.
type Erase struct {
	Of, Basis, State string // state: erased, lifted, restricted
	Scope            []string
	Holders          []string
	Confirmed        []string
}

func (b *Erase) fields(c *codec) {
	c.label("basis", &b.Basis, required)
	c.strings("confirmed", &b.Confirmed, formID, optional)
	c.strings("holders", &b.Holders, formID, required)
	c.ref("of", &b.Of, required)
	c.strings("scope", &b.Scope, formLabel, optional)
	c.enum("state", &b.State, required, "erased", "lifted", "restricted")
}

// An Incident is something that went wrong.
type Incident struct {
	About      []string
	Severity   string
	Discovered Time
	Notified   []Notice
	Text       string
}

func (b *Incident) fields(c *codec) {
	c.strings("about", &b.About, formRef, optional)
	c.time("discovered", &b.Discovered, required)
	list(c, "notified", &b.Notified, optional, (*Notice).fields)
	c.label("severity", &b.Severity, required)
	c.text("text", &b.Text, optional)
}

// A Notice says who was told of an incident, and when.
type Notice struct {
	Who string
	At  Time
}

func (b *Notice) fields(c *codec) {
	c.time("at", &b.At, required)
	c.label("who", &b.Who, required)
}
