package redact

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

type pattern struct {
	hint string // cheap to look for; the expression runs only where it is
	re   *regexp.Regexp
	with string
}

// patterns are secrets that show by their form alone, in logs, events, messages and any field. Only a private key has
// white space inside; Stream relies on that.
var patterns = []pattern{
	{"-----BEGIN", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), "<redacted private key>"},
	{"AGE-SECRET", regexp.MustCompile(`\bAGE-SECRET-KEY-1[0-9A-Z]{20,}`), "<redacted private key>"},
	{"eyJ", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`), "<redacted token>"},
	{"A", regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`), "<redacted key id>"},
	{"gh", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})`), "<redacted token>"},
	{"glpat-", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{15,}`), "<redacted token>"},
	{"AIza", regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`), "<redacted key>"},
	{"GOCSPX-", regexp.MustCompile(`\bGOCSPX-[A-Za-z0-9_-]{20,}`), "<redacted key>"},
	{"xox", regexp.MustCompile(`\bxox[abeprs]-[A-Za-z0-9-]{10,}`), "<redacted token>"},
	{"hooks.slack.com", regexp.MustCompile(`(hooks\.slack\.com/services/)[A-Za-z0-9/_-]{10,}`), "$1<redacted>"},
	{"k-", regexp.MustCompile(`\b[sr]k-[A-Za-z0-9_-]{20,}`), "<redacted key>"},
	{"k_", regexp.MustCompile(`\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}`), "<redacted key>"},
	{"npm_", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{30,}`), "<redacted token>"},
	{"hf_", regexp.MustCompile(`\bhf_[A-Za-z0-9]{20,}`), "<redacted token>"},
	{"hvs.", regexp.MustCompile(`\bhv[sb]\.[A-Za-z0-9_-]{20,}`), "<redacted token>"},
	{"_pat_", regexp.MustCompile(`\bdckr_pat_[A-Za-z0-9_-]{20,}`), "<redacted token>"},
	{"SG.", regexp.MustCompile(`\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`), "<redacted key>"},
	{"kc", regexp.MustCompile(`\bkc[pj]1?_[A-Za-z0-9]{20,}`), "<redacted token>"}, // our own
	{"earer ", regexp.MustCompile(`(?i)\bbearer [A-Za-z0-9._~+/=-]{12,}`), "Bearer <redacted>"},
	{"asic ", regexp.MustCompile(`(?i)\bbasic [A-Za-z0-9+/=]{12,}`), "Basic <redacted>"},
	{"://", regexp.MustCompile(`(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*):[^\s@/]+@`), "$1:<redacted>@"},
	{"ccountKey=", regexp.MustCompile(`(?i)((?:Account|SharedAccess)Key=)[A-Za-z0-9+/=]{20,}`), "${1}<redacted>"},
	{"ig", regexp.MustCompile(`(?i)([?&](?:sig|signature|x-amz-signature|x-amz-security-token)=)[^&\s"']{8,}`), "${1}<redacted>"},
	{`"auth`, regexp.MustCompile(`("auth"\s*:\s*")[A-Za-z0-9+/=]{8,}`), "${1}<redacted>"}, // a registry's log-in
	{"", regexp.MustCompile(`(?i)\b([a-z0-9_-]*(?:passw(?:or)?d|passphrase)(?:\\?["'])?\s*[=:]\s*)((?:\\?["'])?)[^\s"'\\,;&<]{3,}`), "$1$2<redacted>"},
	{"", regexp.MustCompile(`(?i)\b([a-z0-9_-]*(?:secret|api[-_]?key|access[-_]?key|private[-_]?key|client-key-data|token)(?:\\?["'])?\s*[=:]\s*)((?:\\?["'])?)[^\s"'\\,;&<]{6,}`), "$1$2<redacted>"},
}

var anyHint = []string{"assw", "ASSW", "assphr", "ASSPHR", "ecret", "ECRET", "oken", "OKEN", "key", "KEY", "Key", "redential", "REDENTIAL"}

func hinted(s string) bool {
	return slices.ContainsFunc(anyHint, func(h string) bool { return strings.Contains(s, h) })
}

// Text takes secrets out of free text.
func Text(s string) string {
	if len(s) < 8 {
		return s
	}
	near := hinted(s)
	for _, p := range patterns {
		if p.hint == "" && !near || p.hint != "" && !strings.Contains(s, p.hint) && !strings.Contains(s, strings.ToUpper(p.hint)) {
			continue
		}
		s = p.re.ReplaceAllString(s, p.with)
	}
	if near {
		s = besideKey.ReplaceAllStringFunc(s, hideRandom)
	}
	return s
}

// besideKey is a long word at most two words after one that speaks of a key; whether it is random is hideRandom's to say.
var besideKey = regexp.MustCompile(`(?i)\b[a-z0-9_-]*(?:passw(?:or)?d|passphrase|secret|token|key|credentials?)[^\s\w]{0,3}(?:\s+\S{1,12}){0,2}\s+["'(]?[A-Za-z0-9+/=_-]{20,}`)

var lastWord = regexp.MustCompile(`[A-Za-z0-9+/=_-]{20,}$`)

// hideRandom hides the word at the end of s if it looks drawn from a hat: digits and letters, and many different ones.
func hideRandom(s string) string {
	at := lastWord.FindStringIndex(s)
	if at == nil || !random(s[at[0]:]) {
		return s
	}
	return s[:at[0]] + "<redacted>"
}

// randomBits is the entropy of a character above which a word of letters and digits is no name: words and names with
// their dashes have 3.0 to 3.6, random hexadecimal 3.7 and more, random base64 4.3 and more.
const randomBits = 3.65

func random(w string) bool {
	var digits, letters int
	counts := map[rune]int{}
	for _, r := range w {
		counts[r]++
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			letters++
		}
	}
	if digits < 2 || letters < 2 || longestPart(w) < 16 { // a generated name is made of short parts
		return false
	}
	bits := 0.0
	for _, n := range counts {
		p := float64(n) / float64(len(w))
		bits -= p * math.Log2(p)
	}
	return bits >= randomBits
}

func longestPart(w string) (n int) {
	for part := range strings.SplitSeq(w, "-") {
		n = max(n, len(part))
	}
	return n
}
