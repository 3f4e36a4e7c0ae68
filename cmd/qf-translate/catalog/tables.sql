-- What the database holds: schemas, tables, views, sequences, indexes, columns, constraints. From duckdb_tables() and its like.
--
-- Numbers: what DuckDB numbers keeps that number (it counts through the whole process, from above 16384); what it does not has one of a
-- range of its own. DuckDB's schema main is called public, as in statements; temporary tables are in pg_temp_1.

CREATE VIEW qf_schema AS
SELECT CASE WHEN database_name = 'temp' THEN 13000 WHEN schema_name = 'main' THEN 2200 ELSE oid END AS oid, oid AS duck_oid,
    CASE WHEN database_name = 'temp' THEN 'pg_temp_1' WHEN schema_name = 'main' THEN 'public' ELSE schema_name END AS name
FROM duckdb_schemas()
WHERE (database_name = current_database() AND schema_name NOT IN ('pg_catalog', 'information_schema', 'public')) OR (database_name = 'temp' AND schema_name = 'main'
    AND (EXISTS (SELECT 1 FROM duckdb_tables() WHERE temporary) OR EXISTS (SELECT 1 FROM duckdb_views() WHERE temporary AND NOT internal)))
UNION ALL VALUES (11, NULL, 'pg_catalog'), (13207, NULL, 'information_schema'), (99, NULL, 'pg_toast');

-- Where an unqualified name is looked for: the search path of the session, and what is always in it.
CREATE VIEW qf_path AS
SELECT oid, name, CASE WHEN name = 'pg_catalog' THEN -1 WHEN name = 'pg_temp_1' THEN -2 ELSE 0 END AS pos
FROM qf_schema WHERE name IN ('pg_catalog', 'pg_temp_1') OR name = CASE current_schema() WHEN 'main' THEN 'public' ELSE current_schema() END;

