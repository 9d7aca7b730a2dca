package terms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// conforms is a validator of the part of JSON Schema that the schema uses. A
// keyword that it does not know is an error, so that none goes unchecked.
func conforms(root, schema map[string]any, v any, path string) error {
	number := func(key string) float64 { return schema[key].(float64) }
	for _, key := range sortedKeys(schema) {
		ok := true
		switch rule := schema[key]; key {
		case "$schema", "title", "description", "$defs", "items", "propertyNames":
			// items and propertyNames are applied below.
		case "$ref":
			name, _ := strings.CutPrefix(rule.(string), "#/$defs/")
			def, found := root["$defs"].(map[string]any)[name].(map[string]any)
			if !found {
				return fmt.Errorf("%s: no definition %s", path, name)
			}
			if err := conforms(root, def, v, path); err != nil {
				return err
			}
		case "type":
			switch rule {
			case "object":
				_, ok = v.(map[string]any)
			case "array":
				_, ok = v.([]any)
			case "string":
				_, ok = v.(string)
			case "integer":
				n, isNumber := v.(float64)
				ok = isNumber && n == float64(int64(n))
			case "number":
				_, ok = v.(float64)
			default:
				return fmt.Errorf("%s: unknown type %v", path, rule)
			}
		case "enum":
			ok = false
			for _, e := range rule.([]any) {
				ok = ok || reflect.DeepEqual(e, v)
			}
		case "const":
			ok = reflect.DeepEqual(rule, v)
		case "pattern":
			if s, is := v.(string); is {
				ok = regexp.MustCompile(rule.(string)).MatchString(s)
			}
		case "minLength", "maxLength":
			if s, is := v.(string); is {
				n := float64(len([]rune(s)))
				ok = key == "minLength" && n >= number(key) || key == "maxLength" && n <= number(key)
			}
		case "minimum", "maximum":
			if n, is := v.(float64); is {
				ok = key == "minimum" && n >= number(key) || key == "maximum" && n <= number(key)
			}
		case "minItems", "maxItems":
			if l, is := v.([]any); is {
				n := float64(len(l))
				ok = key == "minItems" && n >= number(key) || key == "maxItems" && n <= number(key)
			}
		case "minProperties", "maxProperties":
			if m, is := v.(map[string]any); is {
				n := float64(len(m))
				ok = key == "minProperties" && n >= number(key) || key == "maxProperties" && n <= number(key)
			}
		case "uniqueItems":
			if l, is := v.([]any); is {
				for i := range l {
					for j := range l[:i] {
						ok = ok && !reflect.DeepEqual(l[i], l[j])
					}
				}
			}
		case "required":
			if m, is := v.(map[string]any); is {
				for _, name := range rule.([]any) {
					_, has := m[name.(string)]
					ok = ok && has
				}
			}
		case "anyOf", "oneOf":
			n := 0
			for _, s := range rule.([]any) {
				if conforms(root, s.(map[string]any), v, path) == nil {
					n++
				}
			}
			ok = n > 0 && (key == "anyOf" || n == 1)
		case "properties", "additionalProperties":
			m, is := v.(map[string]any)
			if !is {
				continue
			}
			properties, _ := schema["properties"].(map[string]any)
			for _, name := range sortedKeys(m) {
				s, known := properties[name].(map[string]any)
				switch {
				case key == "properties" && known:
				case key == "properties" || known:
					continue
				case rule == false:
					return fmt.Errorf("%s: additional property %s", path, name)
				default:
					s = rule.(map[string]any)
				}
				if err := conforms(root, s, m[name], join(path, name)); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("%s: unknown keyword %s", path, key)
		}
		if !ok {
			return fmt.Errorf("%s: %v does not satisfy %s", path, v, key)
		}
	}
	if s, ok := schema["items"].(map[string]any); ok {
		if l, is := v.([]any); is {
			for i := range l {
				if err := conforms(root, s, l[i], element(path, i)); err != nil {
					return err
				}
			}
		}
	}
	if s, ok := schema["propertyNames"].(map[string]any); ok {
		if m, is := v.(map[string]any); is {
			for _, name := range sortedKeys(m) {
				if err := conforms(root, s, name, join(path, name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func readSchema(t *testing.T) map[string]any {
	var root map[string]any
	if err := json.Unmarshal(JSONSchema(), &root); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestSchemaTakesWhatDraftTakes(t *testing.T) {
	root := readSchema(t)
	eachVector(t, "valid", func(t *testing.T, path string, text []byte) {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		if err := conforms(root, root, v, ""); err != nil {
			t.Error(err)
		}
		canonical, _ := Draft(text, noZone)
		if err := json.Unmarshal(canonical, &v); err != nil {
			t.Fatal(err)
		}
		if err := conforms(root, root, v, ""); err != nil {
			t.Errorf("canonical form: %v", err)
		}
	})
}

// What a schema can say, it says: only these mistakes are for Draft alone.
func TestSchemaRefusesWhatDraftRefuses(t *testing.T) {
	beyond := strings.Fields(`accept-with-stray-fields adjust-finer-than-a-cent arbiter-without-arbiter below-zero-missing below-zero-of-a-count
		below-zero-of-a-largest-fact claim-by-a-stranger client-accepts-by-a-dispute constant-named-like-a-measure convert-by-nothing
		convert-with-each credit-by-author-who-may-not credit-by-unknown-fact credit-decay-of-nothing credit-fixed-not-100 credit-fixed-to-a-stranger
		credit-of-a-mean credit-of-a-metric credit-of-unknown-result credit-position-above-100 credit-position-of-nothing credit-shapley-below-zero
		credit-shapley-incomplete credit-shapley-to-a-stranger credit-shapley-too-many credit-shapley-twice credit-shapley-unsorted
		credit-shapley-worth-nothing credit-within-too-long day-count-missing day-count-without-proration delivered-not-in-evidence delivered-without-evidence dispute-to-arbiter-with-delay duration-beyond-a-century
		distinct-over-term due-at-no-time due-at-outside each-bounds-crossed each-free-ends-alone each-free-ends-missing each-free-over-term
		each-without-mode-each effect-findings-without-rules effect-held-by-a-dispute-that-is-none effect-measure-credit effect-measure-missing
		effect-measure-of-no-result effect-measure-of-nothing-void effect-measure-priced-each effect-measure-sum effect-measure-where
		effect-within-beyond-final effective-backwards effective-too-long fact-named-like-a-word fact-named-occurred factor-steps-twice
		factor-steps-unsorted factor-unknown field-twice final-too-early formula-divides-by-zero formula-grows-too-large formula-is-a-condition
		formula-is-a-text formula-mixes-spans formula-mixes-spans-by-others formula-named-like-a-constant formula-named-like-a-measure
		formula-named-like-a-word formula-nested-too-deep formula-of-a-wrong-formula formula-of-no-value formula-reads-a-fact formula-reads-itself
		formula-reads-itself-by-others formula-reads-occurred formula-too-deep formula-unknown-name formula-works-too-much include-after-another
		include-of-nothing include-on-a-flat-line include-on-the-document include-rolls-over-term include-rolls-to-less include-rolls-to-with-lost
		include-twice include-with-each key-of-small-order key-shared-by-two-parties line-each-of-a-formula line-each-of-a-mean line-each-of-a-metric
		line-flat-over-the-term line-mixes-spans line-mixes-spans-by-a-factor line-name-twice line-of-a-constant line-of-unknown-measure
		measure-distinct-of-bool measure-mean-of-text measure-named-like-a-function measure-of-action-distinct-amount measure-of-action-resource
		measure-of-action-without-name measure-of-metric-text measure-of-unknown-metric measure-of-unknown-metric-fact measure-of-unknown-result
		measure-where-of-action-unknown measure-where-of-metric-unknown measure-where-over-foreign-fact metric-by-a-stranger
		metric-fact-named-occurred metric-fact-named-value metric-final-too-early missing-missing missing-of-a-result missing-other-below-zero
		missing-other-itself missing-other-of-a-result missing-other-of-another missing-other-over-the-term missing-other-unknown
		missing-value-below-zero no-client no-vendor numbers-without-quotes offset-after-the-end offset-without-change offsets-begin-late
		offsets-two-before-the-beginning offsets-unsorted once-per-decimal-fact once-per-unknown-fact package-of-nothing partial-missing
		partial-of-a-fee-that-is-due-once partial-over-term partial-where-nothing-is-cut percent-off-above-100 prepaid-at-most-less
		prepaid-at-most-of-lost prepaid-backwards prepaid-finer-than-a-cent prepaid-of-nothing prepaid-twice prorate-over-term
		prorate-what-is-due-once quantity-not-decimal quantity-unknown-fact
		responsibility-approver-limit-finer-than-a-cent responsibility-approver-of-a-stranger responsibility-duty-of-a-stranger
		responsibility-duty-twice responsibility-outward-stranger silence-without-delay skew-too-large statement-of-too-many-corrections
		statement-of-too-many-names statement-of-too-many-tiers sum-over-text sum-over-unknown-fact text-turned-around text-with-space-around
		third-accepts-by-a-dispute third-by-with-silence third-is-an-arbiter third-is-the-client third-is-the-vendor third-missing third-not-a-party
		tier-up-to-zero tier-with-two-prices tiers-closed tiers-open-in-the-middle tiers-that-overlap tiers-unsorted times-a-constant
		times-on-the-document-over-term times-unknown two-vendors where-chained where-constant-against-a-word where-divides-by-zero where-does-not-parse where-function-arguments
		where-function-of-text where-mixes-types where-not-a-condition where-occurred-against-text where-occurred-as-decimal where-occurred-on-no-day where-orders-texts
		where-never-true where-root-of-a-negative where-wrong-types zero-missing zero-without-flat`)
	root := readSchema(t)
	seen := map[string]bool{}
	eachVector(t, "invalid", func(t *testing.T, path string, text []byte) {
		name := t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]
		seen[name] = true
		var v any
		if json.Unmarshal(text, &v) != nil {
			return
		}
		err := conforms(root, root, v, "")
		if known := strings.Contains(" "+strings.Join(beyond, " ")+" ", " "+name+" "); (err == nil) != known {
			t.Errorf("the schema says %v, which is said to be beyond it: %v", err, known)
		}
	})
	for _, name := range beyond {
		if !seen[name] {
			t.Errorf("no vector %s", name)
		}
	}
}

func TestSchemaIsACopy(t *testing.T) {
	s := JSONSchema()
	s[0] = 'x'
	if bytes.Equal(s, JSONSchema()) {
		t.Error("a caller can change the schema")
	}
}
