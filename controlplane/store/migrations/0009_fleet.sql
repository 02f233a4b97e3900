-- Fleet truth: what is known of each session, why the last ones ended, and the facts from which package cluster computes
-- a cluster's one state (cluster.Judge). View cluster_now stays for replicas of the previous release, which still read it
-- while a rollout is under way.

-- +goose Up
alter table cluster
  add column sessions_wanted      int not null default 0, -- how many its agent keeps up; 0: it did not say
  add column complete_at          timestamptz,            -- when it last had as many again after a shortage
  add column agent_version_before text not null default '',
  add column agent_version_at     timestamptz,            -- when agent_version last became another
  add column refused_at           timestamptz,            -- when an agent last was refused with this cluster's join token
  add column refused_reason       text not null default '';

alter table cluster_session
  add column transport          text not null default 'tls',
  add column agent_name         text not null default '', -- the agent's pod
  add column agent_version      text not null default '',
  add column kubernetes_version text not null default '',
  add column certificate_until  timestamptz,              -- the end of the certificate it was opened with
  add column intercepted        boolean not null default false, -- somebody between reads the outer TLS
  add column round_trip_us      bigint not null default 0;      -- as last measured; 0: not yet
grant update (round_trip_us) on cluster_session to kc_app;

-- The last ends of sessions, newest kept (see store.keptDisconnects).
create table cluster_disconnect (
  tenant_id     uuid not null,
  cluster_id    uuid not null,
  session_id    text not null check (length(session_id) between 1 and 100),
  replica_id    uuid not null, -- no foreign key: the history outlives replicas
  transport     text not null,
  agent_name    text not null,
  agent_version text not null,
  opened_at     timestamptz not null,
  closed_at     timestamptz not null,
  reason        text not null, -- for people
  primary key (tenant_id, cluster_id, closed_at, session_id),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id)
);
alter table cluster_disconnect enable row level security;
alter table cluster_disconnect force row level security;
create policy tenant_isolation on cluster_disconnect
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, delete on cluster_disconnect to kc_app;

-- The facts of each cluster by this server's clock; asked_at is that clock. It judges nothing.
create view cluster_facts with (security_invoker = true) as
select c.tenant_id, c.cluster_id, c.name, c.region, c.created_at, c.joined_at, c.connected_at, c.complete_at,
  c.last_seen_at, c.lost_reason, c.revoked_at, l.locked_at, c.refused_at, c.refused_reason, c.agent_version,
  c.agent_version_before, c.agent_version_at, c.kubernetes_version, c.sessions_wanted, k.not_after as certificate_until,
  s.live, s.lapsed, s.holders, s.versions, s.newest_at, s.intercepted_at, s.heard_at, s.lapsed_heard_at,
  coalesce(s.round_trip_us, 0) as round_trip_us, coalesce(s.transports, '') as transports,
  (select count(*) from replica where lease_until > now() and started_at < now() - interval '2 minutes') as replicas,
  now() as asked_at
from cluster c
left join lateral ( -- limit 1 keeps it a look-up by key, whatever the statistics say
  select l.locked_at, l.serial from certificate_line l
  where l.tenant_id = c.tenant_id and l.cluster_id = c.cluster_id limit 1
) l on true
left join lateral (
  select k.not_after from cluster_certificate k
  where k.tenant_id = c.tenant_id and k.cluster_id = c.cluster_id and k.serial = l.serial limit 1
) k on true
cross join lateral (
  select count(*) filter (where r.lease_until > now()) as live,
    count(*) filter (where r.lease_until <= now()) as lapsed,
    case when min(cs.replica_id::text) filter (where r.lease_until > now()) < max(cs.replica_id::text) filter (where r.lease_until > now())
      then 2 else 1 end as holders, -- 2: more than one
    case when min(nullif(cs.agent_version, '')) filter (where r.lease_until > now()) < max(nullif(cs.agent_version, '')) filter (where r.lease_until > now())
      then 2 else 1 end as versions,
    max(cs.opened_at) filter (where r.lease_until > now()) as newest_at,
    min(cs.opened_at) filter (where r.lease_until > now() and cs.intercepted) as intercepted_at,
    max(r.heartbeat_at) filter (where r.lease_until > now()) as heard_at,
    max(r.heartbeat_at) filter (where r.lease_until <= now()) as lapsed_heard_at,
    min(nullif(cs.round_trip_us, 0)) filter (where r.lease_until > now()) as round_trip_us,
    concat_ws(',', case when bool_or(cs.transport = 'quic') filter (where r.lease_until > now()) then 'quic' end,
      case when bool_or(cs.transport = 'tls') filter (where r.lease_until > now()) then 'tls' end,
      case when bool_or(cs.transport = 'websocket') filter (where r.lease_until > now()) then 'websocket' end) as transports
  from cluster_session cs join replica r using (replica_id)
  where cs.tenant_id = c.tenant_id and cs.cluster_id = c.cluster_id
) s;
grant select on cluster_facts to kc_app, kc_lookup;
grant select on cluster, certificate_line, cluster_certificate to kc_lookup;

set local role kc_lookup;

-- The whole region's, for the provider's operators and its metrics: ids, times, numbers and versions. Names, and what
-- anybody wrote or said, stay with the tenant.
create function lookup.fleet_facts() returns table (tenant_id uuid, cluster_id uuid, slug text, region text,
  created_at timestamptz, joined_at timestamptz, connected_at timestamptz, complete_at timestamptz,
  last_seen_at timestamptz, revoked_at timestamptz, locked_at timestamptz, refused_at timestamptz, agent_version text,
  agent_version_before text, agent_version_at timestamptz, kubernetes_version text, sessions_wanted int,
  certificate_until timestamptz, live bigint, lapsed bigint, holders int, versions int, newest_at timestamptz,
  intercepted_at timestamptz, heard_at timestamptz, lapsed_heard_at timestamptz, round_trip_us bigint, transports text,
  replicas bigint, asked_at timestamptz)
language sql stable security definer set search_path = '' as $$
  select f.tenant_id, f.cluster_id, t.slug, f.region, f.created_at, f.joined_at, f.connected_at, f.complete_at,
    f.last_seen_at, f.revoked_at, f.locked_at, f.refused_at, f.agent_version, f.agent_version_before, f.agent_version_at,
    f.kubernetes_version, f.sessions_wanted, f.certificate_until, f.live, f.lapsed, f.holders, f.versions, f.newest_at,
    f.intercepted_at, f.heard_at, f.lapsed_heard_at, f.round_trip_us, f.transports, f.replicas, f.asked_at
  from public.cluster_facts f join public.tenant t on t.tenant_id = f.tenant_id
$$;

-- Whose join token a refused agent showed, so that its cluster's page can say so.
create function lookup.join_token_cluster(hash bytea) returns table (tenant_id uuid, cluster_id uuid)
language sql stable security definer set search_path = '' as $$
  select t.tenant_id, t.cluster_id from public.join_token t where t.secret_hash = hash
$$;

set local role kc_owner;
