-- "Don't ask again": what a member approves beforehand, for the length of one login.

-- +goose Up
create table standing_approval (
  tenant_id  uuid not null,
  login_id   uuid not null,
  cluster_id uuid not null,
  namespace  text not null check (namespace <> ''),
  op         text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, login_id, cluster_id, namespace, op),
  foreign key (tenant_id, login_id) references login (tenant_id, login_id) on delete cascade,
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id)
);
alter table standing_approval enable row level security;
alter table standing_approval force row level security;
create policy tenant_isolation on standing_approval
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, delete on standing_approval to kc_app;
