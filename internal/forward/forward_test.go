package forward_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/kubechat/kubechat/internal/forward"
)

func TestAnswerIsPassedOnWithoutWhatIsOfOneConnection(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.Header().Set("X-Ours", "ours") // which an answer neither replaces nor takes away
	w.Header().Set("X-Kept", "ours")
	forward.Answer(w, &http.Response{StatusCode: http.StatusTeapot, Header: http.Header{
		"Content-Type": {"text/plain"}, "Connection": {"close, X-Own, X-Kept"}, "X-Own": {"1"}, "X-Ours": {"theirs"}, "Keep-Alive": {"1"}, "Transfer-Encoding": {"chunked"}, "Warning": {"a", "b"},
	}, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", 100)))}, make([]byte, 7))
	if w.Code != http.StatusTeapot || w.Body.String() != strings.Repeat("x", 100) {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if want := (http.Header{"Content-Type": {"text/plain"}, "Warning": {"a", "b"}, "X-Ours": {"ours"}, "X-Kept": {"ours"}}); !reflect.DeepEqual(w.Header(), want) {
		t.Errorf("header %v", w.Header())
	}
}

func TestAnswerThatBreaksOffIsAborted(t *testing.T) {
	t.Parallel()
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("panicked with %v", got)
		}
	}()
	body := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("gone")))
	forward.Answer(httptest.NewRecorder(), &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body)}, make([]byte, 7))
}
