-- information_schema, of what the session can see.

CREATE VIEW information_schema.information_schema_catalog_name AS SELECT database_name AS catalog_name FROM qf_session;

CREATE VIEW information_schema.schemata AS
SELECT database_name AS catalog_name, n.name AS schema_name, user_name AS schema_owner FROM qf_schema AS n, qf_session;

CREATE VIEW information_schema.tables AS
SELECT s.database_name AS table_catalog, r.schema AS table_schema, r.name AS table_name,
    CASE WHEN r.temporary AND r.kind = 'r' THEN 'LOCAL TEMPORARY' WHEN r.kind = 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type,
    CASE WHEN r.kind = 'r' THEN 'YES' ELSE 'NO' END AS is_insertable_into, 'NO' AS is_typed, CASE WHEN r.temporary THEN 'PRESERVE' END AS commit_action
FROM qf_relation AS r, qf_session AS s WHERE r.kind IN ('r', 'v');

CREATE VIEW information_schema.views AS
SELECT s.database_name AS table_catalog, r.schema AS table_schema, r.name AS table_name, @qf_view_text(r.sql) AS view_definition, 'NONE' AS check_option,
    'NO' AS is_updatable, 'NO' AS is_insertable_into, 'NO' AS is_trigger_updatable, 'NO' AS is_trigger_deletable, 'NO' AS is_trigger_insertable_into
FROM qf_relation AS r, qf_session AS s WHERE r.kind = 'v';

CREATE VIEW information_schema.columns AS
SELECT s.database_name AS table_catalog, r.schema AS table_schema, r.name AS table_name, a.name AS column_name, a.num AS ordinal_position,
    a.dflt AS column_default, CASE WHEN a.not_null THEN 'NO' ELSE 'YES' END AS is_nullable,
    CASE WHEN t.oid IS NULL THEN 'USER-DEFINED' WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN 'ARRAY' ELSE t.shown END AS data_type,
    CASE WHEN t.oid = 25 THEN 1073741824 END AS character_octet_length,
    CASE t.oid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53 WHEN 1700 THEN CASE WHEN a.type_mod > 0 THEN (a.type_mod - 4) // 65536 END END AS numeric_precision,
    CASE WHEN t.oid IN (21, 23, 20, 700, 701) THEN 2 WHEN t.oid = 1700 THEN 10 END AS numeric_precision_radix,
    CASE WHEN t.oid IN (21, 23, 20) THEN 0 WHEN t.oid = 1700 AND a.type_mod > 0 THEN (a.type_mod - 4) % 65536 END AS numeric_scale,
    CASE WHEN t.oid = 1082 THEN 0 WHEN t.oid IN (1083, 1114, 1184, 1186, 1266) THEN 6 END AS datetime_precision,
    s.database_name AS udt_catalog, coalesce(n.name, 'pg_catalog') AS udt_schema,
    coalesce(t.typname, CASE WHEN e.array_oid = a.type_oid THEN '_' ELSE '' END || e.type_name) AS udt_name, CAST(a.num AS VARCHAR) AS dtd_identifier,
    'NO' AS is_self_referencing, 'NO' AS is_identity, 'NO' AS identity_cycle, 'NEVER' AS is_generated, CASE WHEN r.kind = 'r' THEN 'YES' ELSE 'NO' END AS is_updatable
FROM qf_attribute AS a JOIN qf_relation AS r ON r.oid = a.relid AND r.kind IN ('r', 'v')
LEFT JOIN qf_base_type AS t ON t.oid = a.type_oid
LEFT JOIN qf_enum AS e ON a.type_oid IN (e.oid, e.array_oid)
LEFT JOIN qf_schema AS n ON n.duck_oid = e.schema_oid, qf_session AS s;

CREATE VIEW qf_visible_constraint AS
SELECT c.*, n.name AS schema, n.oid AS nsp, s.database_name AS catalog FROM qf_constraint AS c JOIN qf_schema AS n ON n.duck_oid = c.schema_oid, qf_session AS s;

CREATE VIEW information_schema.table_constraints AS
SELECT catalog AS constraint_catalog, schema AS constraint_schema, name AS constraint_name, catalog AS table_catalog, schema AS table_schema, table_name,
    CASE kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' WHEN 'f' THEN 'FOREIGN KEY' ELSE 'CHECK' END AS constraint_type, 'NO' AS is_deferrable,
    'NO' AS initially_deferred, 'YES' AS enforced, CASE kind WHEN 'u' THEN 'YES' END AS nulls_distinct
FROM qf_visible_constraint
UNION ALL
SELECT s.database_name, r.schema, CAST(r.schema_oid AS VARCHAR) || '_' || CAST(r.oid AS VARCHAR) || '_' || CAST(c.num AS VARCHAR) || '_not_null', s.database_name, r.schema, r.name,
    'CHECK', 'NO', 'NO', 'YES', NULL
FROM qf_column AS c JOIN qf_relation AS r ON r.oid = c.table_oid AND r.kind = 'r', qf_session AS s WHERE c.not_null;

