package diagnose

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// schedule is a cron schedule: which minutes, hours, days, months and weekdays, as bits.
type schedule struct {
	minute, hour, day, month, weekday uint64
	anyDay, anyWeekday                bool
	every                             time.Duration
}

var macros = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

var (
	months   = strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")
	weekdays = strings.Fields("sun mon tue wed thu fri sat")
)

// parseSchedule reads the five fields of a CronJob's schedule, a macro, or "@every DURATION".
func parseSchedule(text string) (schedule, error) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "@every "); ok {
		d, err := time.ParseDuration(rest)
		if err != nil || d <= 0 {
			return schedule{}, fmt.Errorf("%q is no duration", rest)
		}
		return schedule{every: d}, nil
	}
	if m, ok := macros[text]; ok {
		text = m
	}
	if rest, ok := strings.CutPrefix(text, "TZ="); ok {
		_, text, _ = strings.Cut(rest, " ")
	} else if rest, ok := strings.CutPrefix(text, "CRON_TZ="); ok {
		_, text, _ = strings.Cut(rest, " ")
	}
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return schedule{}, fmt.Errorf("it has %d fields, and should have 5", len(fields))
	}
	var s schedule
	for i, f := range []struct {
		to       *uint64
		low, top int
		names    []string
		name     string
	}{
		{&s.minute, 0, 59, nil, "minute"}, {&s.hour, 0, 23, nil, "hour"}, {&s.day, 1, 31, nil, "day of the month"},
		{&s.month, 1, 12, months, "month"}, {&s.weekday, 0, 7, weekdays, "day of the week"},
	} {
		bits, err := parseField(fields[i], f.low, f.top, f.names)
		if err != nil {
			return schedule{}, fmt.Errorf("its %s %q is not valid: %w", f.name, fields[i], err)
		}
		*f.to = bits
	}
	if s.weekday&(1<<7) != 0 {
		s.weekday |= 1 // both 0 and 7 are Sunday
	}
	s.anyDay, s.anyWeekday = strings.HasPrefix(fields[2], "*") || fields[2] == "?", strings.HasPrefix(fields[4], "*") || fields[4] == "?"
	return s, nil
}

func parseField(text string, low, top int, names []string) (uint64, error) {
	var bits uint64
	for _, part := range strings.Split(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 {
				return 0, fmt.Errorf("%q is no step", stepText)
			}
			step = n
		}
		from, to := low, top
		if span != "*" && span != "?" {
			a, b, ranged := strings.Cut(span, "-")
			var err error
			if from, err = parseValue(a, low, top, names); err != nil {
				return 0, err
			}
			switch {
			case ranged:
				if to, err = parseValue(b, low, top, names); err != nil {
					return 0, err
				}
			case !stepped:
				to = from
			}
		}
		if from > to {
			return 0, fmt.Errorf("%q goes backwards", span)
		}
		for v := from; v <= to; v += step {
			bits |= 1 << v
		}
	}
	return bits, nil
}

func parseValue(text string, low, top int, names []string) (int, error) {
	for i, n := range names {
		if strings.EqualFold(n, text) {
			return i + low, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > top {
		return 0, fmt.Errorf("%q is not between %d and %d", text, low, top)
	}
	return n, nil
}

// next is the first time after t, zero if there is none within five years.
func (s schedule) next(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	if s.every > 0 {
		return t.Add(s.every)
	}
	end := t.AddDate(5, 0, 0)
	t = t.Truncate(time.Minute).Add(time.Minute)
	for t.Before(end) {
		switch {
		case s.month&(1<<int(t.Month())) == 0:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, t.Location())
		case !s.dayFits(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
		case s.hour&(1<<t.Hour()) == 0:
			t = t.Truncate(time.Hour).Add(time.Hour)
		case s.minute&(1<<t.Minute()) == 0:
			t = t.Add(time.Minute)
		default:
			return t
		}
	}
	return time.Time{}
}

// dayFits: with both a day of the month and a weekday given, either will do.
func (s schedule) dayFits(t time.Time) bool {
	day, weekday := s.day&(1<<t.Day()) != 0, s.weekday&(1<<int(t.Weekday())) != 0
	if s.anyDay || s.anyWeekday {
		return day && weekday
	}
	return day || weekday
}
