package chat

import (
	"context"
	"time"
)

// outputLife is how long what a cluster answered is kept.
const outputLife = 24 * time.Hour

// Pruner is the part of the Store that forgets.
type Pruner interface {
	Prune(ctx context.Context, endedBefore time.Time) (int, error)
}

// Prune removes the output of runs that ended more than a day ago, with the ways back from what they changed. Any number
// of replicas may do so at once.
func Prune(ctx context.Context, store Pruner, now time.Time) error {
	for {
		n, err := store.Prune(ctx, now.Add(-outputLife))
		if err != nil || n == 0 {
			return err
		}
	}
}
