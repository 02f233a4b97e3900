package nlp

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// cronDays are days as people say them, as the last field of a cron expression has them.
var cronDays = map[string]string{
	"sunday": "0", "monday": "1", "tuesday": "2", "wednesday": "3", "thursday": "4", "friday": "5", "saturday": "6",
	"sun": "0", "mon": "1", "tue": "2", "wed": "3", "thu": "4", "fri": "5", "sat": "6",
	"weekday": "1-5", "workday": "1-5", "weekend": "0,6",
}

// cronAlone are words that say how often, and the days of month and week of that.
var cronAlone = map[string][2]string{
	"daily": {"*", "*"}, "nightly": {"*", "*"}, "weekly": {"*", "0"}, "monthly": {"1", "*"},
}

// cronUnits are what "every" may go before, other than days of the week.
var cronUnits = map[string][2]string{
	"day": {"*", "*"}, "night": {"*", "*"}, "morning": {"*", "*"}, "evening": {"*", "*"}, "week": {"*", "0"}, "month": {"1", "*"},
}

var (
	clockTime  = regexp.MustCompile(`^(\d{1,2})(?:[:.](\d{2}))?(am|pm|h)?$`)
	everyWords = wordSet("every each")
	cronGlue   = wordSet("at on every each of the a in and only once from then")
)

// cronTime is a time in words, read word by word.
type cronTime struct {
	toks         []token
	hour, minute int // -1: not said
	dom, dow     string
	step         string // the first two fields, where it is said how often
}

// spokenCron reads a time that comes round again from the words that begin at toks[0]: "every day at 4 am", "on weekdays at
// 18:30", "every 5 minutes". It returns the cron expression and how many words it is; none is "".
func spokenCron(toks []token) (string, int) {
	c := cronTime{toks: toks, hour: -1, minute: -1}
	end := 0
	for i := 0; i < len(toks); {
		if n := c.part(i); n > 0 {
			i += n
			end = i
			if toks[i-1].brk {
				break
			}
			continue
		}
		if !cronGlue[toks[i].text] || toks[i].brk {
			break
		}
		i++
	}
	if end == 0 {
		return "", 0
	}
	return c.String(), end
}

// String is the time as a cron expression; "" where it says none.
func (c cronTime) String() string {
	day := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	switch {
	case c.step != "":
		return c.step + " * * " + day(c.dow)
	case c.hour >= 0:
		return fmt.Sprintf("%d %d %s * %s", max(c.minute, 0), c.hour, day(c.dom), day(c.dow))
	case c.dom != "" || c.dow != "":
		return fmt.Sprintf("0 0 %s * %s", day(c.dom), day(c.dow))
	}
	return ""
}

func (c *cronTime) word(i int) string {
	if i < 0 || i >= len(c.toks) || c.toks[i].quoted {
		return ""
	}
	return c.toks[i].text
}

// part reads one part of a time at i and returns how many words it is.
func (c *cronTime) part(i int) int {
	for _, read := range []func(int) int{c.often, c.onDay, c.ofMonth, c.clock} {
		if n := read(i); n > 0 {
			return n
		}
	}
	return 0
}

// often reads "every 5 minutes", "every hour on the hour", "hourly".
func (c *cronTime) often(i int) int {
	if c.word(i) == "hourly" {
		c.step = "0 *"
		return 1
	}
	if !everyWords[c.word(i)] || i+1 >= len(c.toks) {
		return 0
	}
	t := c.toks[i+1]
	n, d := 2, t.dur
	switch {
	case t.text == "minute":
		d = time.Minute
	case t.text == "hour":
		d = time.Hour
	case t.text == "other" && c.word(i+2) == "hour":
		n, d = 3, 2*time.Hour
	case t.text == "half" && c.word(i+2) == "hour", t.text == "half-hour":
		n, d = 3-strings.Count(t.text, "-"), 30*time.Minute
	case t.text == "quarter" && c.word(i+2) == "hour":
		n, d = 3, 15*time.Minute
	case t.lit != litDuration || t.quantity && !strings.Contains(t.text, "m"):
		return 0
	}
	switch {
	case d == time.Minute:
		c.step = "* *"
	case d > 0 && d < time.Hour && d%time.Minute == 0:
		c.step = fmt.Sprintf("*/%d *", d/time.Minute)
	case d == time.Hour:
		c.step = "0 *"
	case d > time.Hour && d < 24*time.Hour && d%time.Hour == 0:
		c.step = fmt.Sprintf("0 */%d", d/time.Hour)
	case d == 24*time.Hour:
		c.dow = "*"
	case d == 7*24*time.Hour:
		c.dow = "0"
	default:
		return 0
	}
	if c.word(i+n) == "on" && c.word(i+n+1) == "the" && c.word(i+n+2) == "hour" {
		n += 3
	}
	return n
}

