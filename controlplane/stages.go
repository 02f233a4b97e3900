package controlplane

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// stage is some parts that start and stop together.
type stage struct {
	name  string
	parts []part
}

// part runs until its context ends.
type part struct {
	name string
	run  func(context.Context) error
}

// runStages runs every stage until ctx ends or a part fails, calls draining, and then ends the stages one after the
// other, the last first: what answers people goes before what it needs for it.
func runStages(ctx context.Context, stages []stage, draining func()) error {
	g, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	var ends []func()
	for _, st := range stages {
		ends = append(ends, st.start(ctx, g))
	}
	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	draining()
	for i := len(ends) - 1; i >= 0; i-- {
		ends[i]()
	}
	return g.Wait()
}

// start returns what ends the stage and waits for it.
func (st stage) start(ctx context.Context, g *errgroup.Group) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, p := range st.parts {
		running.Add(1)
		g.Go(func() error {
			defer running.Done()
			err := p.run(ctx)
			switch {
			case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
				return nil
			case err == nil:
				return fmt.Errorf("%s ended by itself", p.name)
			}
			return fmt.Errorf("%s: %w", p.name, err)
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}
