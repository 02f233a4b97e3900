package chat

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	maxSearch = 200 // bytes
	maxTitle  = 120 // characters
)

func mayAsk(scope tenant.Scope) error {
	if !scope.Can(tenant.Ask) {
		return problem.New(problem.Forbidden, "Your role may not use the chat.").WithCode("role")
	}
	return nil
}

// Create begins a conversation about one cluster.
func (s *Service) Create(ctx context.Context, scope tenant.Scope, id cluster.ID) (Conversation, error) {
	if err := mayAsk(scope); err != nil {
		return Conversation{}, err
	}
	if _, err := s.cfg.Directory.Get(ctx, scope, id); err != nil {
		return Conversation{}, err
	}
	now := s.now().UTC()
	c := Conversation{ID: NewConversationID(), Member: scope.Member, Cluster: id, CreatedAt: now, UpdatedAt: now}
	if err := s.cfg.Store.CreateConversation(ctx, scope, c); err != nil {
		return Conversation{}, err
	}
	return c, nil
}

// List gives the member's own conversations, the latest first; with a search, those whose title or questions have all
// the words of it.
func (s *Service) List(ctx context.Context, scope tenant.Scope, search string) ([]Conversation, error) {
	if err := mayAsk(scope); err != nil {
		return nil, err
	}
	words := strings.Fields(search)
	if len(search) > maxSearch || !utf8.ValidString(search) || strings.ContainsRune(search, 0) {
		return nil, problem.Newf(problem.Invalid, "A search is text of at most %d bytes.", maxSearch)
	}
	return s.cfg.Store.Conversations(ctx, scope, Search{Words: words})
}

// Rename gives one of the member's conversations another title.
func (s *Service) Rename(ctx context.Context, scope tenant.Scope, id ConversationID, title string) (Conversation, error) {
	if err := mayAsk(scope); err != nil {
		return Conversation{}, err
	}
	title = strings.Join(strings.Fields(Clean(title)), " ")
	if title == "" || utf8.RuneCountInString(title) > maxTitle {
		return Conversation{}, problem.Newf(problem.Invalid, "A title has 1 to %d characters.", maxTitle)
	}
	return s.cfg.Store.RenameConversation(ctx, scope, id, title)
}

// Get gives one of the member's own conversations with its runs, the oldest first.
func (s *Service) Get(ctx context.Context, scope tenant.Scope, id ConversationID) (Conversation, []Run, error) {
	if err := mayAsk(scope); err != nil {
		return Conversation{}, nil, err
	}
	c, err := s.cfg.Store.Conversation(ctx, scope, id)
	if err != nil {
		return Conversation{}, nil, err
	}
	runs, err := s.cfg.Store.Runs(ctx, scope, id)
	return c, runs, err
}

// Delete removes a conversation with its runs. What was done stays in audit. A run that is under way must end, or be
// stopped, first: deleting its rows would not stop it.
func (s *Service) Delete(ctx context.Context, scope tenant.Scope, id ConversationID) error {
	_, runs, err := s.Get(ctx, scope, id)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.State == Queued || r.State == Running || r.State == Executing {
			return problem.New(problem.Conflict, "A run of this conversation is still under way.").
				WithCode("run_active").WithFix("Stop it, or wait for its end.")
		}
	}
	return s.cfg.Store.DeleteConversation(ctx, scope, id)
}

// GetRun gives a run with all its events.
func (s *Service) GetRun(ctx context.Context, scope tenant.Scope, id RunID) (Run, []Event, error) {
	if err := mayAsk(scope); err != nil {
		return Run{}, nil, err
	}
	run, err := s.cfg.Store.Run(ctx, scope, id)
	if err != nil {
		return Run{}, nil, err
	}
	events, err := s.allEvents(ctx, scope, id)
	return run, events, err
}

func (s *Service) allEvents(ctx context.Context, scope tenant.Scope, id RunID) ([]Event, error) {
	var all []Event
	for {
		var after int64
		if len(all) > 0 {
			after = all[len(all)-1].Seq
		}
		page, err := s.cfg.Store.Events(ctx, scope, id, after, eventPage)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < eventPage {
			return all, nil
		}
	}
}
