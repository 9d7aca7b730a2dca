package record

import (
	"fmt"
	"time"
)

// A Time is an instant in milliseconds since 1970-01-01T00:00:00Z. Its text
// is UTC in exactly the form 2026-03-01T08:00:00.000Z, years 1970 to 9999.
type Time int64

// TimeOf returns the instant of t, without what is below a millisecond.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

const (
	timeBytes = len("2026-03-01T08:00:00.000Z")

	dayMS = 24 * 60 * 60 * 1000
)

// MaxTime is the last instant that has a text.
const MaxTime Time = 253402300799999

// ParseTime parses exactly what String writes.
func ParseTime(s string) (Time, error) {
	t, why := parseTime(s)
	if why != "" {
		return 0, fmt.Errorf("time %q %s", clip(s), why)
	}
	return t, nil
}

// parseTime returns the time that s is, or says what is wrong with it.
func parseTime(s string) (t Time, why string) {
	const form = "is not of the form 2026-03-01T08:00:00.000Z"
	if len(s) != timeBytes || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != '.' || s[23] != 'Z' {
		return 0, form
	}
	ok := inDigits
	two := func(i int) int {
		ok &= class[s[i]] & class[s[i+1]]
		return int(s[i]-'0')*10 + int(s[i+1]-'0')
	}
	year := two(0)*100 + two(2)
	month, day, hour, minute, second := two(5), two(8), two(11), two(14), two(17)
	ms := two(20)*10 + int(s[22]-'0')
	if ok&class[s[22]] == 0 {
		return 0, form
	}
	switch {
	case year < 1970:
		return 0, "is before 1970"
	case month < 1 || month > 12:
		return 0, "has no such month"
	case day < 1 || day > daysIn(year, month):
		return 0, "has no such day"
	case second == 60 && hour == 23 && minute == 59:
		return 0, "is a leap second, which records do not have: write the second before or after it"
	case hour > 23 || minute > 59 || second > 59:
		return 0, "has no such time of day"
	}
	seconds := (hour*60+minute)*60 + second
	return Time(days(year, month, day))*dayMS + Time(seconds*1000+ms), ""
}

// String returns the text of t. A time outside 1970 to 9999 has none in
// records; it prints as a number of milliseconds.
func (t Time) String() string {
	if t < 0 || t > MaxTime {
		return fmt.Sprintf("%d ms", int64(t))
	}
	return string(appendTime(make([]byte, 0, timeBytes), t))
}

// appendTime appends the text of t, which is in range.
func appendTime(dst []byte, t Time) []byte {
	year, month, day := date(int(t / dayMS))
	ms := int(t % dayMS)
	second := ms / 1000
	two := func(v int) (byte, byte) { return byte('0' + v/10), byte('0' + v%10) }
	y1, y2 := two(year / 100)
	y3, y4 := two(year % 100)
	o1, o2 := two(month)
	d1, d2 := two(day)
	h1, h2 := two(second / 3600)
	m1, m2 := two(second / 60 % 60)
	s1, s2 := two(second % 60)
	f1, f2 := two(ms % 1000 / 10)
	return append(dst, y1, y2, y3, y4, '-', o1, o2, '-', d1, d2, 'T', h1, h2, ':', m1, m2, ':', s1, s2,
		'.', f1, f2, byte('0'+ms%10), 'Z')
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(year, month int) int {
	switch month {
	case 2:
		if isLeap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// days counts from 1970-01-01. The year is taken to begin in March, so that
// the leap day is its last; eras are 400 years.
func days(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	ofEra := year % 400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

// date is the inverse of days.
func date(n int) (year, month, day int) {
	n += 719468
	era := n / 146097
	ofEra := n % 146097
	yearOfEra := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/146096) / 365
	ofYear := ofEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*ofYear + 2) / 153
	day = ofYear - (153*m+2)/5 + 1
	month = m + 3
	year = era*400 + yearOfEra
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}
