-- The tables of test_catalog.py: the same in PostgreSQL and in DuckDB (where bytea is blob).
create schema sales;
create schema "Odd Schema";
create type mood as enum ('sad', 'ok', 'happy');
create sequence order_ids start 100 increment 5;
create table customers (
  id integer primary key,
  name text not null,
  email text unique,
  balance numeric(10,2) not null default 0,
  vip boolean default false,
  born date,
  created timestamp not null default current_timestamp,
  score double precision check (score >= 0),
  feeling mood default 'ok'
);
create table orders (
  id bigint primary key default nextval('order_ids'),
  customer_id integer not null references customers (id),
  small smallint,
  ratio real,
  placed timestamptz,
  clock time,
  ref uuid,
  data bytea,
  tags text[],
  numbers integer[],
  took interval,
  doc json,
  unique (customer_id, placed)
);
create table sales.lines (
  order_id bigint not null,
  line integer not null,
  item text,
  primary key (order_id, line)
);
create table sales.parts (
  order_id bigint,
  line integer,
  what text,
  foreign key (order_id, line) references sales.lines (order_id, line)
);
create table "Odd Table" ("Mixed Case" integer, "with space" text not null, "select" boolean);
create table "Odd Schema"."it's" ("quo""te" integer primary key);
create table empty (only_one integer);
create index customers_name on customers (name);
create unique index lines_item on sales.lines (item, order_id);
create view customer_names as select id, name, balance from customers where vip;
create view sales.totals as select order_id, count(*) as lines from sales.lines group by order_id;
comment on table customers is 'who buys';
comment on column customers.email is 'where to write; it''s unique';
comment on view customer_names is 'the important ones';
insert into customers (id, name) values (1, 'a'), (2, 'b');
