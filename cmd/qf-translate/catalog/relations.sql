-- pg_catalog: tables, columns, constraints, indexes.

CREATE VIEW pg_namespace AS
SELECT oid, name AS nspname, 10 AS nspowner FROM qf_schema;

CREATE VIEW pg_class AS
SELECT oid, name AS relname, schema_oid AS relnamespace, 10 AS relowner, CASE kind WHEN 'r' THEN 2 WHEN 'i' THEN 403 ELSE 0 END AS relam,
    CASE WHEN kind = 'v' THEN 0 ELSE oid END AS relfilenode, CASE WHEN kind = 'v' THEN -1 ELSE rows END AS reltuples, indexed AS relhasindex,
    CASE WHEN temporary THEN 't' ELSE 'p' END AS relpersistence, kind AS relkind, natts AS relnatts, checks AS relchecks, kind = 'v' AS relhasrules,
    oid IN (SELECT table_oid FROM qf_foreign UNION SELECT referenced_oid FROM qf_foreign) AS relhastriggers,
    true AS relispopulated, CASE WHEN kind = 'r' THEN 'd' ELSE 'n' END AS relreplident
FROM qf_relation;

CREATE VIEW pg_attribute AS
SELECT a.relid AS attrelid, a.name AS attname, a.type_oid AS atttypid, -1 AS attstattarget, coalesce(t.typlen, 4) AS attlen, a.num AS attnum,
    CASE WHEN t.typcategory = 'A' THEN 1 ELSE 0 END AS attndims, -1 AS attcacheoff, a.type_mod AS atttypmod, coalesce(t.typbyval = 1, true) AS attbyval,
    coalesce(t.typalign, 'i') AS attalign, coalesce(t.typstorage, 'p') AS attstorage, a.not_null AS attnotnull, a.dflt IS NOT NULL AS atthasdef,
    true AS attislocal, coalesce(t.typcollation, 0) AS attcollation
FROM qf_attribute AS a LEFT JOIN qf_base_type AS t ON t.oid = a.type_oid;

CREATE VIEW pg_attrdef AS
SELECT 1400000000 + table_oid % 100000 * 1000 + num AS oid, table_oid AS adrelid, num AS adnum, dflt AS adbin
FROM qf_column WHERE dflt IS NOT NULL;

CREATE VIEW pg_constraint AS
SELECT c.oid, c.name AS conname, n.oid AS connamespace, c.kind AS contype, true AS convalidated, c.table_oid AS conrelid,
    CASE WHEN c.kind IN ('p', 'u') THEN c.index_oid ELSE coalesce(k.index_oid, 0) END AS conindid, coalesce(f.referenced_oid, 0) AS confrelid,
    CASE WHEN c.kind = 'f' THEN 'a' ELSE ' ' END AS confupdtype, CASE WHEN c.kind = 'f' THEN 'a' ELSE ' ' END AS confdeltype,
    CASE WHEN c.kind = 'f' THEN 's' ELSE ' ' END AS confmatchtype, true AS conislocal, c.kind <> 'c' AS connoinherit, c.columns AS conkey,
    k.columns AS confkey, CASE WHEN c.kind = 'f' THEN list_transform(c.columns, lambda i: @qf_equal_of(y.types[i])) END AS conpfeqop,
    CASE WHEN c.kind = 'f' THEN list_transform(c.columns, lambda i: @qf_equal_of(y.types[i])) END AS conppeqop,
    CASE WHEN c.kind = 'f' THEN list_transform(c.columns, lambda i: @qf_equal_of(y.types[i])) END AS conffeqop, c.expression AS conbin
FROM qf_constraint AS c JOIN qf_schema AS n ON n.duck_oid = c.schema_oid
LEFT JOIN qf_types_of AS y ON y.table_oid = c.table_oid
LEFT JOIN qf_foreign AS f ON f.oid = c.oid
LEFT JOIN qf_constraint AS k ON c.kind = 'f' AND k.kind IN ('p', 'u') AND k.table_oid = f.referenced_oid AND k.names = c.referenced_names;

CREATE VIEW pg_index AS
SELECT i.oid AS indexrelid, i.table_oid AS indrelid, len(i.columns) AS indnatts, len(i.columns) AS indnkeyatts, i.is_unique AS indisunique,
    i.is_primary AS indisprimary, true AS indimmediate, true AS indisvalid, true AS indisready, true AS indislive, i.columns AS indkey,
    list_transform(i.columns, lambda c: CASE WHEN y.types[c] = 25 THEN 100 ELSE 0 END) AS indcollation,
    list_transform(i.columns, lambda c: @qf_opclass_of(y.types[c])) AS indclass,
    list_transform(i.columns, lambda c: 0) AS indoption,
    CASE WHEN list_contains(i.columns, 0) THEN array_to_string(list_filter(i.names, lambda e, pos: i.columns[pos] = 0), ', ') END AS indexprs
FROM qf_index AS i LEFT JOIN qf_types_of AS y ON y.table_oid = i.table_oid;

