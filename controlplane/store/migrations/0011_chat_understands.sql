-- Runs over several clusters, the way back from what a run changed, and output that is kept for a day only.

-- +goose Up
alter table conversation
  add column addressed uuid[] not null default '{}'; -- the clusters that the last turn was about; empty: the conversation's own

alter table run
  add column parent_id uuid,                        -- this is one cluster's part of a run over several
  add column divided   boolean not null default false, -- its parts are worked on, and its state follows theirs
  add column undo      json,                        -- the way back from what it changed; package chat's
  add column pruned    boolean not null default false, -- its output is gone
  add foreign key (tenant_id, parent_id) references run (tenant_id, run_id) on delete cascade;
create index run_conversation on run (tenant_id, conversation_id, created_at);
create index run_parts on run (tenant_id, parent_id) where parent_id is not null;
create index run_unpruned on run (ended_at) where ended_at is not null and not pruned;

alter table run_event
  add column cluster_id uuid; -- whose part of a run it belongs to
grant update (type, data) on run_event to kc_app;
grant update (previews) on approval to kc_app;

grant select (divided, pruned) on run to kc_lookup;

set local role kc_lookup;

-- A divided run has nobody who works on it: its parts do.
create or replace function lookup.unsettled_runs(me uuid)
returns table (tenant_id uuid, member_id uuid, run_id uuid, state text, owner uuid)
language sql stable security definer set search_path = '' as $$
  select r.tenant_id, r.member_id, r.run_id, r.state, r.owner from public.run r
  where r.ended_at is null and not r.divided and r.state <> 'awaiting_approval'
    and (r.owner = me or lookup.may_judge(me) and not exists (
      select from public.replica p where p.replica_id = r.owner and p.lease_until > pg_catalog.now()))
  union all
  select r.tenant_id, r.member_id, r.run_id, r.state, r.owner
  from public.approval a join public.run r on r.tenant_id = a.tenant_id and r.run_id = a.run_id
  where a.decision = 'proposed' and a.expires_at <= pg_catalog.now() and r.state = 'awaiting_approval'
  limit 1000
$$;

-- Runs whose output has been kept for long enough.
create function lookup.runs_to_prune(ended_before timestamptz)
returns table (tenant_id uuid, run_id uuid)
language sql stable security definer set search_path = '' as $$
  select r.tenant_id, r.run_id from public.run r where r.ended_at < ended_before and not r.pruned order by r.ended_at limit 500
$$;

set local role kc_owner;