CREATE VIEW information_schema.key_column_usage AS
SELECT c.catalog AS constraint_catalog, c.schema AS constraint_schema, c.name AS constraint_name, c.catalog AS table_catalog, c.schema AS table_schema, c.table_name,
    c.names[c.pos] AS column_name, c.pos AS ordinal_position, CASE c.kind WHEN 'f' THEN list_position(k.names, c.referenced_names[c.pos]) END AS position_in_unique_constraint
FROM (SELECT *, unnest(range(1, len(names) + 1)) AS pos FROM qf_visible_constraint WHERE kind <> 'c') AS c
LEFT JOIN qf_constraint AS k ON c.kind = 'f' AND k.kind IN ('p', 'u') AND k.schema_oid = c.schema_oid AND k.table_name = c.referenced_table AND k.names = c.referenced_names;

CREATE VIEW information_schema.referential_constraints AS
SELECT c.catalog AS constraint_catalog, c.schema AS constraint_schema, c.name AS constraint_name, c.catalog AS unique_constraint_catalog,
    c.schema AS unique_constraint_schema, k.name AS unique_constraint_name, 'NONE' AS match_option, 'NO ACTION' AS update_rule, 'NO ACTION' AS delete_rule
FROM qf_visible_constraint AS c
LEFT JOIN qf_constraint AS k ON k.kind IN ('p', 'u') AND k.schema_oid = c.schema_oid AND k.table_name = c.referenced_table AND k.names = c.referenced_names
WHERE c.kind = 'f';

CREATE VIEW information_schema.constraint_column_usage AS
SELECT catalog AS table_catalog, schema AS table_schema, CASE kind WHEN 'f' THEN referenced_table ELSE table_name END AS table_name,
    unnest(CASE kind WHEN 'f' THEN referenced_names ELSE names END) AS column_name, catalog AS constraint_catalog, schema AS constraint_schema, name AS constraint_name
FROM qf_visible_constraint;

CREATE VIEW information_schema.check_constraints AS
SELECT catalog AS constraint_catalog, schema AS constraint_schema, name AS constraint_name, expression AS check_clause FROM qf_visible_constraint WHERE kind = 'c'
UNION ALL
SELECT s.database_name, r.schema, CAST(r.schema_oid AS VARCHAR) || '_' || CAST(r.oid AS VARCHAR) || '_' || CAST(c.num AS VARCHAR) || '_not_null', c.name || ' IS NOT NULL'
FROM qf_column AS c JOIN qf_relation AS r ON r.oid = c.table_oid AND r.kind = 'r', qf_session AS s WHERE c.not_null;

CREATE VIEW information_schema.sequences AS
SELECT s.database_name AS sequence_catalog, n.name AS sequence_schema, q.sequence_name, 'bigint' AS data_type, 64 AS numeric_precision, 2 AS numeric_precision_radix,
    0 AS numeric_scale, CAST(q.start_value AS VARCHAR) AS start_value, CAST(q.min_value AS VARCHAR) AS minimum_value, CAST(q.max_value AS VARCHAR) AS maximum_value,
    CAST(q.increment_by AS VARCHAR) AS increment, CASE WHEN q.cycle THEN 'YES' ELSE 'NO' END AS cycle_option
FROM duckdb_sequences() AS q JOIN qf_schema AS n ON n.duck_oid = q.schema_oid, qf_session AS s;

-- Who is let in may do what the engine does.
CREATE VIEW information_schema.table_privileges AS
SELECT s.user_name AS grantor, s.user_name AS grantee, s.database_name AS table_catalog, r.schema AS table_schema, r.name AS table_name, p.name AS privilege_type,
    'YES' AS is_grantable, CASE p.name WHEN 'SELECT' THEN 'YES' ELSE 'NO' END AS with_hierarchy
FROM qf_relation AS r, (VALUES ('INSERT'), ('SELECT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) AS p(name), qf_session AS s
WHERE r.kind IN ('r', 'v');

CREATE VIEW information_schema.role_table_grants AS
SELECT grantor, grantee, table_catalog, table_schema, table_name, privilege_type, is_grantable, with_hierarchy FROM information_schema.table_privileges;

CREATE VIEW information_schema.column_privileges AS
SELECT s.user_name AS grantor, s.user_name AS grantee, s.database_name AS table_catalog, r.schema AS table_schema, r.name AS table_name, a.name AS column_name,
    p.name AS privilege_type, 'YES' AS is_grantable
FROM qf_relation AS r JOIN qf_attribute AS a ON a.relid = r.oid, (VALUES ('INSERT'), ('SELECT'), ('UPDATE'), ('REFERENCES')) AS p(name), qf_session AS s
WHERE r.kind IN ('r', 'v');

CREATE VIEW information_schema.applicable_roles AS SELECT user_name AS grantee, user_name AS role_name, 'NO' AS is_grantable FROM qf_session WHERE false;
CREATE VIEW information_schema.enabled_roles AS SELECT user_name AS role_name FROM qf_session;
CREATE VIEW information_schema.character_sets AS
SELECT 'UTF8' AS character_set_name, 'UCS' AS character_repertoire, 'UTF8' AS form_of_use, database_name AS default_collate_catalog, 'pg_catalog' AS default_collate_schema,
    'C' AS default_collate_name
FROM qf_session;
