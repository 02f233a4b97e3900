package tunneltest

import (
	"bytes"
	"io"
	"strconv"
	"sync"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
)

// wholeRequestsAtOnce asks for answers from nothing to more than a window, many at once, while some are left unread.
func wholeRequestsAtOnce(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{Hello: tunnel.Hello{Capabilities: []string{tunnel.CapabilityWhole}}}, tunnel.Config{})
	data := noise(1 << 20)
	serve(rig.Agent, func(c *tunnel.Conn) {
		request, err := io.ReadAll(c)
		n, _ := strconv.Atoi(string(request))
		if err != nil || c.Finish(data[:n]) != nil {
			c.Reset(tunnel.ReasonCancelled)
			return
		}
		c.Close()
	})
	var asking sync.WaitGroup
	for worker := range 8 {
		asking.Go(func() {
			for i, n := range []int{0, 1, 100, 32<<10 - 1, 32 << 10, 32<<10 + 1, 300 << 10, 1 << 20, 7, 70_000} {
				c, err := tunnel.OpenWhole(t.Context(), rig.Plane, plain, []byte(strconv.Itoa(n)))
				if err != nil {
					t.Error(err)
					return
				}
				if (worker+i)%5 == 4 {
					c.Reset(tunnel.ReasonCancelled)
					continue
				}
				if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data[:n]) {
					t.Errorf("%d of %d bytes came, %v", len(got), n, err)
				}
				c.Close()
			}
		})
	}
	asking.Wait()
	eventually(t, "all streams are given back", func() bool { return rig.Agent.Streams()+rig.Plane.Streams() == 0 })
}
