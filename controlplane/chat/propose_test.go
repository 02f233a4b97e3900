package chat_test

import (
	"slices"
	"testing"

	"github.com/kubechat/kubechat/controlplane/chat"
)

func TestWhatIsAsAskedAlreadyIsNotApproved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run, events := w.finished(w.admin, w.ask(w.admin, "scale checkout to 2").ID)
	if end := data[chat.EndData](t, events, chat.TypeEnd); run.State != chat.Done || run.Approval != nil || end.Message != "checkout is as asked already." {
		t.Errorf("%s: %+v", run.State, end)
	}
	if slices.Contains(types(events), chat.TypeApproval) || len(w.at.Sent()) != 0 {
		t.Errorf("it was asked for, or sent: %v", types(events))
	}
}
