// Command report runs the evaluation of the built-in translator and writes what it found.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/nlp/eval"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	rows, manifests, export, predictions, failures, page string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	f := flag.NewFlagSet("report", flag.ContinueOnError)
	f.StringVar(&o.rows, "rows", "", "score these rows (JSON, one a line) instead of our own; needs -manifests")
	f.StringVar(&o.manifests, "manifests", "", "the cluster that -rows are about, as YAML")
	f.StringVar(&o.export, "export", "", "write the rows as JSON to this file")
	f.StringVar(&o.predictions, "predictions", "", "write the answers as JSON to this file")
	f.StringVar(&o.failures, "failures", "", "write what went wrong, without the held-out rows, to files that start so")
	f.StringVar(&o.page, "page", "", "write the page about it to this file (docs/translator.md)")
	if err := f.Parse(args); err != nil {
		return err
	}
	report, scored, err := o.evaluate(ctx)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, report.Text()); err != nil {
		return err
	}
	return errors.Join(o.writeRows(scored), o.writePredictions(scored), o.writeFailures(report), o.writePage(report))
}

// evaluate runs our own rows, or those of a file.
func (o options) evaluate(ctx context.Context) (eval.Report, []eval.Scored, error) {
	if o.rows == "" {
		return eval.Evaluate(ctx)
	}
	rows, clusters, err := o.load()
	if err != nil {
		return eval.Report{}, nil, err
	}
	scored := eval.Run(ctx, rows, clusters)
	return eval.Summarise(scored), scored, nil
}

func (o options) load() ([]eval.Row, map[string]*eval.Cluster, error) {
	words, err := o.words()
	if err != nil {
		return nil, nil, err
	}
	file, err := os.Open(o.rows)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	rows, err := eval.ReadJSONL[eval.Row](file)
	for i := range rows {
		rows[i].Diagnose = rows[i].Expect.Verb == "diagnose"
	}
	return rows, map[string]*eval.Cluster{"": {Words: words, Spellings: eval.NewSpellings(words.Kinds())}}, err
}

func (o options) words() (*nlp.Vocabulary, error) {
	if o.manifests == "" {
		return nil, errors.New("-rows needs -manifests: whose words are these?")
	}
	file, err := os.Open(o.manifests)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	return nlp.FromManifests(file, "", "")
}

func (o options) writeRows(scored []eval.Scored) error {
	var rows []eval.Row
	for _, s := range scored {
		rows = append(rows, s.Row)
	}
	return writeLines(o.export, rows)
}

func (o options) writePage(r eval.Report) error {
	if o.page == "" {
		return nil
	}
	var b strings.Builder
	if err := r.WritePage(&b); err != nil {
		return err
	}
	return os.WriteFile(o.page, []byte(b.String()), 0o644)
}

func (o options) writePredictions(scored []eval.Scored) error {
	var said []eval.Prediction
	for _, s := range scored {
		said = append(said, s.Said)
	}
	return writeLines(o.predictions, said)
}

// writeFailures writes one file about reads, refusals and questions, and one about changes.
func (o options) writeFailures(r eval.Report) error {
	if o.failures == "" {
		return nil
	}
	var reads, changes strings.Builder
	for _, s := range r.Failed {
		b := &reads
		if s.Row.Class == nlp.Mutate || s.Row.Class == nlp.Destructive || s.Score.Unsafe {
			b = &changes
		}
		turns := append(s.Row.Context, s.Row.Utterance)
		want := string(s.Row.Class)
		if s.Row.Kubectl != "" {
			want = strings.Join(append([]string{s.Row.Kubectl}, s.Row.Accept...), " || ")
		}
		if len(s.Row.Plan) > 0 {
			want = strings.Join(s.Row.Plan, " ;; ")
		}
		got := string(s.Said.Class)
		if s.Said.Kubectl != "" {
			got += ": " + strings.Join(s.Said.Commands(), " ;; ")
		}
		fmt.Fprintf(b, "%s %v\n  said: %s\n  want: %s\n  got:  %s\n", s.Row.ID, s.Row.Tags, strings.Join(turns, " » "), want, got)
	}
	return errors.Join(os.WriteFile(o.failures+"-reads.txt", []byte(reads.String()), 0o644),
		os.WriteFile(o.failures+"-changes.txt", []byte(changes.String()), 0o644))
}

func writeLines[T any](path string, lines []T) error {
	if path == "" {
		return nil
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, line := range lines {
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
