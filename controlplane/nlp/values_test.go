package nlp

import "testing"

func TestValuesAreReadInWords(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"twenty five": "25", "one hundred and twenty": "120", "two hundred": "200", "half a gig": "512Mi", "half a core": "500m", "a quarter core": "250m",
		"one and a half gigs": "1536Mi", "twenty gibibytes": "20Gi", "a gig": "1Gi", "0 4 * * *": "0 4 * * *", "15 2 * * 1-5.": "15 2 * * 1-5",
	} {
		toks := lex(said)
		if len(toks) != 1 || toks[0].raw != want {
			t.Errorf("%q: %+v, want %s", said, toks, want)
		}
	}
	for _, said := range []string{"five nine", "a core", "0 4 5", "a second"} {
		if toks := lex(said); len(toks) == 1 && toks[0].lit == litQuantity {
			t.Errorf("%q became %q", said, toks[0].raw)
		}
	}
}

func TestTimesThatComeRoundAreReadInWords(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"every hour on the hour": "0 * * * *", "hourly": "0 * * * *", "every 5 minutes": "*/5 * * * *", "every half hour": "*/30 * * * *", "every 6 hours": "0 */6 * * *",
		"daily at 4 am": "0 4 * * *", "at 4 am every day": "0 4 * * *", "every night at 3:30": "30 3 * * *", "on sundays at 4": "0 4 * * 0", "on weekdays at 7pm": "0 19 * * 1-5",
		"at midnight": "0 0 * * *", "at noon on saturdays": "0 12 * * 6", "at half past two in the morning": "30 2 * * *", "at quarter to six in the evening": "45 17 * * *",
		"mondays and thursdays at 5 am": "0 5 * * 1,4", "monday to friday at 18:30": "30 18 * * 1-5", "weekly": "0 0 * * 0", "on the first of every month": "0 0 1 * *",
	} {
		if got, n := spokenCron(lex(said)); got != want || n != len(lex(said)) {
			t.Errorf("%q: %q of %d words, want %q", said, got, n, want)
		}
	}
	for _, said := range []string{"to 5", "five replicas", "in prod", "every pod", "4"} {
		if got, _ := spokenCron(lex(said)); got != "" {
			t.Errorf("%q became %q", said, got)
		}
	}
}