// onDay reads "daily", "every night", "on weekdays", "mondays and thursdays", "monday to friday".
func (c *cronTime) onDay(i int) int {
	if set, ok := cronAlone[c.word(i)]; ok {
		c.dom, c.dow = set[0], set[1]
		return 1
	}
	if set, ok := cronUnits[strings.TrimSuffix(c.word(i), "s")]; ok && (everyWords[c.word(i-1)] || strings.HasSuffix(c.word(i), "s")) {
		c.dom, c.dow = set[0], set[1]
		return 1
	}
	day := cronDays[strings.TrimSuffix(c.word(i), "s")]
	if day == "" {
		return 0
	}
	if to := c.word(i + 1); to == "to" || to == "through" || to == "till" {
		if last := cronDays[strings.TrimSuffix(c.word(i+2), "s")]; len(last) == 1 && len(day) == 1 {
			c.dow = day + "-" + last
			return 3
		}
	}
	if c.dow != "" && c.dow != "*" {
		day = c.dow + "," + day
	}
	c.dow = day
	return 1
}

// ofMonth reads "the first of the month", "on the 15th of every month".
func (c *cronTime) ofMonth(i int) int {
	t := c.toks[i]
	if t.lit != litOrdinal || t.num < 1 || t.num > 31 {
		return 0
	}
	for n := 1; n <= 4; n++ {
		switch w := c.word(i + n); {
		case w == "month":
			c.dom = strconv.Itoa(t.num)
			return n + 1
		case w != "of" && w != "the" && w != "day" && !everyWords[w]:
			return 0
		}
	}
	return 0
}

// clock reads a time of day: "4 am", "18:30", "noon", "half past two", "quarter to six in the evening".
func (c *cronTime) clock(i int) int {
	n := 0
	switch w := c.word(i); {
	case w == "midnight":
		c.hour, c.minute, n = 0, 0, 1
	case w == "noon" || w == "midday":
		c.hour, c.minute, n = 12, 0, 1
	case (w == "half" || w == "quarter") && (c.word(i+1) == "past" || c.word(i+1) == "to") && i+2 < len(c.toks):
		h, ok := c.hourAt(i + 2)
		if !ok {
			return 0
		}
		c.hour, c.minute, n = h, map[string]int{"half": 30, "quarter": 15}[w], 3
		if c.word(i+1) == "to" {
			c.hour, c.minute = (h+23)%24, 60-c.minute
		}
	default:
		if n = c.numeral(i); n == 0 {
			return 0
		}
	}
	return n + c.half(i+n)
}

func (c *cronTime) hourAt(i int) (int, bool) {
	if w := c.word(i); w == "one" {
		return 1, true
	}
	n, ok := plainNumber(c.toks[i])
	return n, ok && n < 24
}

// numeral reads "4", "4:30", "4pm", "four thirty", after a word that a time of day stands after or before am and pm.
func (c *cronTime) numeral(i int) int {
	m := clockTime.FindStringSubmatch(c.word(i))
	h, spoken := c.hourAt(i)
	if m == nil && !spoken {
		return 0
	}
	n := 1
	if m == nil {
		c.minute = 0
	} else {
		h, _ = strconv.Atoi(m[1])
		c.minute, _ = strconv.Atoi(m[2])
	}
	marked := m != nil && (m[2] != "" || m[3] != "") || c.word(i-1) == "at" || c.word(i-1) == "to" || cronDays[strings.TrimSuffix(c.word(i-1), "s")] != ""
	if next := c.word(i + 1); next == "am" || next == "pm" || next == "o'clock" || next == "oclock" || next == "in" {
		marked = true
	}
	if !marked || h > 23 || c.minute > 59 {
		return 0
	}
	if w := c.word(i + 1); w == "o'clock" || w == "oclock" {
		n++
	} else if more, ok := 0, false; spoken && !c.toks[i].brk && i+1 < len(c.toks) && m == nil {
		if more, ok = plainNumber(c.toks[i+1]); ok && more > 9 && more < 60 {
			c.minute = more
			n++
		}
	}
	c.hour = h
	if m != nil && m[3] == "pm" && h < 12 {
		c.hour += 12
	}
	if m != nil && m[3] == "am" && h == 12 {
		c.hour = 0
	}
	return n
}

// half reads which half of the day is meant, after a time: "am", "in the evening", "at night".
func (c *cronTime) half(i int) int {
	late, n := false, 0
	switch w := c.word(i); {
	case w == "am" || w == "a.m":
		n = 1
		if c.hour == 12 {
			c.hour = 0
		}
	case w == "pm" || w == "p.m":
		late, n = true, 1
	case w == "in" && c.word(i+1) == "the" && (c.word(i+2) == "morning" || c.word(i+2) == "night"):
		n = 3
	case w == "in" && c.word(i+1) == "the" && (c.word(i+2) == "afternoon" || c.word(i+2) == "evening"):
		late, n = true, 3
	case w == "at" && c.word(i+1) == "night":
		late, n = c.hour >= 6, 2
	case w == "sharp":
		n = 1
	}
	if late && c.hour < 12 {
		c.hour += 12
	}
	return n
}
