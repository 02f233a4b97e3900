package freeport

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

func TestRowsOverlapNowhere(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			port, err := Row(3)
			if err != nil {
				t.Error(err)
				return
			}
			for p := port; p < port+3; p++ {
				if _, twice := seen.LoadOrStore(p, true); twice || p < first || p > last {
					t.Errorf("port %d was given twice, or is out of the range", p)
				}
			}
		})
	}
	wg.Wait()
}

func TestCheckSeesAListenerOnAnyAddress(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "127.0.0.2", ""} {
		port, err := Row(1)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, port))
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(port); err == nil {
			t.Errorf("port %d counts as free while %q has it", port, host)
		}
		l.Close()
		if err := Check(port); err != nil {
			t.Errorf("port %d counts as taken: %v", port, err)
		}
	}
}
