package bundle

// A Policy is whose keys a verifier relies on (C2SP tlog-policy).
type Policy struct{}

// ParsePolicy reads a tlog-policy file.
func ParsePolicy(text []byte) (*Policy, error) { panic("todo") }
