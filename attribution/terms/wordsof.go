package terms

import "strings"

// wordsOf says what stands at a path, in which [] is any index and * any name
// that people chose. Elements of lists of words have the words of their list.
func wordsOf(path string) (words string, ok bool) {
	path = strings.TrimSuffix(path, "[]")
	if rest, in := strings.CutPrefix(path, "lines[].adjust[]."); in {
		path = "adjust[]." + rest
	}
	switch path {
	case "title":
		words = "the title"
	case "parties":
		words = "the parties"
	case "parties.*.role":
		words = "the role"
	case "parties.*.name":
		words = "the name"
	case "parties.*.keys":
		words = "the keys"
	case "currency":
		words = "the currency"
	case "scale":
		words = "the decimals of an amount"
	case "rounding":
		words = "the rounding"
	case "rounding.mode":
		words = "the way of rounding"
	case "rounding.at":
		words = "the place of rounding"
	case "calendar":
		words = "the calendar"
	case "calendar.zone":
		words = "the time zone"
	case "calendar.period":
		words = "the period of settlement"
	case "calendar.day_count":
		words = "the way to count a part of a period"
	case "calendar.offsets":
		words = "the zone's offsets from UTC"
	case "calendar.offsets[].from":
		words = "the instant of a change of the clocks"
	case "calendar.offsets[].minutes":
		words = "the minutes from UTC after a change of the clocks"
	case "effective":
		words = "the term"
	case "effective.from":
		words = "the beginning of the term"
	case "effective.until":
		words = "the end of the term"
	case "record_delay":
		words = "the delay within which a record counts at its own time"
	case "skew":
		words = "the difference that clocks may have"
	case "backfill":
		words = "the import of older history"
	case "results":
		words = "the results"
	case "metrics":
		words = "the metrics"
	case "measures":
		words = "the measures"
	case "constants":
		words = "the constants"
	case "formulas":
		words = "the formulas"
	case "lines":
		words = "the lines"
	case "adjust", "lines[].adjust":
		words = "the adjustments"
	case "settle":
		words = "the settlement"
	case "results.*.facts":
		words = "the facts of a claim"
	case "results.*.quantity":
		words = "the fact that a partial return takes from"
	case "results.*.once_per":
		words = "what is paid once only"
	case "results.*.where":
		words = "the condition under which it is paid"
	case "results.*.claim":
		words = "those who may claim it"
	case "results.*.evidence":
		words = "the evidence that a claim must have"
	case "results.*.delivered":
		words = "the evidence that must have reached the client"
	case "results.*.accept":
		words = "the acceptance"
	case "results.*.accept.on":
		words = "what accepts a claim"
	case "results.*.accept.after":
		words = "the silence that accepts a claim"
	case "results.*.accept.from":
		words = "the beginning of the silence"
	case "results.*.accept.by":
		words = "the party whose word accepts a claim"
	case "results.*.dispute":
		words = "the right to dispute"
	case "results.*.dispute.within":
		words = "the time in which it can be disputed"
	case "results.*.dispute.unresolved":
		words = "what becomes of an open dispute"
	case "results.*.dispute.unresolved.then":
		words = "what becomes of an open dispute"
	case "results.*.dispute.unresolved.after":
		words = "the time after which an open dispute ends"
	case "results.*.reopen":
		words = "the guarantee"
	case "results.*.reopen.within":
		words = "the length of the guarantee"
	case "results.*.reopen.from":
		words = "the beginning of the guarantee"
	case "results.*.escalation":
		words = "what a handoff to a human does"
	case "results.*.lock":
		words = "the wait before it is billed"
	case "results.*.lock.months":
		words = "the month of the lock, counted from that of the claim"
	case "results.*.lock.day":
		words = "the day of the lock"
	case "results.*.billed_at":
		words = "the instant that decides its period"
	case "results.*.final_after", "metrics.*.final_after":
		words = "the time after which nothing changes any more"
	case "metrics.*.by":
		words = "those who measure it"
	case "metrics.*.facts":
		words = "the facts beside the value"
	case "measures.*.count":
		words = "what it counts"
	case "measures.*.sum":
		words = "what it adds up"
	case "measures.*.min":
		words = "what it takes the least of"
	case "measures.*.max":
		words = "what it takes the largest of"
	case "measures.*.last":
		words = "what it takes the last of"
	case "measures.*.mean":
		words = "what it takes the mean of"
	case "measures.*.distinct":
		words = "what it counts the different values of"
	case "measures.*.over":
		words = "the span that it is over"
	case "measures.*.where":
		words = "the condition for what is in it"
	case "measures.*.missing":
		words = "what stands in where it is missing"
	case "measures.*.missing.then":
		words = "the rule where it is missing"
	case "measures.*.missing.value":
		words = "the value where it is missing"
	case "measures.*.missing.measure":
		words = "the measure in its place where it is missing"
	case "measures.*.credit":
		words = "the credit among those who took part"
	case "measures.*.credit.model":
		words = "the model of credit"
	case "measures.*.credit.of":
		words = "the result whose claims are touches"
	case "measures.*.credit.by":
		words = "what tells whose a touch is"
	case "measures.*.credit.to":
		words = "the groups whose shares are paid"
	case "measures.*.credit.within":
		words = "the time before a claim in which a touch counts"
	case "measures.*.credit.decimals":
		words = "the decimals of a share"
	case "measures.*.credit.skip":
		words = "the groups that are passed over"
	case "measures.*.credit.first":
		words = "the percent of the first touch"
	case "measures.*.credit.last":
		words = "the percent of the last touch"
	case "measures.*.credit.half_life":
		words = "the half-life of a touch"
	case "measures.*.credit.shares":
		words = "the agreed shares"
	case "measures.*.credit.coalitions":
		words = "the values of the groups together"
	case "settle.close_after":
		words = "the wait from the end of a period to its statement"
	case "settle.late":
		words = "what becomes of late results"
	case "settle.negative":
		words = "what becomes of a total below zero"
	case "settle.corrections":
		words = "the place of corrections"
	case "settle.prepaid":
		words = "the prepaid amounts"
	case "settle.prepaid[].name":
		words = "the name"
	case "settle.prepaid[].amount":
		words = "what is paid"
	case "settle.prepaid[].every":
		words = "how often it is paid"
	case "settle.prepaid[].from":
		words = "the beginning"
	case "settle.prepaid[].until":
		words = "the end"
	case "settle.prepaid[].unused":
		words = "what becomes of the unused rest"
	case "settle.prepaid[].at_most":
		words = "the most that it holds"
	default:
		return wordsOfLine(path)
	}
	return words, true
}