CREATE VIEW pg_description AS
SELECT oid AS objoid, 1259 AS classoid, 0 AS objsubid, comment AS description FROM qf_relation WHERE comment IS NOT NULL
UNION ALL
SELECT table_oid, 1259, num, comment FROM qf_column WHERE comment IS NOT NULL
UNION ALL
SELECT CASE schema_name WHEN 'main' THEN 2200 ELSE oid END, 2615, 0, comment FROM duckdb_schemas() WHERE database_name = current_database() AND comment IS NOT NULL
UNION ALL
SELECT type_oid, 1247, 0, comment FROM duckdb_types() WHERE database_name = current_database() AND comment IS NOT NULL AND NOT internal;

CREATE VIEW pg_sequence AS
SELECT sequence_oid AS seqrelid, 20 AS seqtypid, start_value AS seqstart, increment_by AS seqincrement, max_value AS seqmax, min_value AS seqmin,
    1 AS seqcache, cycle AS seqcycle
FROM duckdb_sequences() WHERE database_name = current_database() OR temporary;

CREATE VIEW pg_tables AS
SELECT schema AS schemaname, name AS tablename, user_name AS tableowner, indexed AS hasindexes, false AS hasrules, false AS hastriggers, false AS rowsecurity
FROM qf_relation, qf_session WHERE kind = 'r';

CREATE VIEW pg_views AS
SELECT schema AS schemaname, name AS viewname, user_name AS viewowner, @qf_view_text(sql) AS definition
FROM qf_relation, qf_session WHERE kind = 'v';

CREATE VIEW pg_indexes AS
SELECT t.schema AS schemaname, t.name AS tablename, i.name AS indexname, x.def AS indexdef
FROM qf_index AS i JOIN qf_relation AS t ON t.oid = i.table_oid JOIN qf_index_text AS x ON x.oid = i.oid;

CREATE VIEW pg_sequences AS
SELECT n.name AS schemaname, s.sequence_name AS sequencename, u.user_name AS sequenceowner, 20 AS data_type, s.start_value, s.min_value, s.max_value,
    s.increment_by, s.cycle, 1 AS cache_size, s.last_value
FROM duckdb_sequences() AS s JOIN qf_schema AS n ON n.duck_oid = s.schema_oid, qf_session AS u;

-- What objects are called where a name must be told apart from others, and what they are made by.
CREATE VIEW qf_schema_text AS SELECT oid, name, @quote_ident(name) AS shown FROM qf_schema;

CREATE VIEW qf_regclass AS
SELECT r.oid, unnest([CASE WHEN o.oid IS NOT NULL THEN r.quoted END, CASE WHEN o.oid IS NOT NULL THEN '"' || replace(r.name, '"', '""') || '"' END,
        n.shown || '.' || r.quoted, '"' || replace(n.name, '"', '""') || '"."' || replace(r.name, '"', '""') || '"']) AS form,
    unnest([o.oid IS NOT NULL, false, o.oid IS NULL, false]) AS best, coalesce(o.pos, 0) AS pos
FROM (SELECT oid, name, schema_oid, @quote_ident(name) AS quoted FROM qf_relation) AS r JOIN qf_schema_text AS n ON n.oid = r.schema_oid
LEFT JOIN qf_path AS o ON o.oid = r.schema_oid;

CREATE VIEW qf_index_text AS
SELECT oid, shown, head || schema_shown || '.' || tail AS def, head || CASE WHEN visible THEN '' ELSE schema_shown || '.' END || tail AS short
FROM (SELECT x.oid, x.shown, n.shown AS schema_shown, o.oid IS NOT NULL AS visible,
        'CREATE ' || CASE WHEN x.is_unique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || @quote_ident(x.name) || ' ON ' AS head,
        @quote_ident(t.name) || ' USING btree (' || array_to_string(x.shown, ', ') || ')' AS tail
    FROM (SELECT oid, table_oid, name, is_unique, list_transform(names, lambda i: @quote_ident(i)) AS shown FROM qf_index) AS x
    JOIN qf_relation AS t ON t.oid = x.table_oid JOIN qf_schema_text AS n ON n.oid = t.schema_oid LEFT JOIN qf_path AS o ON o.oid = n.oid);

CREATE VIEW qf_constraint_text AS
SELECT oid, CASE kind WHEN 'p' THEN 'PRIMARY KEY (' || cols || ')' WHEN 'u' THEN 'UNIQUE (' || cols || ')' WHEN 'f' THEN
    'FOREIGN KEY (' || cols || ') REFERENCES ' || CASE WHEN schema_name = current_schema() THEN '' ELSE schema_shown || '.' END || @quote_ident(referenced_table) || '(' || others || ')'
    ELSE 'CHECK (' || expression || ')' END AS def
FROM (SELECT c.oid, c.kind, c.schema_name, c.referenced_table, c.expression, n.shown AS schema_shown, array_to_string(list_transform(c.names, lambda i: @quote_ident(i)), ', ') AS cols,
        array_to_string(list_transform(c.referenced_names, lambda i: @quote_ident(i)), ', ') AS others
      FROM qf_constraint AS c JOIN qf_schema_text AS n ON n.name = CASE c.schema_name WHEN 'main' THEN 'public' ELSE c.schema_name END);
