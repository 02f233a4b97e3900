package tunnel

import "testing"

func TestBudgetOfASessionTakesFromTheNodes(t *testing.T) {
	t.Parallel()
	node := NewBudget(1000)
	a, b := node.within(800), node.within(800)
	if !a.Reserve(600) || a.Reserve(1) {
		t.Error("a session's windows get three quarters of its bound, and no more")
	}
	if b.Reserve(200) || b.Used() != 0 || node.Used() != 600 {
		t.Errorf("the node's three quarters were exceeded: %d and %d are used", b.Used(), node.Used())
	}
	if !b.Take(400) || b.full() != true || a.full() != true {
		t.Error("what is here fits into the last quarter, and then the node is full")
	}
	if b.Take(1) {
		t.Error("more than the node's bound fitted")
	}
	b.Release(401)
	a.Release(600)
	if node.Used() != 0 || b.full() {
		t.Errorf("%d are used in the end", node.Used())
	}
	var none *Budget
	if !none.Reserve(1<<40) || !none.Take(1) || none.full() || none.Used() != 0 {
		t.Error("no budget has a bound")
	}
	none.Release(1)
}
