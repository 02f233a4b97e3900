package eval

import (
	"bufio"
	"embed"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

//go:embed templates/*.txt
var templateFiles embed.FS

// perCluster is how many rows a template gives over each cluster.
const perCluster = 2

// Rows are all rows: those written by hand, and those made from templates. They are the same each time.
func Rows(clusters map[string]*Cluster) ([]Row, error) {
	rows, err := HandRows(clusters)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, row := range rows {
		seen[row.ID] = true
	}
	made, err := generated(clusters)
	if err != nil {
		return nil, err
	}
	for _, row := range made {
		if !seen[row.ID] {
			seen[row.ID] = true
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// generated expands the templates over the clusters. A template is a row in the rows' own notation with slots in it:
// {dep} is a thing of the cluster, said with its namespace where its name alone would not do, and {dep.ns} something of it.
func generated(clusters map[string]*Cluster) ([]Row, error) {
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	stocks := map[string]stock{}
	for name, c := range clusters {
		stocks[name] = newStock(c)
	}
	var rows []Row
	for _, f := range files {
		src, err := templateFiles.Open(path.Join("templates", f.Name()))
		if err != nil {
			return nil, err
		}
		var tags []string
		lines := bufio.NewScanner(src)
		for n := 1; lines.Scan(); n++ {
			line := strings.TrimSpace(lines.Text())
			if list, ok := strings.CutPrefix(line, "@tags"); ok {
				tags = strings.Fields(list)
				continue
			}
			if line == "" || strings.HasPrefix(line, "# ") {
				continue
			}
			more, err := expand(line, tags, stocks)
			if err != nil {
				return nil, fmt.Errorf("templates/%s:%d: %w", f.Name(), n, err)
			}
			rows = append(rows, more...)
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// expand makes a template's rows. All rows of a template are held out, or none.
func expand(template string, tags []string, stocks map[string]stock) ([]Row, error) {
	var rows []Row
	for _, name := range sortedKeys(stocks) {
		c := stocks[name].c
		things := &picker{stock: stocks[name], rnd: rand.New(rand.NewPCG(uint64(sum(template)), uint64(sum(name))))} //nolint:gosec // the same rows each time
		for range perCluster {
			line, ok := things.fill(template)
			if !ok {
				break // this cluster has no such thing
			}
			row, err := readRow(line, c, tags)
			if err != nil {
				return nil, fmt.Errorf("over %s: %w", name, err)
			}
			things.disturb(&row)
			row.ID, row.Template, row.HeldOut = rowID(row), template, heldOut(template)
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
