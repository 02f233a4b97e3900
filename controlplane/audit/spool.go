package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// spool is a file of reads that the database has not taken yet. It is written while the database is away and is empty
// otherwise. A record is in it or in the database, or for a moment in both: its id makes that harmless. It never holds
// more records than may wait.
type spool struct {
	path  string // "" keeps nothing
	limit int
	lines int             // in the file
	saved map[string]bool // ids of those in the file that the database has not taken
}

func newSpool(dir string, limit int) *spool {
	if dir == "" {
		return &spool{}
	}
	return &spool{path: filepath.Join(dir, "reads.jsonl"), limit: limit, saved: map[string]bool{}}
}

// save appends what is new since the last save, and returns once it is on the disk.
func (s *spool) save(waiting []Read) error {
	if s.path == "" {
		return nil
	}
	var fresh []Read
	for _, rec := range waiting {
		if !s.saved[rec.ID] {
			fresh = append(fresh, rec)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	write, kept := s.append, s.lines+len(fresh)
	if kept > s.limit { // a database that comes and goes: much of it has been taken since
		write, fresh, kept = s.replace, waiting, len(waiting)
	}
	if err := write(fresh); err != nil {
		return fmt.Errorf("write the spool: %w", err)
	}
	s.lines = kept
	for _, rec := range fresh {
		s.saved[rec.ID] = true
	}
	return nil
}

func (s *spool) append(fresh []Read) error {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	return fill(f, fresh)
}

// replace makes the file anew: at no moment is less than all in the one or the other.
func (s *spool) replace(waiting []Read) error {
	f, err := os.CreateTemp(filepath.Dir(s.path), ".reads-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := fill(f, waiting); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path)
}

func fill(f *os.File, records []Read) error {
	w := bufio.NewWriter(f)
	_, err := w.WriteString("\n") // ends a line that an earlier, failed append may have left open
	enc := json.NewEncoder(w)
	for _, rec := range records {
		err = errors.Join(err, enc.Encode(rec))
	}
	return errors.Join(err, w.Flush(), f.Sync(), f.Close())
}

// load returns what an earlier process left. A line cut short, by a crash or a full disk, was not acknowledged as spooled.
func (s *spool) load() ([]Read, error) {
	if s.path == "" {
		return nil, nil
	}
	f, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	defer f.Close()
	var out []Read
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && len(out) < s.limit {
		var rec Read
		if json.Unmarshal(lines.Bytes(), &rec) == nil && rec.ID != "" {
			out = append(out, rec)
			s.saved[rec.ID] = true
			s.lines++
		}
	}
	if err := lines.Err(); err != nil {
		return out, fmt.Errorf("read the spool: %w", err)
	}
	return out, nil
}

// taken notes what the database has, and empties the file once that is all of it: others may be waiting by then.
func (s *spool) taken(batch []Read) error {
	if len(s.saved) == 0 {
		return nil
	}
	for _, rec := range batch {
		delete(s.saved, rec.ID)
	}
	if len(s.saved) > 0 {
		return nil
	}
	if err := os.Truncate(s.path, 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("empty the spool: %w", err)
	}
	s.lines = 0
	return nil
}
