package kubechat_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is as long as a file may get; most are a third of it.
const maxLines = 600

// sourceFiles lists the repository's own sources with one of the endings, without what is generated or installed.
func sourceFiles(t *testing.T, endings ...string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "node_modules" || name == "dist" || name == "testdata" || len(name) > 1 && strings.HasPrefix(name, ".") && name != ".ci") {
			return fs.SkipDir
		}
		if !d.IsDir() && slices.Contains(endings, filepath.Ext(name)) && !strings.Contains(name, ".gen.") && name != "schema.d.ts" {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no source files: is the test run in the repository's root?")
	}
	return files
}

func TestNoFileIsTooLong(t *testing.T) {
	t.Parallel()
	for _, path := range sourceFiles(t, ".go", ".ts", ".tsx", ".css", ".sh", ".sql") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines: split it by what it is about", path, n)
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	t.Parallel()
	set := token.NewFileSet()
	for _, path := range sourceFiles(t, ".go") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Name.Name == "main" {
			continue
		}
		for _, name := range undocumented(file) {
			t.Errorf("%s: %s has no comment", path, name)
		}
	}
}

func undocumented(file *ast.File) []string {
	var missing []string
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
				missing = append(missing, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						missing = append(missing, s.Name.Name)
					}
				case *ast.ValueSpec:
					for _, n := range s.Names {
						if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
							missing = append(missing, n.Name)
						}
					}
				}
			}
		}
	}
	return missing
}

// exportedReceiver reports whether a func can be named from outside: methods of unexported types cannot.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

var (
	machinePaths = regexp.MustCompile(`/(work|farm)/[a-z.]+/|/var/tmp/(kc|realkube)|GOPROXY=|--registry|\.\./shared/`)
	leftForLater = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b|not implemented`)
	sleepsSkips  = regexp.MustCompile(`\bt\.Skip|\btime\.Sleep\(`)
)

func TestNothingOfOneMachineAndNothingLeftForLater(t *testing.T) {
	t.Parallel()
	for _, path := range sourceFiles(t, ".go", ".ts", ".tsx", ".sh", ".sql", ".yaml", ".tpl", ".mjs") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if path == "style_test.go" {
			continue
		}
		for _, pattern := range []*regexp.Regexp{machinePaths, leftForLater} {
			if m := pattern.Find(b); m != nil {
				t.Errorf("%s holds %q", path, m)
			}
		}
		if bytes.Contains(b, []byte(`"testing/synctest"`)) {
			b = bytes.ReplaceAll(b, []byte("time.Sleep("), nil) // in a bubble it is how time passes, at once
		}
		if strings.HasSuffix(path, "_test.go") && sleepsSkips.Match(b) {
			t.Errorf("%s holds %q: tests neither sleep nor skip", path, sleepsSkips.Find(b))
		}
	}
}
