-- Logins of persons, API tokens of programs, and what was answered to requests that may be sent twice.
-- Only hashes of secrets are kept. Times are the program's, so that a login's end is judged by one clock.

-- +goose Up
create table api_token (
  tenant_id    uuid not null,
  api_token_id uuid not null,
  member_id    uuid not null,
  name         text not null check (length(name) between 1 and 80),
  secret_hash  bytea not null check (length(secret_hash) = 32),
  single_use   boolean not null default false,
  created_at   timestamptz not null,
  expires_at   timestamptz not null check (expires_at <= created_at + interval '366 days'),
  last_used_at timestamptz,
  revoked_at   timestamptz,
  primary key (tenant_id, api_token_id),
  foreign key (tenant_id, member_id) references member (tenant_id, member_id)
);
create index api_token_member on api_token (tenant_id, member_id);
create index api_token_hash on api_token (secret_hash);
alter table api_token enable row level security;
alter table api_token force row level security;
create policy tenant_isolation on api_token
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update, delete on api_token to kc_app;

create table login (
  tenant_id      uuid not null,
  login_id       uuid not null,
  member_id      uuid not null,
  api_token_id   uuid, -- that opened it: revoking the one ends the other
  secret_hash    bytea not null check (length(secret_hash) = 32),
  previous_hash  bytea check (length(previous_hash) = 32), -- works until previous_until, for requests under way
  previous_until timestamptz,
  role           text not null, -- the member's when the secret was last changed
  created_at     timestamptz not null,
  seen_at        timestamptz not null,
  rotated_at     timestamptz not null,
  expires_at     timestamptz not null,
  ended_at       timestamptz,
  primary key (tenant_id, login_id),
  foreign key (tenant_id, member_id) references member (tenant_id, member_id),
  foreign key (tenant_id, api_token_id) references api_token (tenant_id, api_token_id)
);
create index login_api_token on login (tenant_id, api_token_id) where api_token_id is not null;
create index login_member on login (tenant_id, member_id);
create index login_hash on login (secret_hash); -- not UNIQUE: a global one would answer guesses
create index login_previous_hash on login (previous_hash) where previous_hash is not null;
alter table login enable row level security;
alter table login force row level security;
create policy tenant_isolation on login
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update, delete on login to kc_app;

-- An answer may hold a secret shown once, so it is sealed under a key derived from the caller's own Idempotency-Key, of
-- which only a hash is kept.
create table idempotency (
  tenant_id  uuid not null,
  member_id  uuid not null,
  key_hash   bytea not null check (length(key_hash) = 32),
  asked_hash bytea not null check (length(asked_hash) = 32), -- of method, path and body
  created_at timestamptz not null,
  status     int, -- null while the first request is under way
  sealed     bytea,
  primary key (tenant_id, member_id, key_hash),
  foreign key (tenant_id, member_id) references member (tenant_id, member_id)
);
create index idempotency_created on idempotency (tenant_id, created_at);
alter table idempotency enable row level security;
alter table idempotency force row level security;
create policy tenant_isolation on idempotency
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update, delete on idempotency to kc_app;

grant select (tenant_id, login_id, secret_hash, previous_hash) on login to kc_lookup;
grant select (tenant_id, api_token_id, secret_hash) on api_token to kc_lookup;
grant select (tenant_id, created_at) on idempotency to kc_lookup;

set local role kc_lookup;

create function lookup.login_by_hash(hash bytea) returns table (tenant_id uuid, login_id uuid)
language sql stable security definer set search_path = '' as $$
  select l.tenant_id, l.login_id from public.login l where l.secret_hash = hash
  union all
  select l.tenant_id, l.login_id from public.login l where l.previous_hash = hash
  limit 1
$$;

create function lookup.api_token_by_hash(hash bytea) returns table (tenant_id uuid, api_token_id uuid)
language sql stable security definer set search_path = '' as $$
  select t.tenant_id, t.api_token_id from public.api_token t where t.secret_hash = hash limit 1
$$;

-- Tenants that have kept answers older than that, for the job that removes them.
create function lookup.tenants_with_old_answers(before timestamptz) returns table (tenant_id uuid)
language sql stable security definer set search_path = '' as $$
  select distinct i.tenant_id from public.idempotency i where i.created_at < before limit 1000
$$;

set local role kc_owner;
