-- What agents say of their own troubles: why they could not connect before, and what is wrong in their cluster now. And
-- whether a join token is still good, for whoever holds it.

-- +goose Up
alter table cluster
  add column problem    text not null default '' check (length(problem) <= 500), -- as its agent says; empty: none
  add column problem_at timestamptz;                                             -- since when; null: none
alter table cluster_session
  add column trouble text not null default '' check (length(trouble) <= 500);    -- the agent's last failures before it

-- The facts of each cluster by this server's clock; asked_at is that clock. It judges nothing.
create or replace view cluster_facts with (security_invoker = true) as
select c.tenant_id, c.cluster_id, c.name, c.region, c.created_at, c.joined_at, c.connected_at, c.complete_at,
  c.last_seen_at, c.lost_reason, c.revoked_at, l.locked_at, c.refused_at, c.refused_reason, c.agent_version,
  c.agent_version_before, c.agent_version_at, c.kubernetes_version, c.sessions_wanted, k.not_after as certificate_until,
  s.live, s.lapsed, s.holders, s.versions, s.newest_at, s.intercepted_at, s.heard_at, s.lapsed_heard_at,
  coalesce(s.round_trip_us, 0) as round_trip_us, coalesce(s.transports, '') as transports,
  (select count(*) from replica where lease_until > now() and started_at < now() - interval '2 minutes') as replicas,
  now() as asked_at, coalesce(l.lock_reason, '') as lock_reason, c.problem, c.problem_at
from cluster c
left join lateral ( -- limit 1 keeps it a look-up by key, whatever the statistics say
  select l.locked_at, l.lock_reason, l.serial from certificate_line l
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

set local role kc_lookup;

drop function lookup.fleet_facts();
-- The whole region's, for the provider's operators and its metrics: ids, times, numbers and versions. Names, and what
-- anybody wrote or said, stay with the tenant.
create function lookup.fleet_facts() returns table (tenant_id uuid, cluster_id uuid, slug text, region text,
  created_at timestamptz, joined_at timestamptz, connected_at timestamptz, complete_at timestamptz,
  last_seen_at timestamptz, revoked_at timestamptz, locked_at timestamptz, refused_at timestamptz, agent_version text,
  agent_version_before text, agent_version_at timestamptz, kubernetes_version text, sessions_wanted int,
  certificate_until timestamptz, live bigint, lapsed bigint, holders int, versions int, newest_at timestamptz,
  intercepted_at timestamptz, heard_at timestamptz, lapsed_heard_at timestamptz, round_trip_us bigint, transports text,
  replicas bigint, asked_at timestamptz, problem_at timestamptz)
language sql stable security definer set search_path = '' as $$
  select f.tenant_id, f.cluster_id, t.slug, f.region, f.created_at, f.joined_at, f.connected_at, f.complete_at,
    f.last_seen_at, f.revoked_at, f.locked_at, f.refused_at, f.agent_version, f.agent_version_before, f.agent_version_at,
    f.kubernetes_version, f.sessions_wanted, f.certificate_until, f.live, f.lapsed, f.holders, f.versions, f.newest_at,
    f.intercepted_at, f.heard_at, f.lapsed_heard_at, f.round_trip_us, f.transports, f.replicas, f.asked_at, f.problem_at
  from public.cluster_facts f join public.tenant t on t.tenant_id = f.tenant_id
$$;

-- Whether a token could be redeemed; no row: it was never made.
create function lookup.join_token_state(hash bytea) returns table (state text)
language sql stable security definer set search_path = '' as $$
  select case when t.used_at is not null then 'used' when c.revoked_at is not null then 'cluster_revoked'
    when t.revoked_at is not null then 'revoked' when t.expires_at <= now() then 'expired' else 'unused' end
  from public.join_token t join public.cluster c on c.tenant_id = t.tenant_id and c.cluster_id = t.cluster_id
  where t.secret_hash = hash
$$;

set local role kc_owner;
