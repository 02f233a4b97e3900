-- A tenant's model: which one, its sealed key, its budgets, and what it used.

-- +goose Up
create table model_setting (
  tenant_id    uuid primary key references tenant (tenant_id),
  provider     text not null check (provider in ('openai', 'anthropic', 'ollama', 'bedrock', 'sagemaker')),
  model        text not null check (length(model) between 1 and 200),
  base_url     text not null default '' check (length(base_url) <= 500),
  region       text not null default '' check (length(region) <= 50),
  role_arn     text not null default '' check (length(role_arn) <= 600),
  context_size bigint not null default 0 check (context_size >= 0),
  day_tokens   bigint not null default 0 check (day_tokens >= 0),
  day_micros   bigint not null default 0 check (day_micros >= 0),
  input_price  bigint not null default 0 check (input_price >= 0),
  output_price bigint not null default 0 check (output_price >= 0),
  sealed_key   bytea check (length(sealed_key) <= 8192), -- AES-GCM under the service's key, bound to the tenant
  updated_at   timestamptz not null default now()
);
alter table model_setting enable row level security;
alter table model_setting force row level security;
create policy tenant_isolation on model_setting
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update, delete on model_setting to kc_app;

-- What a tenant used today: reserved before a call, settled after it. A call whose replica died stays reserved.
create table model_day (
  tenant_id uuid not null references tenant (tenant_id),
  day       date not null,
  tokens    bigint not null check (tokens >= 0),
  micros    bigint not null check (micros >= 0),
  primary key (tenant_id, day)
);
alter table model_day enable row level security;
alter table model_day force row level security;
create policy tenant_isolation on model_day
  using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
grant select, insert, update on model_day to kc_app;

alter table usage_event drop constraint usage_event_meter_check,
  add constraint usage_event_meter_check check (meter in ('command', 'llm_tokens', 'llm_cost_micros'));
