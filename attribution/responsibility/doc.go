// Package responsibility says who answers for what an agent did: the findings
// of rule set rs-1, and the shares that the agreement makes of them.
//
// Three things stand apart. Records are facts that somebody signed. Findings
// follow from the records at a size, and from nothing else: [Trace] is a pure
// function, and whoever has the records computes the same bytes. Shares are
// arithmetic that both sides agreed on beforehand. Nothing here says who is
// liable in law.
//
// [Facts] hold the records that the rules read. docs/rules.md publishes the
// rules, so that they can be written again without this package.
package responsibility
