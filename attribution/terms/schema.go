package terms

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// JSONSchema returns the JSON Schema of the terms' document, for editors.
// It describes what people write; what it cannot say, Draft checks.
func JSONSchema() []byte { return slices.Clone(schema) }
