-- What was done by whom, append only.

-- +goose Up
-- One row a record. An intent is a change about to be sent, a result how it ended; see package audit.
-- Names are copied, not referenced: a record outlives what it is about.
create table audit_record (
  tenant_id     uuid not null references tenant (tenant_id),
  record_id     uuid not null,
  at            timestamptz not null default clock_timestamp(),
  kind          text not null check (kind in ('intent', 'result', 'read', 'admin')),
  actor_type    text not null check (actor_type in ('member', 'agent', 'service')),
  actor_id      uuid,
  actor_name    text not null default '',
  actor_email   text not null default '',
  login_id      text not null default '',
  via           text not null default '',
  cluster_id    uuid,
  action        text not null default '', -- of an admin record: member.created, cluster.revoked, ...
  verb          text not null default '',
  api_group     text not null default '',
  resource      text not null default '',
  subresource   text not null default '',
  namespace     text not null default '',
  name          text not null default '',
  path          text not null default '',
  command       text not null default '',
  k8s_group     text not null default '',
  request_id    text not null default '',
  run_id        uuid,
  step          integer,
  approved_by   uuid,
  intent_id     uuid, -- of a result
  -- false: nobody knows how it ended, its replica being gone; a true result may still follow from a slow replica
  settled       boolean,
  outcome       text check (outcome in ('succeeded', 'failed', 'denied', 'unknown')),
  http_status   integer,
  detail        text not null default '',
  duration      interval,
  bytes_in      bigint,
  bytes_out     bigint,
  primary key (tenant_id, record_id),
  foreign key (tenant_id, intent_id) references audit_record (tenant_id, record_id),
  check ((kind = 'result') = (intent_id is not null and settled is not null and outcome is not null)),
  check (kind = 'admin' or cluster_id is not null)
);
create unique index audit_result on audit_record (tenant_id, intent_id, settled) where kind = 'result';
create index audit_actor on audit_record (tenant_id, actor_id, record_id);
create index audit_cluster on audit_record (tenant_id, cluster_id, record_id);
alter table audit_record enable row level security;
alter table audit_record force row level security;
create policy tenant_isolation on audit_record
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert on audit_record to kc_app;

-- Grants deny it to the service; this denies it to the owner as well, until it drops the trigger for all to see.
-- +goose StatementBegin
create function refuse_rewrite() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'rows of % are never changed or removed', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
-- +goose StatementEnd
create trigger append_only before update or delete on audit_record for each row execute function refuse_rewrite();
create trigger append_only_truncate before truncate on audit_record for each statement execute function refuse_rewrite();

-- Intents that have no result yet, and the replica that owes it: what the sweep looks at.
create table open_intent (
  tenant_id  uuid not null,
  intent_id  uuid not null,
  replica_id uuid not null references replica (replica_id),
  primary key (tenant_id, intent_id),
  foreign key (tenant_id, intent_id) references audit_record (tenant_id, record_id)
);
create index open_intent_replica on open_intent (replica_id);
alter table open_intent enable row level security;
alter table open_intent force row level security;
create policy tenant_isolation on open_intent
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, delete on open_intent to kc_app;

grant select on open_intent to kc_lookup;
set local role kc_lookup;

create function lookup.abandoned_intents(judge uuid) returns table (tenant_id uuid, intent_id uuid)
language sql stable security definer set search_path = '' as $$
  select o.tenant_id, o.intent_id
  from public.open_intent o join public.replica r on r.replica_id = o.replica_id
  where r.lease_until < pg_catalog.now() and lookup.may_judge(judge)
  limit 1000
$$;

-- Replicas that are long gone and of which nothing is left.
create function lookup.forgettable_replicas(judge uuid) returns table (replica_id uuid)
language sql stable security definer set search_path = '' as $$
  select r.replica_id from public.replica r
  where r.lease_until < pg_catalog.now() - interval '1 hour' and lookup.may_judge(judge)
    and not exists (select from public.cluster_session s where s.replica_id = r.replica_id)
    and not exists (select from public.open_intent o where o.replica_id = r.replica_id)
$$;

set local role kc_owner;