// wordsOfLine is wordsOf for lines and adjustments.
func wordsOfLine(path string) (words string, ok bool) {
	switch path {
	case "lines[].name":
		words = "the name"
	case "lines[].flat":
		words = "the flat amount"
	case "lines[].due_at":
		words = "the day on which it is due"
	case "lines[].of":
		words = "what is priced"
	case "lines[].mode":
		words = "the way of pricing"
	case "lines[].convert":
		words = "the conversion of the quantity"
	case "lines[].convert.multiply":
		words = "what the quantity is multiplied by"
	case "lines[].convert.divide":
		words = "what the quantity is divided by"
	case "lines[].convert.round":
		words = "the rounding of the converted quantity"
	case "lines[].convert.decimals":
		words = "the decimals of the converted quantity"
	case "lines[].tiers":
		words = "the price table"
	case "lines[].tiers[].up_to":
		words = "the upper bound"
	case "lines[].tiers[].unit":
		words = "the price of one"
	case "lines[].tiers[].rate":
		words = "the rate"
	case "lines[].tiers[].flat":
		words = "the flat price"
	case "lines[].tiers[].package":
		words = "the package"
	case "lines[].tiers[].package.size":
		words = "the size of a package"
	case "lines[].tiers[].package.price":
		words = "the price of a package"
	case "lines[].tiers[].package.round":
		words = "the rounding of packages"
	case "lines[].zero":
		words = "the flat price at quantity 0"
	case "lines[].below_zero":
		words = "the price of a quantity below 0"
	case "lines[].each":
		words = "the bounds of the price of each result"
	case "lines[].each.at_least":
		words = "the least price of each result"
	case "lines[].each.at_most":
		words = "the highest price of each result"
	case "lines[].each.free":
		words = "what is free in each period"
	case "lines[].each.free.events":
		words = "the free results of each period"
	case "lines[].each.free.amount":
		words = "the free quantity of each period"
	case "lines[].each.free.ends":
		words = "how what is free ends"
	case "adjust[].include":
		words = "the included quantity"
	case "adjust[].unused":
		words = "what becomes of the unused rest"
	case "adjust[].rolls_to":
		words = "the most that a period includes"
	case "adjust[].times":
		words = "what the amount is multiplied by"
	case "adjust[].undefined", "adjust[].factor.undefined":
		words = "what stands in for a factor without a value"
	case "adjust[].factor":
		words = "the factor by steps"
	case "adjust[].factor.by":
		words = "what decides the step"
	case "adjust[].factor.steps":
		words = "the steps of the factor"
	case "adjust[].factor.steps[].from":
		words = "the value from which it holds"
	case "adjust[].factor.steps[].times":
		words = "the factor"
	case "adjust[].factor.below":
		words = "the factor below the first step"
	case "adjust[].percent_off":
		words = "the percent taken off"
	case "adjust[].at_least":
		words = "the minimum"
	case "adjust[].at_most":
		words = "the maximum"
	case "adjust[].partial":
		words = "the bound in a period that the term cuts"
	case "adjust[].prorate":
		words = "the share of a period that the term cuts"
	default:
		if words, ok := wordsOfEffect(path); ok {
			return words, true
		}
		return wordsOfResponsibility(path)
	}
	return words, true
}
