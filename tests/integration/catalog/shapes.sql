---- parentheses around a join
select c.relname, n.nspname from (pg_class c join pg_namespace n on n.oid = c.relnamespace) where c.relname = 'orders'
---- parentheses around a query and a join
select x.relname, n.nspname, t.typname from ((((select relname, relnamespace from pg_class where relname like 'cust%' and relkind = 'r') x
  join pg_namespace n on n.oid = x.relnamespace)) left join pg_type t on t.typname = 'int4')
---- parentheses twice
select x.relname from ((select relname from pg_class where relname = 'orders')) x
---- WITH
with c as (select relname from "pg_class" where relname = 'orders') select * from c
---- WITH of the name of a table
with pg_class as (select relname from pg_class where relname = 'orders') select relname, nspname from pg_class, pg_catalog.pg_namespace where nspname = 'public'
---- UNION
select relname from pg_class where relname = 'orders' union all (select nspname from pg_namespace where nspname = 'sales' union select 'x')
---- EXISTS
select 1 as a where exists (select from pg_constraint where contype = 'f')
---- scalar subquery
select (select count(*) from (select relname from pg_catalog.pg_class where relname = 'orders') x)
---- ARRAY of a query
select n from unnest(array(select relname from pg_class where relname in ('orders', 'customers') order by 1)) n
---- LATERAL
select c.relname, x.attname from pg_class c, lateral (select attname from pg_attribute a where a.attrelid = c.oid and attnum > 0) x where relname = 'orders'
---- ORDER BY and LIMIT
select relname from pg_class where relkind = 'r' and relname = 'orders' order by (select count(*) from pg_type) limit (select 1 from pg_am where amname = 'btree')
---- in capitals
SELECT RELNAME FROM PG_CLASS WHERE RELNAME = 'orders' AND (SELECT COUNT(*) FROM PG_GET_KEYWORDS() WHERE CATCODE = 'R') > 20
---- rows that are written down
select n, pg_catalog.format_type(t, m) as type from (values ('a', '1700'::pg_catalog.oid, 655366), ('b', '25', -1), ('c', '23', -1), ('d', '23', -1), ('e', '16', -1)) s(n, t, m)
---- series
select i from generate_series(1, 3) i, pg_namespace n where nspname = 'public'
