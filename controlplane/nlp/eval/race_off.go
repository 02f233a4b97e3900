//go:build !race

package eval

// slowdown is how much longer things may take than their bar says.
const slowdown = 1
