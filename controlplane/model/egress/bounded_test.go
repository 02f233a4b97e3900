package egress

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestAnAnswerThatIsTooLongEndsInAnError(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]error{9: nil, 10: errTooLong, 11: errTooLong} {
		got, err := io.ReadAll(&bounded{io.NopCloser(strings.NewReader(strings.Repeat("x", length))), 10})
		if !errors.Is(err, want) || len(got) != min(length, 10) {
			t.Errorf("of %d bytes: %d, %v", length, len(got), err)
		}
	}
}
