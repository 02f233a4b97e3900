package eval

import (
	"bufio"
	"embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// Row is one thing somebody says, and what is right.
type Row struct {
	ID          string      `json:"id"`
	Cluster     string      `json:"cluster,omitempty"`
	Utterance   string      `json:"utterance"`
	Context     []string    `json:"context,omitempty"` // earlier turns, answered and, for changes, done
	Kubectl     string      `json:"kubectl"`           // empty for refuse and clarify
	Plan        []string    `json:"plan,omitempty"`    // all steps, when there are several
	Accept      []string    `json:"accept,omitempty"`  // equally good commands
	Class       nlp.Class   `json:"class"`
	ClassAccept []nlp.Class `json:"class_accept,omitempty"`
	IgnoreFlags []string    `json:"ignore_flags,omitempty"`
	Scope       string      `json:"scope,omitempty"` // "open": the default namespace and all namespaces are both right
	AnyName     bool        `json:"any_name,omitempty"`
	Tags        []string    `json:"tags,omitempty"`
	Diagnose    bool        `json:"-"`      // any read that looks at the object is right
	Expect      expectation `json:"expect"` // what other scorers need to know of a row
	Template    string      `json:"-"`      // of a generated row: what it was made from
	HeldOut     bool        `json:"-"`      // scored, but never listed among the failures
}

// expectation is the part of the rows' schema that tells a diagnosis from a plain read.
type expectation struct {
	Verb string `json:"verb,omitempty"`
}

//go:embed rows/*.txt
var rowFiles embed.FS

// HandRows are the rows written by hand.
func HandRows(clusters map[string]*Cluster) ([]Row, error) {
	files, err := rowFiles.ReadDir("rows")
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, f := range files {
		src, err := rowFiles.Open(path.Join("rows", f.Name()))
		if err != nil {
			return nil, err
		}
		more, err := readRows(src, clusters)
		if err != nil {
			return nil, fmt.Errorf("rows/%s:%w", f.Name(), err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// readRows reads the rows' notation, one row a line:
//
//	@cluster NAME                 the rows that follow are about this cluster
//	@tags a b                     and have these tags
//	turn » turn » words => right  what is right:
//	  kubectl … || kubectl …        a command, and others as good
//	  kubectl … ;; kubectl …        the steps of a plan
//	  !refuse, ?clarify             no command
//	  #tag  ~open  ~any             a tag; either scope is right; any name is right
//	  +clarify +refuse +read        classes that are right as well
//	  ~-flag                        a flag that does not count
func readRows(r io.Reader, clusters map[string]*Cluster) ([]Row, error) {
	var rows []Row
	cluster, tags := "", []string(nil)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		name, isCluster := strings.CutPrefix(line, "@cluster ")
		list, isTags := strings.CutPrefix(line, "@tags")
		switch {
		case line == "" || strings.HasPrefix(line, "# "):
		case isCluster:
			cluster, tags = name, nil
		case isTags:
			tags = strings.Fields(list)
		default:
			c := clusters[cluster]
			if c == nil {
				return nil, fmt.Errorf("%d: no cluster %q", n, cluster)
			}
			row, err := readRow(line, c, tags)
			if err != nil {
				return nil, fmt.Errorf("%d: %w", n, err)
			}
			rows = append(rows, row)
		}
	}
	return rows, lines.Err()
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, t := range b {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

func readRow(line string, c *Cluster, tags []string) (Row, error) {
	at := strings.LastIndex(line, " => ")
	if at < 0 {
		return Row{}, fmt.Errorf("no => in %q", line)
	}
	turns := strings.Split(line[:at], " » ")
	row := Row{Cluster: c.Name, Utterance: turns[len(turns)-1], Context: turns[:len(turns)-1]}
	row.ID = rowID(row)
	command := row.readMarks(line[at+len(" => "):])
	row.Tags = union(tags, row.Tags)
	row.HeldOut = heldOut(row.ID)
	row.Diagnose = slices.Contains(row.Tags, "diagnose")
	return row, row.settle(command, c.Spellings)
}

// readMarks takes the marks off the right side and returns the command that is left. Marks stand at the end.
func (row *Row) readMarks(right string) string {
	fields := strings.Split(strings.TrimSpace(right), " ")
	for len(fields) > 0 {
		last := fields[len(fields)-1]
		name := strings.TrimLeft(last, "#~+-!?")
		switch {
		case strings.HasPrefix(last, "#"):
			row.Tags = append(row.Tags, name)
		case last == "~open":
			row.Scope = "open"
		case last == "~any":
			row.AnyName = true
		case strings.HasPrefix(last, "+"):
			row.ClassAccept = append(row.ClassAccept, nlp.Class(name))
		case last == "!refuse" || last == "?clarify":
			row.Class = nlp.Class(name)
		case strings.HasPrefix(last, "~-"):
			row.IgnoreFlags = append(row.IgnoreFlags, name)
		default:
			slices.Reverse(row.Tags)
			return strings.Join(fields, " ")
		}
		fields = fields[:len(fields)-1]
	}
	return ""
}

// settle fills in what follows from the command: class, steps, alternatives, and the flags that never count.
func (row *Row) settle(command string, names Spellings) error {
	if row.Class != "" {
		if command != "" {
			return fmt.Errorf("%s and a command: %q", row.Class, command)
		}
		return nil
	}
	lines := strings.Split(command, " || ")
	row.Kubectl, row.Accept = lines[0], lines[1:]
	if steps := strings.Split(lines[0], " ;; "); len(steps) > 1 {
		row.Kubectl, row.Plan = steps[0], steps
		row.Tags = union(row.Tags, []string{"plan"})
	}
	all := append(append([]string{row.Kubectl}, row.Plan...), row.Accept...)
	parsed, danger, err := parseAll(all, names)
	if err != nil {
		return fmt.Errorf("%q: %w", command, err)
	}
	if len(row.Plan) == 0 {
		danger = parsed[0].Danger()
	}
	row.Class = danger
	row.IgnoreFlags = append(row.IgnoreFlags, row.uncounted(parsed)...)
	if row.Expect.Verb = parsed[0].Verb; row.Diagnose {
		row.Expect.Verb = "diagnose"
	}
	return nil
}

// uncounted are the flags that make no difference to what was asked, unless the row itself names them.
func (row *Row) uncounted(parsed []Command) []string {
	var free []string
	switch c := parsed[0]; c.Verb {
	case "get":
		free = []string{"output", "show-labels"}
		if slices.Contains(row.Tags, "question") || slices.Contains(row.Tags, "filter") {
			return append(free, "sort-by") // whatever the columns, the answer is in them
		}
	case "logs":
		free = []string{"all-containers", "all-pods", "follow", "prefix", "tail", "timestamps"}
	case "patch":
		return []string{"type"}
	case "set":
		free = []string{"container", "containers"}
	case "drain":
		return []string{"ignore-daemonsets", "delete-emptydir-data", "force"}
	}
	return slices.DeleteFunc(free, func(flag string) bool {
		_, named := parsed[0].Flags[flag]
		return named
	})
}

func rowID(row Row) string {
	return fmt.Sprintf("%s-%08x", row.Cluster, sum(strings.Join(row.Context, " » ")+" » "+row.Utterance))
}

// heldOut picks a third of what it is given, always the same.
func heldOut(key string) bool { return sum("held out "+key)%3 == 0 }

func sum(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s)) // never fails
	return h.Sum32()
}

// ReadJSONL reads rows or predictions as JSON, one a line.
func ReadJSONL[T any](r io.Reader) ([]T, error) {
	var out []T
	dec := json.NewDecoder(r)
	for dec.More() {
		var one T
		if err := dec.Decode(&one); err != nil {
			return nil, fmt.Errorf("read line %d of JSON: %w", len(out)+1, err)
		}
		out = append(out, one)
	}
	return out, nil
}
