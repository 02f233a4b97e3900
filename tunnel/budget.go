package tunnel

import "sync/atomic"

// Budget bounds the bytes that are received and not yet read: of one session, and of all sessions of a process when
// they share Config.Budget. Windows that grow are reserved from it before they are given; what arrives within the
// window every stream begins with is counted when it arrives. A nil *Budget has no bound.
type Budget struct {
	limit  int64
	used   atomic.Int64
	parent *Budget
}

// NewBudget bounds what is buffered to a number of bytes. A node's is a quarter of its memory, or less.
func NewBudget(bytes int) *Budget { return &Budget{limit: int64(bytes)} }

// within is a budget that also takes from another one.
func (b *Budget) within(bytes int) *Budget { return &Budget{limit: int64(bytes), parent: b} }

// Reserve takes bytes if there is room for them, leaving a quarter to those that are already here: windows that a few
// streams have grown must not make others fail.
func (b *Budget) Reserve(bytes int) bool {
	if b == nil {
		return true
	}
	if b.used.Add(int64(bytes)) > b.limit-b.limit/4 {
		b.used.Add(-int64(bytes))
		return false
	}
	if !b.parent.Reserve(bytes) {
		b.used.Add(-int64(bytes))
		return false
	}
	return true
}

// Take takes bytes that are already here, and says whether there was room for them. They have to be released in any
// case.
func (b *Budget) Take(bytes int) bool {
	if b == nil {
		return true
	}
	fits := b.used.Add(int64(bytes)) <= b.limit
	return b.parent.Take(bytes) && fits
}

// Release gives back what was taken.
func (b *Budget) Release(bytes int) {
	for ; b != nil; b = b.parent {
		b.used.Add(-int64(bytes))
	}
}

// Used is how many bytes are taken.
func (b *Budget) Used() int {
	if b == nil {
		return 0
	}
	return int(b.used.Load())
}

// Limit is how many there may be; 0 is no bound.
func (b *Budget) Limit() int {
	if b == nil {
		return 0
	}
	return int(b.limit)
}

// Full says whether nothing more is begun: streams are refused as overloaded.
func (b *Budget) Full() bool { return b.full() }

// full says whether nothing more should begin.
func (b *Budget) full() bool {
	for ; b != nil; b = b.parent {
		if b.used.Load() >= b.limit {
			return true
		}
	}
	return false
}
