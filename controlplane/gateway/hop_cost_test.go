package gateway_test

import (
	"slices"
	"testing"
	"time"
)

// TestHopCostsLittle compares small requests on the replica with the tunnel with those that take the hop, in turns. The
// bar is 0.5 ms at the median; what is asserted leaves room for a machine that does other things as well.
func TestHopCostsLittle(t *testing.T) {
	wrong, right, c, _ := pair(t, hello)
	scope := right.admin
	measure := func(r *rig) time.Duration {
		began := time.Now()
		if _, err := r.get(t.Context(), scope, c.ID, "/"); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	var near, far []time.Duration
	for range 1000 {
		near, far = append(near, measure(right)), append(far, measure(wrong))
	}
	median := func(d []time.Duration) time.Duration { slices.Sort(d); return d[len(d)/2] }
	added := median(far) - median(near)
	t.Logf("median %s without a hop, %s more with one", median(near), added)
	if added > 2*time.Millisecond {
		t.Errorf("the hop adds %s", added)
	}
}
