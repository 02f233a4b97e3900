package sandbox

import (
	"context"
	"errors"
)

// simulate starts kwok: nodes and pods that look alive and run nothing.
func (c *Cluster) simulate(context.Context) error {
	return errors.New("simulated nodes are not built yet")
}
