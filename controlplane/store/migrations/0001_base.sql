-- Tenants, members, clusters with their join tokens and sessions, replicas.
--
-- Rules for every table of a tenant (the catalog test enforces them): tenant_id first in the primary key, every UNIQUE
-- and every foreign key; row-level security enabled and forced; one policy with USING and WITH CHECK; grants to kc_app
-- by name. Functions that must look across tenants live in schema lookup, belong to kc_lookup, return ids only.

-- +goose Up
-- +goose StatementBegin
do $$ begin
  if current_user <> 'kc_owner' then raise exception 'migrations run as kc_owner, not as %', current_user; end if;
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to kc_app', current_database());
exception when insufficient_privilege then null; -- a provider's database whose owner is someone else
end $$;
-- +goose StatementEnd
alter default privileges revoke execute on functions from public;
create schema lookup authorization kc_lookup;
grant usage on schema public to kc_app, kc_lookup;
grant usage on schema lookup to kc_app;
set local role kc_lookup;
alter default privileges revoke execute on functions from public;
alter default privileges in schema lookup grant execute on functions to kc_app;
set local role kc_owner;
grant select on goose_db_version to kc_app;

-- the tenant's own row is a tenant's row like any other
create table tenant (
  tenant_id  uuid primary key,
  slug       text not null constraint tenant_slug_key unique, -- it is in every URL: its existence is no secret
  name       text not null check (length(name) between 1 and 100),
  created_at timestamptz not null default now(),
  constraint tenant_slug_form check (slug ~ '^[a-z][a-z0-9-]{1,38}[a-z0-9]$')
);
alter table tenant enable row level security;
alter table tenant force row level security;
create policy tenant_isolation on tenant
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on tenant to kc_app;

create table member (
  tenant_id      uuid not null references tenant (tenant_id),
  member_id      uuid not null,
  email          text not null check (email = lower(email) and email like '%_@_%' and length(email) <= 254),
  name           text not null check (length(name) between 1 and 100),
  role           text not null check (role in ('tenant_admin', 'tenant_user', 'tenant_viewer')),
  created_at     timestamptz not null default now(),
  deactivated_at timestamptz,
  primary key (tenant_id, member_id),
  constraint member_email_key unique (tenant_id, email)
);
alter table member enable row level security;
alter table member force row level security;
create policy tenant_isolation on member
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on member to kc_app;

create table cluster (
  tenant_id          uuid not null references tenant (tenant_id),
  cluster_id         uuid not null,
  name               text not null constraint cluster_name_form
    check (name ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$' and length(name) <= 63),
  region             text not null,
  created_at         timestamptz not null default now(),
  created_by         uuid,
  joined_at          timestamptz, -- its first join token was used
  kube_system_uid    text not null default '',
  agent_version      text not null default '',
  kubernetes_version text not null default '',
  connected_at       timestamptz, -- when the present, or last, unbroken time with a session began
  last_seen_at       timestamptz, -- the end of its last session; a live session says "now" by itself
  lost_reason        text not null default '', -- why the last session ended, for people
  revoked_at         timestamptz,
  primary key (tenant_id, cluster_id),
  foreign key (tenant_id, created_by) references member (tenant_id, member_id)
);
-- a revoked cluster stays for the audit, and gives its name back
create unique index cluster_name_key on cluster (tenant_id, name) where revoked_at is null;
alter table cluster enable row level security;
alter table cluster force row level security;
create policy tenant_isolation on cluster
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on cluster to kc_app;

-- no row: viewer
create table cluster_group (
  tenant_id  uuid not null,
  cluster_id uuid not null,
  member_id  uuid not null,
  k8s_group  text not null check (k8s_group in ('viewer', 'operator', 'admin')),
  given_at   timestamptz not null default now(),
  primary key (tenant_id, cluster_id, member_id),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id),
  foreign key (tenant_id, member_id) references member (tenant_id, member_id)
);
alter table cluster_group enable row level security;
alter table cluster_group force row level security;
create policy tenant_isolation on cluster_group
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on cluster_group to kc_app;

create table join_token (
  tenant_id     uuid not null,
  join_token_id uuid not null,
  cluster_id    uuid not null,
  secret_hash   bytea not null check (length(secret_hash) = 32),
  created_at    timestamptz not null default now(),
  created_by    uuid,
  expires_at    timestamptz not null,
  used_at       timestamptz,
  revoked_at    timestamptz,
  primary key (tenant_id, join_token_id),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id),
  foreign key (tenant_id, created_by) references member (tenant_id, member_id)
);
create index join_token_cluster on join_token (tenant_id, cluster_id);
create index join_token_hash on join_token (secret_hash); -- not UNIQUE: a global one would answer guesses
alter table join_token enable row level security;
alter table join_token force row level security;
create policy tenant_isolation on join_token
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on join_token to kc_app;

-- Replicas belong to the provider. A replica lives while its lease does, by this server's clock.
create table replica (
  replica_id   uuid primary key,
  address      text not null default '', -- where other replicas reach it
  started_at   timestamptz not null default now(),
  heartbeat_at timestamptz not null default now(),
  lease_until  timestamptz not null,
  lease_since  timestamptz not null default now() -- since when the lease was never let lapse
);
grant select, insert, update, delete on replica to kc_app;

