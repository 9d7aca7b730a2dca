package fee

import (
	"math"
	"math/bits"
	"strconv"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// A number is an exact number. Nearly all quantities and prices are short
// decimals, so they are kept as an integer and a count of decimals, and as an
// exact.Rat only where that is too small. Both give the same: an operation that
// does not fit is done by package exact.
type number struct {
	units    int64 // of 10^-decimals
	decimals uint8
	long     *exact.Rat // the number, where units and decimals cannot say it
}

// maxDecimals is the most decimals of units; 10^18 fits in them.
const maxDecimals = 18

var power10 = func() (p [maxDecimals + 1]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

var one, minusOne = number{units: 1}, number{units: -1}

// parseNumber reads a decimal.
func parseNumber(text string) (number, error) {
	if len(text) <= maxDecimals {
		var x number
		i, point := 0, -1
		if text != "" && text[0] == '-' {
			i = 1
		}
		for first := i; i < len(text); i++ {
			switch c := text[i]; {
			case c >= '0' && c <= '9':
				x.units = 10*x.units + int64(c-'0')
			case c == '.' && point < 0 && i > first && i+1 < len(text):
				point = i
			default:
				i = len(text) // not short, or no decimal: exact says which
				point = len(text)
			}
		}
		if point < len(text) && x.units != 0 {
			if point >= 0 {
				x.decimals = uint8(len(text) - 1 - point)
			}
			if text[0] == '-' {
				x.units = -x.units
			}
			return x, nil
		}
	}
	r, err := exact.Parse(text)
	if err != nil {
		return number{}, err
	}
	return numberOf(r), nil
}

// mustParse reads a decimal that has been checked.
func mustParse(d record.Decimal) number {
	x, err := parseNumber(string(d))
	if err != nil {
		panic("fee: unchecked decimal: " + err.Error())
	}
	return x
}

func numberOf(r exact.Rat) number {
	if i, ok := r.Int64(); ok {
		return number{units: i}
	}
	if n, ok := r.Decimals(); ok && n <= maxDecimals {
		if i, ok := r.Mul(exact.Int(power10[n])).Int64(); ok {
			return number{units: i, decimals: uint8(n)}
		}
	}
	return number{long: &r}
}

// rat is the number as package exact has it.
func (a number) rat() exact.Rat {
	switch {
	case a.long != nil:
		return *a.long
	case a.decimals == 0:
		return exact.Int(a.units)
	}
	r, _ := exact.Int(a.units).Quo(exact.Int(power10[a.decimals]))
	return r
}

// aligned gives the units of two short numbers at the larger of their decimals.
func aligned(a, b number) (x, y int64, decimals uint8, ok bool) {
	if a.long != nil || b.long != nil {
		return 0, 0, 0, false
	}
	x, y, decimals = a.units, b.units, a.decimals
	switch {
	case a.decimals < b.decimals:
		decimals = b.decimals
		x, ok = times(x, power10[b.decimals-a.decimals])
		return x, y, decimals, ok
	case a.decimals > b.decimals:
		y, ok = times(y, power10[a.decimals-b.decimals])
		return x, y, decimals, ok
	}
	return x, y, decimals, true
}

// times multiplies; ok is false where the product does not fit.
func times(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func (a number) add(b number) number {
	if x, y, decimals, ok := aligned(a, b); ok {
		if sum := x + y; (sum > x) == (y > 0) {
			return number{units: sum, decimals: decimals}
		}
	}
	return numberOf(a.rat().Add(b.rat()))
}

func (a number) neg() number {
	if a.long == nil && a.units != math.MinInt64 {
		a.units = -a.units
		return a
	}
	return numberOf(a.rat().Neg())
}

func (a number) sub(b number) number { return a.add(b.neg()) }

func (a number) mul(b number) number {
	if a.long == nil && b.long == nil && a.decimals+b.decimals <= maxDecimals {
		if x, ok := times(a.units, b.units); ok {
			return number{units: x, decimals: a.decimals + b.decimals}
		}
	}
	return numberOf(a.rat().Mul(b.rat()))
}

func (a number) cmp(b number) int {
	if x, y, _, ok := aligned(a, b); ok {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return a.rat().Cmp(b.rat())
}

func (a number) sign() int {
	switch {
	case a.long != nil:
		return a.long.Sign()
	case a.units < 0:
		return -1
	case a.units > 0:
		return 1
	}
	return 0
}

func larger(a, b number) number {
	if a.cmp(b) < 0 {
		return b
	}
	return a
}

func smaller(a, b number) number {
	if a.cmp(b) > 0 {
		return b
	}
	return a
}

// per is how many times b goes into a, rounded to a whole number.
func (a number) per(b number, mode exact.Mode) number {
	r, _ := a.rat().Quo(b.rat())
	return numberOf(r.Round(0, mode))
}

// round rounds to scale decimals, as exact does.
func (a number) round(scale int, mode exact.Mode) number {
	if a.long != nil {
		return numberOf(a.long.Round(scale, mode))
	}
	if int(a.decimals) <= scale {
		return a
	}
	step := power10[int(a.decimals)-scale]
	cut, rest := a.units/step, magnitude(a.units%step)
	half := uint64(step) / 2 // a power of ten has one
	away := false
	switch mode {
	case exact.Down:
	case exact.Up:
		away = rest > 0
	case exact.HalfUp:
		away = rest >= half
	case exact.HalfEven:
		away = rest > half || rest == half && cut%2 != 0
	default:
		panic("fee: rounding mode " + string(mode))
	}
	switch {
	case away && a.units < 0:
		cut--
	case away:
		cut++
	}
	return number{units: cut, decimals: uint8(scale)}
}

// append writes the shortest decimal.
func (a number) append(b []byte) []byte {
	if a.long != nil {
		return append(b, a.long.String()...)
	}
	for a.decimals > 0 && a.units%10 == 0 {
		a.units /= 10
		a.decimals--
	}
	return a.appendUnits(b)
}

func (a number) String() string { return string(a.append(nil)) }

// appendFixed writes a number of at most scale decimals with exactly as many.
func (a number) appendFixed(b []byte, scale int) []byte {
	if a.long == nil && int(a.decimals) <= scale && scale <= maxDecimals {
		if x, ok := times(a.units, power10[scale-int(a.decimals)]); ok {
			return number{units: x, decimals: uint8(scale)}.appendUnits(b)
		}
	}
	text, ok := a.rat().Fixed(scale)
	if !ok {
		panic("fee: amount " + a.String() + " is not rounded")
	}
	return append(b, text...)
}

func (a number) appendUnits(b []byte) []byte {
	if a.units < 0 {
		b = append(b, '-')
	}
	u := magnitude(a.units)
	if a.decimals == 0 {
		return strconv.AppendUint(b, u, 10)
	}
	p := uint64(power10[a.decimals])
	b = strconv.AppendUint(b, u/p, 10)
	b = append(b, '.')
	from := len(b)
	b = strconv.AppendUint(b, u%p+p, 10) // a 1 before the decimals keeps their zeros
	b[from] = '.'
	return append(b[:from-1], b[from:]...)
}
