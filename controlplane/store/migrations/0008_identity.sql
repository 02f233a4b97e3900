-- Identities: what a cluster's line of certificates is bound to, and the authorities' slots, phases and bundles.

-- +goose Up
alter table certificate_line
  add column hash          text not null default '', -- SHA-256 of the certificate with that serial, hexadecimal
  add column previous_hash text not null default '',
  add column not_after     timestamptz,              -- of that certificate
  add column authority_key text not null default '', -- key id of the authority that signed it
  add column bundle        bigint not null default 0, -- the trust bundle that the agent last said it holds
  add column pin_issuer    text not null default '', -- of the agent's own service account token, as told at enrolment
  add column pin_subject   text not null default '',
  add column pin_keys      text not null default '' check (length(pin_keys) <= 32768);
update certificate_line l set not_after = k.not_after from cluster_certificate k
  where k.tenant_id = l.tenant_id and k.cluster_id = l.cluster_id and k.serial = l.serial;

-- Where the replacement of a root stands. One row for each trust domain, locked while anything about its authorities
-- changes.
create table trust_state (
  trust_domain text primary key,
  version      bigint not null, -- of the bundle
  phase        text not null check (phase in ('', 'standby', 'init', 'update_clients', 'update_servers', 'rollback')),
  since        timestamptz not null,
  root         text not null,   -- fingerprint
  next_root    text not null
);
grant select, insert, update on trust_state to kc_app;

create table ca_authority (
  trust_domain text not null,
  fingerprint  bytea not null,
  slot         text not null check (slot in ('prepared', 'active', 'retired', 'tainted')),
  since        timestamptz not null,
  reason       text not null default '',
  primary key (trust_domain, fingerprint),
  foreign key (trust_domain, fingerprint) references ca_certificate (trust_domain, fingerprint)
);
grant select, insert, update on ca_authority to kc_app;

-- What was done to the authorities, by whom.
create table ca_event (
  trust_domain text not null,
  event_id     uuid not null,
  at           timestamptz not null default now(),
  actor        text not null,
  action       text not null,
  detail       text not null,
  primary key (trust_domain, event_id)
);
grant select, insert on ca_event to kc_app;
create trigger append_only before update or delete on ca_event for each row execute function refuse_rewrite();
create trigger append_only_truncate before truncate on ca_event for each statement execute function refuse_rewrite();

grant select on certificate_line, cluster to kc_lookup;

set local role kc_lookup;

-- Which clusters a change of the authorities has to wait for: joined, not revoked, not locked, their certificate good.
create function lookup.clusters_behind(at timestamptz, want bigint, keys text[])
  returns table (tenant_id uuid, cluster_id uuid, bundle bigint, not_after timestamptz)
language sql stable security definer set search_path = '' as $$
  select l.tenant_id, l.cluster_id, l.bundle, l.not_after
  from public.certificate_line l join public.cluster c on c.tenant_id = l.tenant_id and c.cluster_id = l.cluster_id
  where c.revoked_at is null and l.closed = '' and l.locked_at is null and l.not_after > at
    and (l.bundle < want or (keys is not null and l.authority_key <> all (keys)))
$$;

set local role kc_owner;