-- One row for each live session of a tunnel. It counts while its replica's lease does.
create table cluster_session (
  tenant_id  uuid not null,
  cluster_id uuid not null,
  session_id text not null check (length(session_id) between 1 and 100), -- of the gateway's making
  replica_id uuid not null references replica (replica_id),
  opened_at  timestamptz not null default now(),
  primary key (tenant_id, cluster_id, session_id),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id)
);
create index cluster_session_replica on cluster_session (replica_id);
alter table cluster_session enable row level security;
alter table cluster_session force row level security;
create policy tenant_isolation on cluster_session
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, delete on cluster_session to kc_app;

-- What a cluster is right now: the one place that decides it, for API, pages, metrics and alerts alike.
create view cluster_now with (security_invoker = true) as
select c.tenant_id, c.cluster_id, c.name, c.region, c.created_at, c.agent_version, c.kubernetes_version,
  case when c.revoked_at is not null then 'revoked'
       when s.live > 0 then 'connected'
       when c.connected_at is not null then 'offline'
       else 'pending' end as state,
  case when c.revoked_at is not null then c.revoked_at
       when s.live > 0 then c.connected_at
       when c.connected_at is not null then greatest(c.connected_at, c.last_seen_at, s.lapsed_heard)
       else c.created_at end as since,
  case when c.revoked_at is not null then 'Revoked: this cluster''s identity is void for good.'
       when s.live > 0 then ''
       when c.connected_at is not null and s.lapsed > 0 then 'The replica that held its tunnel is gone; the agent is expected back in a moment.'
       when c.connected_at is not null then c.lost_reason
       when c.joined_at is not null then 'The agent has joined and has not connected yet.'
       else 'Waiting for the agent to join.' end as reason,
  case when c.revoked_at is null and s.live > 0 then s.heard
       else greatest(c.last_seen_at, s.lapsed_heard) end as last_seen,
  case when c.revoked_at is null then s.live else 0 end as sessions
from cluster c
cross join lateral (
  select count(*) filter (where r.lease_until > now()) as live,
    count(*) filter (where r.lease_until <= now()) as lapsed,
    max(r.heartbeat_at) filter (where r.lease_until > now()) as heard,
    max(r.heartbeat_at) filter (where r.lease_until <= now()) as lapsed_heard
  from cluster_session cs join replica r using (replica_id)
  where cs.tenant_id = c.tenant_id and cs.cluster_id = c.cluster_id
) s;
grant select on cluster_now to kc_app;

grant select (tenant_id, slug) on tenant to kc_lookup;
grant select (tenant_id, cluster_id, revoked_at) on cluster to kc_lookup;
grant select on join_token to kc_lookup;
grant update (used_at) on join_token to kc_lookup;
grant select on cluster_session, replica to kc_lookup;

set local role kc_lookup;

create function lookup.tenant_by_slug(want text) returns table (tenant_id uuid)
language sql stable security definer set search_path = '' as $$
  select t.tenant_id from public.tenant t where t.slug = want
$$;

-- Single use is this one UPDATE: of any number of racing callers, one gets the row.
create function lookup.redeem_join_token(hash bytea) returns table (tenant_id uuid, cluster_id uuid, join_token_id uuid)
language sql volatile security definer set search_path = '' as $$
  update public.join_token t set used_at = pg_catalog.now()
  where t.secret_hash = hash and t.used_at is null and t.revoked_at is null and t.expires_at > pg_catalog.now()
    and exists (select from public.cluster c
      where c.tenant_id = t.tenant_id and c.cluster_id = t.cluster_id and c.revoked_at is null)
  returning t.tenant_id, t.cluster_id, t.join_token_id
$$;

-- Why a token was not redeemed, for whoever holds its secret.
create function lookup.join_token_status(hash bytea) returns table (status text)
language sql stable security definer set search_path = '' as $$
  select case when t.used_at is not null then 'used' when c.revoked_at is not null then 'cluster_revoked'
    when t.revoked_at is not null then 'revoked' else 'expired' end
  from public.join_token t join public.cluster c on c.tenant_id = t.tenant_id and c.cluster_id = t.cluster_id
  where t.secret_hash = hash
$$;

-- What a replica is said to hold.
create function lookup.sessions_of(replica uuid) returns table (tenant_id uuid, cluster_id uuid, session_id text)
language sql stable security definer set search_path = '' as $$
  select s.tenant_id, s.cluster_id, s.session_id from public.cluster_session s where s.replica_id = replica
$$;

-- Whether a replica may call others gone: it must itself have held its lease without a gap. After an outage of the
-- database all leases look lapsed for a moment, those of replicas that are alive included.
create function lookup.may_judge(judge uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.replica j where j.replica_id = judge
    and j.lease_until > pg_catalog.now() and j.lease_since < pg_catalog.now() - interval '10 seconds')
$$;

-- Sessions that a gone replica left behind.
create function lookup.lapsed_sessions(judge uuid) returns table (tenant_id uuid, cluster_id uuid, session_id text)
language sql stable security definer set search_path = '' as $$
  select s.tenant_id, s.cluster_id, s.session_id
  from public.cluster_session s join public.replica r on r.replica_id = s.replica_id
  where r.lease_until < pg_catalog.now() and lookup.may_judge(judge) limit 1000
$$;

set local role kc_owner;
