package assist

import (
	"crypto/sha256"
	"encoding/json"

	"github.com/kubechat/kubechat/controlplane/model"
)

const loopMost = 3 // times the same error, or the same question

type callHash [sha256.Size]byte

// loop remembers what a model asked for in a turn, outside of the transcript: eight calls of the model at most, so all of
// them. It answers what was asked before, and says when asking has become pointless.
type loop struct {
	results map[callHash]string
	order   []callHash
	errors  map[string]int
	same    map[callHash]int
}

func newLoop() *loop {
	return &loop{results: map[callHash]string{}, errors: map[string]int{}, same: map[callHash]int{}}
}

// callKey is the same for calls that ask the same, however their arguments are ordered and spaced.
func callKey(c model.ToolCall) callHash {
	args := []byte(c.Malformed)
	var fields map[string]any
	if c.Malformed == "" && json.Unmarshal(c.Args, &fields) == nil {
		for k, f := range fields {
			if f == nil || f == "" { // absent
				delete(fields, k)
			}
		}
		args, _ = json.Marshal(fields) // keys are sorted
	}
	return sha256.Sum256(append([]byte(c.Name+"\x00"), args...))
}

// record notes a call and says why there must be no further one, or "".
func (l *loop) record(key callHash, problem string) (stop string) {
	l.order = append(l.order, key)
	l.same[key]++
	if problem != "" {
		if l.errors[problem]++; l.errors[problem] >= loopMost {
			return "the same call failed three times"
		}
	}
	if l.same[key] >= loopMost {
		return "the same was asked three times"
	}
	if n := len(l.order); n >= 4 && l.order[n-1] == l.order[n-3] && l.order[n-2] == l.order[n-4] && l.order[n-1] != l.order[n-2] {
		return "the same two calls were made in turns"
	}
	return ""
}
