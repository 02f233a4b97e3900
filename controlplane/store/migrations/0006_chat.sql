-- Conversations, their runs, what each run did event by event, and the approvals.

-- +goose Up
create table conversation (
  tenant_id       uuid not null,
  conversation_id uuid not null,
  member_id       uuid not null,
  cluster_id      uuid not null,
  title           text not null default '',
  namespace       text not null default '',
  focus           json, -- what "it" means; package nlp's
  created_at      timestamptz not null,
  updated_at      timestamptz not null,
  primary key (tenant_id, conversation_id),
  foreign key (tenant_id, member_id) references member (tenant_id, member_id),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id)
);
create index conversation_member on conversation (tenant_id, member_id, updated_at desc);
create index conversation_cluster on conversation (tenant_id, cluster_id);
alter table conversation enable row level security;
alter table conversation force row level security;
create policy tenant_isolation on conversation
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update, delete on conversation to kc_app;

-- json, not jsonb, wherever a hash was made over what is stored: jsonb would give back other bytes.
create table run (
  tenant_id       uuid not null,
  run_id          uuid not null,
  conversation_id uuid not null,
  member_id       uuid not null,
  cluster_id      uuid not null,
  text            text not null,
  request_key     text, -- the client's: the same key is the same run
  state           text not null
    check (state in ('queued', 'running', 'awaiting_approval', 'executing', 'done', 'failed', 'interrupted')),
  owner           uuid not null, -- the replica that works on it; not a reference: it may be gone
  stop_asked      boolean not null default false,
  plan            json,
  last_seq        bigint not null default 0,
  created_at      timestamptz not null,
  ended_at        timestamptz,
  primary key (tenant_id, run_id),
  constraint run_request_key unique (tenant_id, conversation_id, request_key),
  foreign key (tenant_id, conversation_id) references conversation (tenant_id, conversation_id) on delete cascade,
  check ((ended_at is not null) = (state in ('done', 'failed', 'interrupted')))
);
create index run_open on run (state, owner) where ended_at is null;
alter table run enable row level security;
alter table run force row level security;
create policy tenant_isolation on run
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on run to kc_app;

create table run_event (
  tenant_id uuid not null,
  run_id    uuid not null,
  seq       bigint not null,
  at        timestamptz not null,
  type      text not null,
  data      json not null,
  primary key (tenant_id, run_id, seq),
  foreign key (tenant_id, run_id) references run (tenant_id, run_id) on delete cascade
);
alter table run_event enable row level security;
alter table run_event force row level security;
create policy tenant_isolation on run_event
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert on run_event to kc_app;

-- One row a preview: what was shown, to whom, until when, and what they decided.
create table approval (
  tenant_id  uuid not null,
  run_id     uuid not null,
  revision   integer not null, -- a new preview, after the cluster moved on, is the next revision
  hash       text not null,
  member_id  uuid not null,
  cluster_id uuid not null,
  k8s_group  text not null,
  plan       json not null,
  previews   json not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  decision   text not null check (decision in ('proposed', 'approved', 'declined', 'expired', 'superseded')),
  decided_by uuid,
  decided_at timestamptz,
  primary key (tenant_id, run_id, revision),
  foreign key (tenant_id, run_id) references run (tenant_id, run_id) on delete cascade
);
create index approval_due on approval (expires_at) where decision = 'proposed';
alter table approval enable row level security;
alter table approval force row level security;
create policy tenant_isolation on approval
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert on approval to kc_app;
grant update (decision, decided_by, decided_at) on approval to kc_app;

grant select (tenant_id, run_id, member_id, state, owner, ended_at) on run to kc_lookup;
grant select (tenant_id, run_id, decision, expires_at) on approval to kc_lookup;

set local role kc_lookup;

-- Runs that somebody must settle: without a living replica, the asking replica's own, and approvals nobody gave in time.
create function lookup.unsettled_runs(me uuid)
returns table (tenant_id uuid, member_id uuid, run_id uuid, state text, owner uuid)
language sql stable security definer set search_path = '' as $$
  select r.tenant_id, r.member_id, r.run_id, r.state, r.owner from public.run r
  where r.ended_at is null and r.state <> 'awaiting_approval' and (r.owner = me or lookup.may_judge(me) and not exists (
    select from public.replica p where p.replica_id = r.owner and p.lease_until > pg_catalog.now()))
  union all
  select r.tenant_id, r.member_id, r.run_id, r.state, r.owner
  from public.approval a join public.run r on r.tenant_id = a.tenant_id and r.run_id = a.run_id
  where a.decision = 'proposed' and a.expires_at <= pg_catalog.now() and r.state = 'awaiting_approval'
  limit 1000
$$;

set local role kc_owner;
