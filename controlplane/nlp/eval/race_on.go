//go:build race

package eval

// slowdown is how much longer things may take under the race detector.
const slowdown = 12
