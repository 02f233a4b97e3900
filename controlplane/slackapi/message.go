package slackapi

import (
	"strings"
	"unicode/utf8"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/redact"
)

// Slack takes 3,000 characters in a section and 50 blocks in a message. We stay well below: it is to be read in a chat.
const (
	maxSection = 2900
	maxCard    = 12_000
	maxBlocks  = 16
)

// message is what is sent to Slack. Its Text is for notifications, and says nothing of a cluster.
type message struct {
	ResponseType    string  `json:"response_type"`
	Text            string  `json:"text"`
	Blocks          []block `json:"blocks,omitempty"`
	ReplaceOriginal bool    `json:"replace_original"`
	UnfurlLinks     bool    `json:"unfurl_links"`
	UnfurlMedia     bool    `json:"unfurl_media"`
}

// block is one block of Slack's Block Kit.
type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	Elements []any  `json:"elements,omitempty"`
}

// text is a text object. Emoji is of plain text only, Verbatim of mrkdwn only.
type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim *bool  `json:"verbatim,omitempty"`
}

// button is what a person presses.
type button struct {
	Type     string `json:"type"`
	Text     text   `json:"text"`
	ActionID string `json:"action_id"`
	Value    string `json:"value"`
	Style    string `json:"style,omitempty"`
}

var no, yes = false, true

// plain is text that Slack reads nothing into.
func plain(s string) text { return text{Type: "plain_text", Text: s, Emoji: &no} }

// marked is mrkdwn of our own making; verbatim, so that Slack finds no names or addresses in it by itself.
func marked(s string) text { return text{Type: "mrkdwn", Text: s, Verbatim: &yes} }

// inert takes from text whatever Slack could read into it: its control characters are escaped as Slack wants it, and a
// backtick, which would end a fence, becomes a character that looks like it.
var inert = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "ˋ")

// neutral is cluster data, or anybody's words, made fit for Slack.
func neutral(s string) string { return inert.Replace(chat.Clean(redact.Text(s))) }

// cut gives as much of neutral text as fits, without ending inside of an escape.
func cut(s string, room int) (out string, whole bool) {
	r := []rune(s)
	if len(r) <= room {
		return s, true
	}
	out = string(r[:max(0, room)])
	if amp := strings.LastIndexByte(out, '&'); amp >= 0 && !strings.Contains(out[amp:], ";") {
		out = out[:amp]
	}
	return out, false
}

// card builds a message, block by block, and knows whether all of it fitted.
type card struct {
	blocks []block
	used   int  // characters
	short  bool // something was left out
}

// room is what one more section may hold.
func (c *card) room() int { return min(maxSection, maxCard-c.used) }

func (c *card) add(b block) {
	if len(c.blocks) >= maxBlocks || c.used >= maxCard {
		c.short = true
		return
	}
	c.used += utf8.RuneCountInString(b.Text.Text)
	c.blocks = append(c.blocks, b)
}

// say adds prose.
func (c *card) say(s string) {
	if s = strings.TrimSpace(s); s == "" {
		return
	}
	out, whole := cut(neutral(s), c.room())
	if !whole {
		out, c.short = out+"…", true
	}
	t := plain(out)
	c.add(block{Type: "section", Text: &t})
}

// code adds preformatted text; what does not fit is left out by whole lines, if there are several.
func (c *card) code(s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	out, whole := cut(neutral(strings.Trim(s, "\n")), c.room()-10)
	if !whole {
		if end := strings.LastIndexByte(out, '\n'); end > 0 {
			out = out[:end]
		}
		out, c.short = out+"\n…", true
	}
	t := marked("```\n" + out + "\n```")
	c.add(block{Type: "section", Text: &t})
}

// link adds a link to our own pages.
func (c *card) link(label, address string) {
	c.blocks = append(c.blocks, block{Type: "context", Elements: []any{marked("<" + address + "|" + label + ">")}})
}

// message is what was built.
func (c *card) message(summary string) message {
	return message{ResponseType: "ephemeral", Text: summary, Blocks: c.blocks}
}

// words is a message of one sentence of ours, or of a problem's.
func words(s string) message {
	c := &card{}
	c.say(s)
	return c.message("KubeChat")
}
