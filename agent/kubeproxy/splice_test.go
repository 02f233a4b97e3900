package kubeproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// deaf is a backend that takes no input and has a lot to say.
type deaf struct {
	io.Reader
	closed chan struct{}
}

func (d *deaf) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
func (d *deaf) Close() error              { close(d.closed); return nil }

func TestLastWordsArriveThoughInputIsNoLongerTaken(t *testing.T) {
	t.Parallel()
	words := bytes.Repeat([]byte("last words "), 100_000)
	near, far := net.Pipe()
	backend := &deaf{Reader: bytes.NewReader(words), closed: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer near.Close()
		splice(near, near, backend)
	}()
	if _, err := far.Write([]byte("input")); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.LimitReader(far, int64(len(words))))
	if err != nil || !bytes.Equal(got, words) {
		t.Errorf("%d of %d bytes, %v", len(got), len(words), err)
	}
	<-done
}
