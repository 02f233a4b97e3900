package kubeproxy

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzReduce: whatever an API server sends, what is passed on as a Secret holds a name, a shape and no content.
func FuzzReduce(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"Secret","metadata":{"name":"a","annotations":{"x":"y"}},"data":{"a":"b"}}`,
		`{"items":[{"metadata":{"name":"a","managedFields":[]},"stringData":{"a":"b"}}],"metadata":{"continue":"x","y":1}}`,
		`{"type":"ADDED","object":{"metadata":null,"data":{}}}{"type":"BOOKMARK","object":{"metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}`,
		`{"items":null}`, `{"items":[null,{}]}`, `{"type":"ERROR","object":{"message":"x"}}`, `[]`, `{"items":[{"metadata":[]}]}`, "",
	} {
		f.Add(seed)
	}
	as := shape{Kind: "Secret", APIVersion: "v1"}
	f.Fuzz(func(t *testing.T, answer string) {
		var out bytes.Buffer
		if as.object(&out, strings.NewReader(answer)) == nil {
			checkReduced(t, out.Bytes())
		}
		out.Reset()
		if as.list(&out, strings.NewReader(answer)) == nil {
			var list struct{ Items []json.RawMessage }
			if err := json.Unmarshal(out.Bytes(), &list); err != nil {
				t.Fatalf("%v: %s", err, out.Bytes())
			}
			for _, item := range list.Items {
				checkReduced(t, item)
			}
		}
		out.Reset()
		_ = as.watch(&out, strings.NewReader(answer), func() error { return nil })
		for in := json.NewDecoder(&out); in.More(); {
			var event struct {
				Type   string
				Object json.RawMessage
			}
			if err := in.Decode(&event); err != nil {
				t.Fatal(err)
			}
			if event.Type == "ADDED" {
				checkReduced(t, event.Object)
			}
		}
	})
}

func checkReduced(t *testing.T, object []byte) {
	t.Helper()
	var got struct {
		fields
		Metadata fields
	}
	if err := json.Unmarshal(object, &got.fields); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	if err := json.Unmarshal(object, &got); err != nil || len(got.fields) != 3 || got.Metadata["annotations"] != nil || got.Metadata["managedFields"] != nil {
		t.Errorf("%v: passed on: %s", err, object)
	}
}