CREATE VIEW qf_constraint AS
SELECT *, base || CASE WHEN nth > 1 THEN CAST(nth - 1 AS VARCHAR) ELSE '' END AS name
FROM (SELECT *, row_number() OVER (PARTITION BY schema_oid, base ORDER BY oid) AS nth FROM (
    SELECT 1000000000 + constraint_index AS oid, 1100000000 + constraint_index AS index_oid, schema_name, schema_oid, table_name, table_oid,
        CASE constraint_type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u' WHEN 'FOREIGN KEY' THEN 'f' ELSE 'c' END AS kind,
        table_name || CASE WHEN constraint_type = 'PRIMARY KEY' THEN '' WHEN constraint_type = 'CHECK' AND len(constraint_column_names) <> 1 THEN ''
            ELSE '_' || array_to_string(constraint_column_names, '_') END
            || CASE constraint_type WHEN 'PRIMARY KEY' THEN '_pkey' WHEN 'UNIQUE' THEN '_key' WHEN 'FOREIGN KEY' THEN '_fkey' ELSE '_check' END AS base,
        list_transform(constraint_column_indexes, lambda i: CAST(i + 1 AS SMALLINT)) AS columns, constraint_column_names AS names,
        referenced_table, referenced_column_names AS referenced_names, expression
    FROM duckdb_constraints() WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY', 'CHECK')));

-- Primary keys and UNIQUE constraints are kept by indexes that DuckDB does not list.
CREATE VIEW qf_index AS
SELECT index_oid AS oid, oid AS constraint_oid, name, schema_oid, table_oid, true AS is_unique, kind = 'p' AS is_primary, columns, names,
    CAST(NULL AS VARCHAR) AS comment
FROM qf_constraint WHERE kind IN ('p', 'u')
UNION ALL
SELECT i.index_oid, NULL, i.index_name, i.schema_oid, i.table_oid, i.is_unique, false,
    list_transform(i.exprs, lambda e: CAST(coalesce(list_position(c.names, e), 0) AS SMALLINT)), i.exprs, i.comment
FROM (SELECT *, list_transform(CAST(expressions AS VARCHAR[]), lambda e: CASE WHEN e[1] = '"' THEN replace(e[2:-2], '""', '"') ELSE e END) AS exprs
      FROM duckdb_indexes() WHERE database_name = current_database()) AS i
JOIN (SELECT table_oid, list(column_name ORDER BY column_index) AS names FROM duckdb_columns()
      WHERE database_name = current_database() GROUP BY table_oid) AS c ON c.table_oid = i.table_oid;

CREATE VIEW qf_relation AS
SELECT r.oid, r.name, n.oid AS schema_oid, n.name AS schema, r.kind, r.natts, r.comment, r.rows, r.checks, r.indexed, r.sql, r.temporary
FROM (
    SELECT table_oid AS oid, table_name AS name, schema_oid, 'r' AS kind, column_count AS natts, comment, estimated_size AS rows, check_constraint_count AS checks,
        index_count > 0 AS indexed, sql, temporary
    FROM duckdb_tables() WHERE database_name = current_database() OR temporary
    UNION ALL
    SELECT view_oid, view_name, schema_oid, 'v', column_count, comment, 0, 0, false, sql, temporary
    FROM duckdb_views() WHERE NOT internal AND (database_name = current_database() OR temporary)
    UNION ALL
    SELECT sequence_oid, sequence_name, schema_oid, 'S', 3, comment, 1, 0, false, sql, temporary
    FROM duckdb_sequences() WHERE database_name = current_database() OR temporary
    UNION ALL
    SELECT oid, name, schema_oid, 'i', len(columns), comment, 0, 0, false, NULL, false FROM qf_index
) AS r JOIN qf_schema AS n ON n.duck_oid = r.schema_oid
UNION ALL
SELECT oid, name, schema_oid, schema, kind, natts, NULL, 0, 0, false, NULL, false FROM qf_catalog;

CREATE VIEW qf_column AS
SELECT k.table_oid, k.num, k.name, @qf_default_text(k.dflt, t.shown) AS dflt, k.not_null, k.comment, k.data_type, k.type_oid, k.type_mod
FROM (
    SELECT c.table_oid, c.column_index AS num, c.column_name AS name, c.column_default AS dflt, NOT c.is_nullable AS not_null, c.comment, c.data_type,
        CASE WHEN e.oid IS NULL THEN coalesce(CASE WHEN c.data_type LIKE '%]' THEN coalesce(b.typarray, 114) END, b.oid, 114) WHEN c.data_type LIKE '%]' THEN e.array_oid ELSE e.oid END AS type_oid,
        CASE WHEN starts_with(c.data_type, 'DECIMAL(') AND (b.oid IS NOT NULL) THEN
            CAST(regexp_extract(c.data_type, '\((\d+),(\d+)\)', 1) AS INTEGER) * 65536 + CAST(regexp_extract(c.data_type, '\((\d+),(\d+)\)', 2) AS INTEGER) + 4
            ELSE -1 END AS type_mod
    FROM (SELECT *, regexp_replace(data_type, '\[\d*\]$', '') AS element FROM duckdb_columns() WHERE database_name IN (current_database(), 'temp') AND NOT internal) AS c
    LEFT JOIN qf_enum AS e ON e.sql = c.element
    LEFT JOIN qf_duck_type AS d ON d.name = regexp_replace(c.element, '^(DECIMAL|ENUM)\(.*\)$', '\1')
    LEFT JOIN qf_base_type AS b ON b.oid = d.oid
) AS k LEFT JOIN qf_type_name AS t ON t.oid = k.type_oid;

-- Foreign keys: who refers to whom.
CREATE VIEW qf_foreign AS
SELECT c.oid, c.table_oid, r.oid AS referenced_oid
FROM qf_constraint AS c JOIN qf_schema AS n ON n.duck_oid = c.schema_oid
JOIN qf_relation AS r ON r.schema_oid = n.oid AND r.name = c.referenced_table AND r.kind = 'r'
WHERE c.kind = 'f';

-- The types of the columns of a table, in their order.
CREATE VIEW qf_types_of AS
SELECT table_oid, list(type_oid ORDER BY num) AS types FROM qf_column GROUP BY table_oid;

-- DuckDB's types, and the types that values of them have in a result.
CREATE VIEW qf_duck_type AS
SELECT * FROM (VALUES ('BOOLEAN', 16), ('TINYINT', 21), ('SMALLINT', 21), ('INTEGER', 23), ('BIGINT', 20), ('UTINYINT', 21), ('USMALLINT', 23),
    ('UINTEGER', 20), ('UBIGINT', 1700), ('HUGEINT', 1700), ('UHUGEINT', 1700), ('BIGNUM', 1700), ('DECIMAL', 1700), ('FLOAT', 700), ('DOUBLE', 701),
    ('VARCHAR', 25), ('ENUM', 25), ('JSON', 114), ('BLOB', 17), ('GEOMETRY', 17), ('BIT', 1562), ('UUID', 2950), ('DATE', 1082), ('TIME', 1083),
    ('TIME_NS', 25), ('TIME WITH TIME ZONE', 1266), ('TIMESTAMP', 1114), ('TIMESTAMP_S', 1114), ('TIMESTAMP_MS', 1114), ('TIMESTAMP_NS', 25),
    ('TIMESTAMP WITH TIME ZONE', 1184), ('INTERVAL', 1186)) AS t(name, oid);

-- The columns of everything that has some.
CREATE VIEW qf_attribute AS
SELECT table_oid AS relid, num, name, type_oid, type_mod, not_null, dflt, comment FROM qf_column
UNION ALL
SELECT i.oid, i.pos, coalesce(c.name, 'expr'), coalesce(c.type_oid, 25), coalesce(c.type_mod, -1), false, NULL, NULL
FROM (SELECT oid, table_oid, unnest(columns) AS num, unnest(range(1, len(columns) + 1)) AS pos FROM qf_index) AS i
LEFT JOIN qf_column AS c ON c.table_oid = i.table_oid AND c.num = i.num
UNION ALL
SELECT relid, num, name, type_oid, -1, not_null, NULL, NULL FROM qf_catalog_column;
