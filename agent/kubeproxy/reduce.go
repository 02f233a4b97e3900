package kubeproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// What is written is built from what is allowed; whatever else an API server sends, asked or not, is dropped.

type fields map[string]json.RawMessage

// initialEventsEnd is the one annotation that is no one's data: informers wait for it on a bookmark.
const initialEventsEnd = "k8s.io/initial-events-end"

// metadataFields are all but annotations, and managedFields, which name a Secret's keys.
var metadataFields = []string{
	"name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
	"deletionTimestamp", "deletionGracePeriodSeconds", "labels", "ownerReferences", "finalizers",
}

// metadataOf is what may be seen of an object's metadata.
func metadataOf(object fields, bookmark bool) (fields, error) {
	all := fields{}
	if raw := object["metadata"]; len(raw) > 0 {
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("read metadata: %w", err)
		}
	}
	meta := pick(all, metadataFields...)
	if !bookmark || len(all["annotations"]) == 0 {
		return meta, nil
	}
	annotations := fields{}
	if err := json.Unmarshal(all["annotations"], &annotations); err != nil {
		return nil, fmt.Errorf("read bookmark: %w", err)
	}
	if kept := pick(annotations, initialEventsEnd); len(kept) > 0 {
		encoded, err := json.Marshal(kept)
		if err != nil {
			return nil, err
		}
		meta["annotations"] = encoded
	}
	return meta, nil
}

func pick(from fields, names ...string) fields {
	kept := fields{}
	for _, name := range names {
		if value, ok := from[name]; ok {
			kept[name] = value
		}
	}
	return kept
}

// shape is how the objects written are called.
type shape struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
}

type reducedObject struct {
	shape
	Metadata fields `json:"metadata"`
}

func (s shape) reduced(object fields, bookmark bool) (reducedObject, error) {
	meta, err := metadataOf(object, bookmark)
	return reducedObject{s, meta}, err
}

func (s shape) object(w io.Writer, r io.Reader) error {
	var object fields
	if err := json.NewDecoder(r).Decode(&object); err != nil {
		return fmt.Errorf("read object: %w", err)
	}
	reduced, err := s.reduced(object, false)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(reduced)
}

// reduceStatus passes on the API server's error: a Status and nothing else.
func reduceStatus(w io.Writer, r io.Reader) error {
	var s fields
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		s = fields{"message": json.RawMessage(`"the API server refused, and gave no reason"`)} // its text may be anything
	}
	return json.NewEncoder(w).Encode(statusFields(s))
}

func statusFields(s fields) fields {
	out := pick(s, "metadata", "message", "reason", "details", "code")
	out["kind"], out["apiVersion"], out["status"] = json.RawMessage(`"Status"`), json.RawMessage(`"v1"`), json.RawMessage(`"Failure"`)
	return out
}

// watch passes on one event at a time. A stream that ends between two events has ended; anywhere else it broke.
func (s shape) watch(w io.Writer, r io.Reader, flush func() error) error {
	in, out := json.NewDecoder(r), json.NewEncoder(w)
	for {
		var event struct {
			Type   string `json:"type"`
			Object fields `json:"object"`
		}
		if err := in.Decode(&event); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		var object any
		var err error
		switch event.Type {
		case "ADDED", "MODIFIED", "DELETED", "BOOKMARK":
			object, err = s.reduced(event.Object, event.Type == "BOOKMARK")
		case "ERROR":
			object = statusFields(event.Object)
		default:
			continue
		}
		if err != nil {
			return err
		}
		if err := out.Encode(struct {
			Type   string `json:"type"`
			Object any    `json:"object"`
		}{event.Type, object}); err != nil {
			return err
		}
		if err := flush(); err != nil {
			return err
		}
	}
}

// list passes on one item at a time, so that a list of any length costs the memory of its largest item.
func (s shape) list(w io.Writer, r io.Reader) error {
	in := json.NewDecoder(r)
	if err := expect(in, json.Delim('{')); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, `{"kind":"%sList","apiVersion":%q`, s.Kind, s.APIVersion); err != nil {
		return err
	}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return fmt.Errorf("read list: %w", err)
		}
		switch key {
		case "metadata":
			err = copyListMeta(w, in)
		case "items":
			err = s.copyItems(w, in)
		default:
			var dropped json.RawMessage
			err = in.Decode(&dropped)
		}
		if err != nil {
			return fmt.Errorf("read list: %w", err)
		}
	}
	if err := expect(in, json.Delim('}')); err != nil {
		return err
	}
	_, err := io.WriteString(w, "}\n")
	return err
}

func copyListMeta(w io.Writer, in *json.Decoder) error {
	var all fields
	if err := in.Decode(&all); err != nil {
		return err
	}
	if _, err := io.WriteString(w, `,"metadata":`); err != nil {
		return err
	}
	return writeJSON(w, pick(all, "resourceVersion", "continue", "remainingItemCount", "selfLink"))
}

func (s shape) copyItems(w io.Writer, in *json.Decoder) error {
	if _, err := io.WriteString(w, `,"items":[`); err != nil {
		return err
	}
	token, err := in.Token()
	if err != nil {
		return err
	}
	if token == json.Delim('[') {
		if err := s.copyElements(w, in); err != nil {
			return err
		}
	} else if token != nil { // null is an empty list
		return errors.New("items are not a list")
	}
	_, err = io.WriteString(w, "]")
	return err
}

func (s shape) copyElements(w io.Writer, in *json.Decoder) error {
	for first := true; in.More(); first = false {
		var object fields
		if err := in.Decode(&object); err != nil {
			return err
		}
		reduced, err := s.reduced(object, false)
		if err != nil {
			return err
		}
		if !first {
			if _, err := io.WriteString(w, ","); err != nil {
				return err
			}
		}
		if err := writeJSON(w, reduced); err != nil {
			return err
		}
	}
	return expect(in, json.Delim(']'))
}

func writeJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func expect(in *json.Decoder, want json.Delim) error {
	token, err := in.Token()
	if err != nil {
		return fmt.Errorf("read list: %w", err)
	}
	if token != want {
		return fmt.Errorf("read list: found %v, not %v", token, want)
	}
	return nil
}
