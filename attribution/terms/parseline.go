package terms

func (d *document) lines(t *Terms, o *object) {
	l, path, ok := o.list("lines", maxLines)
	if !ok {
		return
	}
	for i, v := range l {
		at := element(path, i)
		line := Line{}
		if lo, ok := d.object(at, v); ok {
			d.line(t, &line, lo)
			lo.end()
		}
		for _, other := range t.Lines {
			if line.Name != "" && other.Name == line.Name {
				d.fail(at+".name", "%s is the name of two lines", quote(line.Name))
				break
			}
		}
		t.Lines = append(t.Lines, line)
	}
}

func (d *document) line(t *Terms, line *Line, o *object) {
	if s, ok := o.text("name", "a name"); ok {
		d.checkName(join(o.path, "name"), s)
		line.Name = s
	}
	if o.has("due_at") {
		if at, ok := o.time("due_at"); ok {
			if line.DueAt = at; t.From < t.Until && (at < t.From || at >= t.Until) {
				d.fail(join(o.path, "due_at"), "got %s, want an instant from effective.from %s to before effective.until %s", at, t.From, t.Until)
			}
		}
	}
	if o.has("flat") {
		line.Flat = o.decimal("flat", false)
		for _, name := range []string{"of", "mode", "convert", "tiers", "zero", "below_zero", "each"} {
			o.refuse(name, "a flat line has no quantity")
		}
		line.Adjust = d.adjustments(t, line, o)
		return
	}
	if s, ok := o.text("of", "the name of a measure or a formula, or flat"); ok {
		line.Of = s
		if !t.isNumber(s) {
			d.fail(join(o.path, "of"), "there is no measure or formula %s", quote(s))
		}
	}
	d.mode(t, line, o)
	tiers, path, okTiers := o.list("tiers", maxTiers)
	for i, v := range tiers {
		tier := Tier{}
		if to, ok := d.object(element(path, i), v); ok {
			d.tier(t, line, &tier, to, i == len(tiers)-1)
			to.end()
		}
		line.Tiers = append(line.Tiers, tier)
	}
	switch flat := okTiers && len(line.Tiers) > 0 && line.Tiers[0].Flat != ""; {
	case flat:
		line.Zero = o.choice("zero", "due", "not_due")
	case okTiers:
		o.refuse("zero", "the first tier has no flat")
	default:
		o.taken["zero"] = true
	}
	switch negative := t.canBeNegative(line.Of); {
	case negative:
		line.BelowZero = o.choice("below_zero", "zero", "negative", "hold")
	case t.isNumber(line.Of):
		o.refuse("below_zero", line.Of+" is never below 0")
	default:
		o.taken["below_zero"] = true
	}
	line.Adjust = d.adjustments(t, line, o)
}

// isNumber reports whether there is a measure or a formula of that name.
func (t *Terms) isNumber(name string) bool { return t.Measure(name) != nil || t.Formula(name) != nil }

// canBeNegative reports whether a measure or a formula can be below 0.
func (t *Terms) canBeNegative(name string) bool {
	if m := t.Measure(name); m != nil {
		return m.Op != "" && m.canBeNegative()
	}
	return t.Formula(name) != nil
}

// mode reads how the line is priced: mode, convert and each.
func (d *document) mode(t *Terms, line *Line, o *object) {
	line.Mode = o.choice("mode", "graduated", "volume", "each")
	m := t.Measure(line.Of)
	switch {
	case line.Mode != "each":
	case m == nil && t.Formula(line.Of) != nil:
		d.fail(join(o.path, "mode"), "got each, want graduated or volume: a formula is one number, and not one for each result")
	case m != nil && m.Source != "" && (m.Source != "result" || m.Op != "count" && m.Op != "sum"):
		d.fail(join(o.path, "mode"), "got each, want graduated or volume: %s is no count or sum of results, which have prices of their own", m.Name)
	}
	if v, path, ok := o.optional("convert"); ok {
		switch line.Mode {
		case "each":
			d.fail(path, "unknown field: with mode each there is no quantity to convert")
		default:
			if co, ok := d.object(path, v); ok {
				line.Convert = d.convert(co)
				co.end()
			}
		}
	}
	if v, path, ok := o.optional("each"); ok {
		switch line.Mode {
		case "graduated", "volume":
			d.fail(path, "unknown field: with mode %s no result has a price of its own", line.Mode)
		default:
			if eo, ok := d.object(path, v); ok {
				line.Each = d.each(t, line, eo)
				eo.end()
			}
		}
	}
}

