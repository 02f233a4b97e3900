package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// document is a run as kubechat ask --output json prints it, once, at its end. Its fields are promised in docs/cli.md;
// data inside of blocks, access, changes and results is as the API's events have it.
type document struct {
	Question     string          `json:"question"`
	Cluster      string          `json:"cluster"` // the conversation's
	Conversation string          `json:"conversation"`
	Run          string          `json:"run"`
	URL          string          `json:"url"`      // where a person sees the run, and approves what waits
	State        string          `json:"state"`    // as the API says it: done, failed, interrupted, awaiting_approval
	ExitCode     int             `json:"exitCode"` // of this process
	Message      string          `json:"message,omitempty"`
	Plans        []*planned      `json:"plans"`  // one; of a run about several clusters one each
	Blocks       []block         `json:"blocks"` // the answer, in order
	Clarify      json.RawMessage `json:"clarify,omitempty"`
	Refused      string          `json:"refused,omitempty"`
	Error        json.RawMessage `json:"error,omitempty"` // a problem (RFC 9457)
}

// planned is one plan with what became of it.
type planned struct {
	ClusterID string            `json:"clusterId"`
	Plan      json.RawMessage   `json:"plan"`
	Access    json.RawMessage   `json:"access,omitempty"`
	Changes   json.RawMessage   `json:"changes,omitempty"` // the dry run's differences
	Approval  json.RawMessage   `json:"approval,omitempty"`
	Decision  string            `json:"decision,omitempty"` // approved, declined, expired; absent: none yet
	Results   []json.RawMessage `json:"results,omitempty"`
	Settled   []json.RawMessage `json:"settled,omitempty"`
	Undo      json.RawMessage   `json:"undo,omitempty"`

	of string // the event's cluster
}

// block is one part of an answer.
type block struct {
	Type    string          `json:"type"`
	Cluster string          `json:"clusterId,omitempty"`
	Data    json.RawMessage `json:"data"`
}

// blockTypes are the events that are parts of an answer.
var blockTypes = []string{"table", "text", "log", "yaml", "count", "finding", "answer", "banner"}

func newDocument(cluster, conversation, question string) *document {
	return &document{Question: question, Cluster: cluster, Conversation: conversation, Plans: []*planned{}, Blocks: []block{}}
}

func (d *document) begin(run, url string) { d.Run, d.URL = run, url }

// plan is the newest plan of an event's cluster; one that an event tells of before it was shown is nobody's.
func (d *document) plan(of string) *planned {
	for _, p := range slices.Backward(d.Plans) {
		if p.of == of {
			return p
		}
	}
	return &planned{}
}

func (d *document) add(ev event) error {
	p := d.plan(ev.Cluster)
	switch ev.Type {
	case "plan":
		return d.show(ev)
	case "access":
		p.Access = ev.Data
	case "diff":
		p.Changes = ev.Data
	case "approval":
		p.Approval, p.Decision = ev.Data, ""
	case "approved", "declined", "expired":
		p.Decision = ev.Type
	case "result":
		p.Results = append(p.Results, ev.Data)
	case "settled":
		p.Settled = append(p.Settled, ev.Data)
	case "undo":
		p.Undo = ev.Data
	case "clarify":
		d.Clarify = ev.Data
	case "refused":
		var r struct{ Message string }
		err := json.Unmarshal(ev.Data, &r)
		d.Refused = r.Message
		return err
	case "error":
		var e struct{ Problem json.RawMessage }
		err := json.Unmarshal(ev.Data, &e)
		d.Error = e.Problem
		return err
	case "end":
		var e struct{ State, Message string }
		err := json.Unmarshal(ev.Data, &e)
		d.State, d.Message = e.State, e.Message
		return err
	default:
		if slices.Contains(blockTypes, ev.Type) {
			d.Blocks = append(d.Blocks, block{ev.Type, ev.Cluster, ev.Data})
		}
	}
	return nil
}

// show takes a plan; a newer preview of the same cluster takes an older one's place.
func (d *document) show(ev event) error {
	var view planData
	if err := json.Unmarshal(ev.Data, &view); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	d.Plans = slices.DeleteFunc(d.Plans, func(p *planned) bool { return p.of == ev.Cluster })
	d.Plans = append(d.Plans, &planned{ClusterID: view.Cluster.ID, Plan: ev.Data, of: ev.Cluster})
	return nil
}

// end prints it, with how the process will end. A run that was left has no end of its own.
func (d *document) end(w io.Writer, err error) error {
	if err != nil {
		d.ExitCode = exitCode(err)
	}
	if d.State == "" && d.ExitCode == codeDeclined {
		d.State = stateWaits
	}
	if d.State == "" && d.ExitCode == codeStopped {
		d.State = "interrupted"
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
