-- What a tenant used.

-- +goose Up
-- One row a fact, written in the same INSERT as its idempotency key.
create table usage_event (
  tenant_id  uuid not null references tenant (tenant_id),
  source     text not null check (length(source) between 1 and 100),
  event_id   text not null check (length(event_id) between 1 and 200),
  meter      text not null check (meter in ('command')),
  quantity   bigint not null check (quantity >= 0),
  at         timestamptz not null default now(),
  cluster_id uuid,
  member_id  uuid,
  primary key (tenant_id, source, event_id),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id),
  foreign key (tenant_id, member_id) references member (tenant_id, member_id)
);
create index usage_event_at on usage_event (tenant_id, at);
alter table usage_event enable row level security;
alter table usage_event force row level security;
create policy tenant_isolation on usage_event
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert on usage_event to kc_app;
create trigger append_only before update or delete on usage_event for each row execute function refuse_rewrite();
create trigger append_only_truncate before truncate on usage_event for each statement execute function refuse_rewrite();

-- Reads are many and cheap: summed per minute, each counted by the statement that records it.
create table usage_minute (
  tenant_id uuid not null references tenant (tenant_id),
  meter     text not null check (meter in ('api_request')),
  minute    timestamptz not null check (date_trunc('minute', minute) = minute),
  quantity  bigint not null check (quantity >= 0),
  primary key (tenant_id, meter, minute)
);
alter table usage_minute enable row level security;
alter table usage_minute force row level security;
create policy tenant_isolation on usage_minute
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on usage_minute to kc_app;
