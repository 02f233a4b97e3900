package tunneltest_test

import (
	"testing"

	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

func TestMemoryConforms(t *testing.T) { tunneltest.RunConformance(t, tunneltest.Memory) }