func (d *document) convert(o *object) *Convert {
	c := &Convert{}
	switch multiply, divide := o.has("multiply"), o.has("divide"); {
	case multiply == divide:
		o.taken["multiply"], o.taken["divide"] = true, true
		d.fail(o.path, "want exactly one of multiply and divide")
	case multiply:
		c.Multiply = o.decimal("multiply", true)
	default:
		c.Divide = o.decimal("divide", true)
	}
	c.Round = o.choice("round", roundings...)
	c.Decimals, _ = o.integer("decimals", 0, maxConvertDecimals)
	return c
}

// maxConvertDecimals is the most decimals of a quantity that was converted.
const maxConvertDecimals = 12

func (d *document) each(t *Terms, line *Line, o *object) *Each {
	e := &Each{}
	if o.has("at_least") {
		e.AtLeast = o.decimal("at_least", false)
	}
	if o.has("at_most") {
		e.AtMost = o.decimal("at_most", false)
	}
	if e.AtLeast != "" && e.AtMost != "" && compareDecimals(e.AtLeast, e.AtMost) > 0 {
		d.fail(join(o.path, "at_most"), "got %s, want at least %s as in at_least", e.AtMost, e.AtLeast)
	}
	if v, path, ok := o.optional("free"); ok {
		if t.OverOf(line.Of) == "term" {
			d.fail(path, "unknown field: %s is over the term, and what is free is so in each period", line.Of)
		} else if fo, ok := d.object(path, v); ok {
			e.Free = d.free(fo)
			fo.end()
		}
	}
	if len(o.fields) == 0 {
		d.fail(o.path, "want at_least, at_most or free")
	}
	return e
}

func (d *document) free(o *object) *Free {
	f := &Free{}
	if o.has("events") {
		n, _ := o.integer("events", 1, maxFreeEvents)
		f.Events = int64(n)
	}
	if o.has("amount") {
		f.Amount = o.decimal("amount", true)
	}
	switch events, amount := o.has("events"), o.has("amount"); {
	case events && amount:
		f.Ends = o.choice("ends", "together", "independent")
	case events || amount:
		o.refuse("ends", "want it only beside events and amount together")
	default:
		o.taken["ends"] = true
		d.fail(o.path, "want events or amount")
	}
	return f
}

// maxFreeEvents is the most results of a period that are free.
const maxFreeEvents = 1_000_000_000

// tier reads a tier of line, which has the tiers before it.
func (d *document) tier(t *Terms, line *Line, tier *Tier, o *object, last bool) {
	v, path, ok := o.optional("up_to")
	switch {
	case ok && last:
		d.fail(path, "got %s, want none: the last tier is open", describe(v))
	case !ok && !last:
		d.fail(path, "missing, want a decimal: only the last tier is open")
	case ok:
		tier.UpTo = d.decimalOf(path, v, true)
		if n := len(line.Tiers); n > 0 && tier.UpTo != "" && line.Tiers[n-1].UpTo != "" && compareDecimals(tier.UpTo, line.Tiers[n-1].UpTo) <= 0 {
			d.fail(path, "got %s, want more than %s in the tier before", tier.UpTo, line.Tiers[n-1].UpTo)
		}
	}
	priced := 0
	if v, path, ok := o.optional("unit"); ok {
		tier.Unit = d.decimalOf(path, v, false)
		priced++
	}
	if v, path, ok := o.optional("rate"); ok {
		tier.Rate = d.decimalOf(path, v, false)
		priced++
		if m := t.Measure(line.Of); m != nil && (m.Op == "count" || m.Op == "distinct") {
			d.warn(path, "measure %s counts: a rate is meant for a sum of money, a unit price for a count", m.Name)
		}
	}
	if v, path, ok := o.optional("package"); ok {
		priced++
		if p, ok := d.object(path, v); ok {
			tier.Package = &Package{
				Size:  p.decimal("size", true),
				Price: p.decimal("price", false),
				Round: p.choice("round", "up", "down"),
			}
			p.end()
		}
	}
	if v, path, ok := o.optional("flat"); ok {
		tier.Flat = d.decimalOf(path, v, false)
	} else if priced == 0 {
		d.fail(o.path, "has no price, want unit, rate, package or flat")
	}
	if priced > 1 {
		d.fail(o.path, "has %d prices, want at most one of unit, rate and package", priced)
	}
}
