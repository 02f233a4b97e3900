package assist

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/kubechat/kubechat/controlplane/redact"
)

var (
	terminal = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_a-z0-9=<>]`)
	// roleTags are what chats with models are marked up with: in data they pretend to be somebody else's words.
	roleTags = regexp.MustCompile(`(?i)<\|[^|>\n]{1,60}\|>|\[/?INST\]|<</?SYS>>|</?\s*(?:antml:)?(?:system|assistant|user|human|developer|tool|tool_?(?:result|use|call)s?|function_?(?:call|result)s?|invoke|parameter|instructions?|s)\b[^>\n]{0,200}>`)
	roleLine = regexp.MustCompile(`(?im)^([ \t>*#-]*(?:system|assistant|user|human|developer|tool))[ \t]*:`)
)

var opening3 = strings.NewReplacer("<", "‹", ">", "›", "[", "(", "]", ")", "|", "¦")

// inert makes text of a cluster harmless in a prompt: no sequences for terminals, no characters that hide or turn others,
// and no marks of a role.
func inert(s string) string {
	s = terminal.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "")
	s = strings.Map(func(r rune) rune {
		if hides(r) {
			return -1
		}
		return r
	}, s)
	s = roleTags.ReplaceAllStringFunc(s, opening3.Replace)
	return roleLine.ReplaceAllString(s, "$1 -")
}

// hides are characters that show nothing, or change how others are shown.
func hides(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r): // Cf: bidirectional marks, zero widths, tags
		return true
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x2028, r == 0x2029, r == 0x3164, r == 0xffa0:
		return true
	}
	return r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef // variation selectors carry hidden bytes
}

var (
	image     = regexp.MustCompile(`!\[[^\]\n]*\](?:\([^)\n]*\)?|\[[^\]\n]*\])?`)
	link      = regexp.MustCompile(`\[([^\]\n]*)\](?:\([^)\n]*\)?|\[[^\]\n]*\])`)
	address   = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*:(?:\s?/\s?/|\\\\)\S*|\b(?:javascript|vbscript|data|mailto|file):\S+|(?:^|[\s(<"'])//[a-z0-9][^\s]*|\bwww\.\S+`)
	html      = regexp.MustCompile(`<[A-Za-z/!?]`)
	harmless  = regexp.MustCompile(`^(?:redacted[ a-z0-9=:]*|none|nil|unknown|pending|unset|invalid|no value)>`)
	inCluster = regexp.MustCompile(`(?i)^https?://(?:localhost|127\.[0-9.]+|\[::1\]|[a-z0-9-]+|[a-z0-9.-]+\.svc(?:\.cluster\.local)?)(?::[0-9]+)?(?:/[A-Za-z0-9/._-]*)?[.,;)]*$`)
)

// shown makes a model's text fit for a page: redacted, inert, and without anything that a page could load or lead to.
// Whatever a model was told to smuggle out, there is no way out.
func shown(s string) string {
	s = inert(redact.Text(s))
	s = image.ReplaceAllString(s, "(image removed)")
	s = link.ReplaceAllString(s, "$1")
	s = address.ReplaceAllStringFunc(s, func(a string) string {
		if inCluster.MatchString(a) {
			return a
		}
		lead := ""
		if a != "" && strings.ContainsRune(" \t\n(<\"'", rune(a[0])) {
			lead = a[:1]
		}
		return lead + "(address removed)"
	})
	var b strings.Builder
	for rest := s; ; {
		at := html.FindStringIndex(rest)
		if at == nil {
			return b.String() + rest
		}
		b.WriteString(rest[:at[0]])
		rest = rest[at[0]+1:]
		if harmless.MatchString(rest) {
			b.WriteString("<")
		} else {
			b.WriteString("‹")
		}
	}
}

// sentenceStream gives out text in whole sentences or lines, each one shown: what is cut in the middle can't be judged.
type sentenceStream struct {
	secrets redact.Stream
	held    string
}

var sentenceEnd = regexp.MustCompile(`[.!?:](?:\s*\[[FR0-9., ]+\])*[.]?\s+|\n`)

func (s *sentenceStream) write(piece string) string {
	s.held += s.secrets.Write(piece)
	ends := sentenceEnd.FindAllStringIndex(s.held, -1)
	if len(ends) == 0 {
		return ""
	}
	cut := ends[len(ends)-1][1]
	if cut == len(s.held) && !strings.HasSuffix(s.held, "\n") && len(ends) > 1 {
		cut = ends[len(ends)-2][1] // ids may still follow the last
	} else if cut == len(s.held) && !strings.HasSuffix(s.held, "\n") {
		return ""
	}
	out := s.held[:cut]
	s.held = s.held[cut:]
	return shown(out)
}

func (s *sentenceStream) close() string {
	out := s.held + s.secrets.Close()
	s.held = ""
	if strings.TrimSpace(out) == "" {
		return ""
	}
	return shown(out)
}
