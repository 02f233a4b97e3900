package gateway

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestBoundariesOfEventsAreFoundHoweverTheBytesCome(t *testing.T) {
	t.Parallel()
	events := []string{`{"type":"ADDED"}`, ``, `{"type":"MODIFIED","object":{}}`, `x`}
	for _, lengths := range []bool{false, true} {
		var all []byte
		ends := map[int]bool{0: true}
		for _, e := range events {
			if lengths {
				all = binary.BigEndian.AppendUint32(all, uint32(len(e)))
				all = append(all, e...)
			} else {
				all = append(all, e+"\n"...)
			}
			ends[len(all)] = true
		}
		for range 500 {
			f := frames{lengths: lengths}
			for at := 0; at < len(all); {
				n := 1 + rand.IntN(len(all)-at)
				last := f.boundary(all[at : at+n])
				want := 0
				for i := at + 1; i <= at+n; i++ {
					if ends[i] {
						want = i - at
					}
				}
				if last != want || f.open == ends[at+n] {
					t.Fatalf("lengths %v, bytes %d to %d: boundary after %d, open %v; want %d, %v", lengths, at, at+n, last, f.open, want, !ends[at+n])
				}
				at += n
			}
		}
	}
}
