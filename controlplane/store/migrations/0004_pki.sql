-- Certificates: those of authorities (their keys are never here), and each cluster's succession of them.

-- +goose Up
-- Authorities belong to the provider, and so do one-time tokens and revoked serials.
create table ca_certificate (
  trust_domain text not null,
  fingerprint  bytea not null check (length(fingerprint) = 32), -- SHA-256 of certificate
  certificate  bytea not null,
  not_after    timestamptz not null,
  added_at     timestamptz not null default now(),
  primary key (trust_domain, fingerprint)
);
grant select, insert on ca_certificate to kc_app;

-- The use of a one-time token, kept until the token would have expired anyway.
create table one_time_token (
  token_id   text primary key check (length(token_id) <= 100),
  expires_at timestamptz not null
);
create index one_time_token_expires on one_time_token (expires_at);
grant select, insert, delete on one_time_token to kc_app;

create table revoked_serial (
  serial     text primary key,
  reason     text not null,
  expires_at timestamptz not null,
  revoked_at timestamptz not null default now()
);
grant select, insert on revoked_serial to kc_app;

-- Who holds the right to renew: one row for each cluster that ever joined.
create table certificate_line (
  tenant_id   uuid not null,
  cluster_id  uuid not null,
  generation  bigint not null,
  serial      text not null,
  previous    text not null default '',
  enrolled_at timestamptz not null,
  advanced_at timestamptz not null,
  retried     boolean not null,
  locked_at   timestamptz,
  lock_reason text not null default '',
  closed      text not null default '',
  primary key (tenant_id, cluster_id),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id)
);
alter table certificate_line enable row level security;
alter table certificate_line force row level security;
create policy tenant_isolation on certificate_line
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on certificate_line to kc_app;

create table cluster_certificate (
  tenant_id   uuid not null,
  cluster_id  uuid not null,
  serial      text not null,
  generation  bigint not null,
  certificate bytea not null,
  not_after   timestamptz not null,
  issued_at   timestamptz not null default now(),
  primary key (tenant_id, cluster_id, serial),
  foreign key (tenant_id, cluster_id) references cluster (tenant_id, cluster_id)
);
alter table cluster_certificate enable row level security;
alter table cluster_certificate force row level security;
create policy tenant_isolation on cluster_certificate
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert on cluster_certificate to kc_app;
