-- Slack: a tenant's workspace with its sealed signing secret, which Slack user is which member, and what was heard already.

-- +goose Up
create table slack_workspace (
  tenant_id     uuid primary key references tenant (tenant_id),
  team_id       text not null check (length(team_id) between 1 and 40),
  name          text not null default '' check (length(name) <= 100),
  sealed_secret bytea not null check (length(sealed_secret) <= 1024), -- AES-GCM under the service's key, bound to the tenant
  updated_at    timestamptz not null default now(),
  unique (tenant_id, team_id),
  constraint slack_workspace_team_key unique (team_id) -- the tenant is found by it
);
alter table slack_workspace enable row level security;
alter table slack_workspace force row level security;
create policy tenant_isolation on slack_workspace
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update, delete on slack_workspace to kc_app;

create table slack_link (
  tenant_id       uuid not null,
  link_id         uuid not null,
  team_id         text not null,
  slack_user      text not null check (length(slack_user) between 1 and 40),
  slack_name      text not null default '' check (length(slack_name) <= 100),
  member_id       uuid not null,
  cluster_id      uuid, -- that was chosen; null: none
  conversation_id uuid, -- that questions go on in; not a reference: its member may delete it
  created_at      timestamptz not null,
  primary key (tenant_id, link_id),
  constraint slack_link_user_key unique (tenant_id, team_id, slack_user),
  constraint slack_link_member_key unique (tenant_id, member_id),
  foreign key (tenant_id, team_id) references slack_workspace (tenant_id, team_id) on delete cascade,
  foreign key (tenant_id, member_id) references member (tenant_id, member_id),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id)
);
create index slack_link_cluster on slack_link (tenant_id, cluster_id) where cluster_id is not null;
alter table slack_link enable row level security;
alter table slack_link force row level security;
create policy tenant_isolation on slack_link
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update, delete on slack_link to kc_app;

-- What `link` gives a Slack user: single use, for ten minutes, one at a time. Only its hash is kept.
create table slack_code (
  tenant_id  uuid not null,
  team_id    text not null,
  slack_user text not null check (length(slack_user) between 1 and 40),
  slack_name text not null default '' check (length(slack_name) <= 100),
  code_hash  bytea not null check (length(code_hash) = 32),
  expires_at timestamptz not null,
  primary key (tenant_id, team_id, slack_user),
  constraint slack_code_hash_key unique (tenant_id, code_hash),
  foreign key (tenant_id, team_id) references slack_workspace (tenant_id, team_id) on delete cascade
);
alter table slack_code enable row level security;
alter table slack_code force row level security;
create policy tenant_isolation on slack_code
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update, delete on slack_code to kc_app;

-- Signatures that were accepted lately, on whichever replica: each is good once.
create table slack_request (
  tenant_id      uuid not null references tenant (tenant_id),
  signature_hash bytea not null check (length(signature_hash) = 32),
  at             timestamptz not null,
  primary key (tenant_id, signature_hash)
);
create index slack_request_at on slack_request (tenant_id, at);
alter table slack_request enable row level security;
alter table slack_request force row level security;
create policy tenant_isolation on slack_request
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, delete on slack_request to kc_app;

grant select (tenant_id, team_id) on slack_workspace to kc_lookup;

set local role kc_lookup;

create function lookup.slack_workspace_by_team(team text) returns table (tenant_id uuid)
language sql stable security definer set search_path = '' as $$
  select w.tenant_id from public.slack_workspace w where w.team_id = team
$$;

set local role kc_owner;
