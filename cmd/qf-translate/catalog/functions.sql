-- Functions of pg_catalog, written out where they are called: a name of PostgreSQL's, its parameters, its type, what it is in DuckDB.
-- @name(…) is another one of them; {p} is a parameter.

-- The words are those that PostgreSQL does not take for a name by themselves.
CREATE MACRO quote_ident(n) AS text: CASE WHEN regexp_full_match({n}, '[a-z_][a-z0-9_$]*') AND NOT contains('
 all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char character check 
 coalesce collate collation column concurrently constraint create cross current_catalog current_date current_role current_schema current_time 
 current_timestamp current_user dec decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign 
 freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join 
 lateral leading least left like limit localtime localtimestamp national natural nchar none normalize not notnull null nullif numeric offset 
 on only or order out outer overlaps overlay placing position precision primary real references returning right row select session_user setof 
 similar smallint some substring symmetric table tablesample then time timestamp to trailing treat trim true union unique user using values 
 varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot 
 xmlserialize xmltable ', ' ' || {n} || ' ') THEN {n}
    ELSE '"' || replace({n}, '"', '""') || '"' END;
CREATE MACRO quote_literal(v) AS text: '''' || replace(CAST({v} AS VARCHAR), '''', '''''') || '''';
CREATE MACRO qf_view_text(s) AS text: ' ' || regexp_replace({s}, '^CREATE (TEMP )?VIEW (("([^"]|"")*"|[^". (]+)\.)*("([^"]|"")*"|[^". (]+) ?(\(("([^"]|"")*"|[^")])*\) )?AS ', '');

CREATE MACRO version() AS text: (SELECT 'PostgreSQL 15.0 (QueryFlux) on DuckDB ' || library_version FROM pragma_version());
CREATE MACRO current_database() AS name: (SELECT database_name FROM qf_session);
CREATE MACRO current_catalog() AS name: (SELECT database_name FROM qf_session);
CREATE MACRO current_user() AS name: (SELECT user_name FROM qf_session);
CREATE MACRO session_user() AS name: (SELECT user_name FROM qf_session);
CREATE MACRO user() AS name: (SELECT user_name FROM qf_session);
CREATE MACRO current_role() AS name: (SELECT user_name FROM qf_session);
CREATE MACRO getpgusername() AS name: (SELECT user_name FROM qf_session);
CREATE MACRO current_schema() AS name: CASE current_schema() WHEN 'main' THEN 'public' ELSE current_schema() END;
CREATE MACRO current_schemas(all_of) AS _name: CASE WHEN {all_of} THEN ['pg_catalog', @current_schema()] ELSE [@current_schema()] END;
CREATE MACRO current_setting(n, missing_ok := false) AS text: coalesce((SELECT setting FROM pg_settings WHERE lower(name) = lower({n})),
    CASE WHEN {missing_ok} OR {n} IS NULL THEN CAST(NULL AS VARCHAR) ELSE error('the setting "' || {n} || '" is not known to the engine of this group; SHOW tells those of the session') END);
CREATE MACRO pg_backend_pid() AS int4: 0;
CREATE MACRO pg_my_temp_schema() AS oid: 13000;
CREATE MACRO pg_is_other_temp_schema(n) AS bool: false;
CREATE MACRO pg_is_in_recovery() AS bool: false;
CREATE MACRO pg_postmaster_start_time() AS timestamptz: now();
CREATE MACRO pg_jit_available() AS bool: false;
CREATE MACRO inet_server_addr() AS text: CAST(NULL AS VARCHAR);
CREATE MACRO inet_server_port() AS int4: CAST(NULL AS INTEGER);
CREATE MACRO inet_client_addr() AS text: CAST(NULL AS VARCHAR);
CREATE MACRO inet_client_port() AS int4: CAST(NULL AS INTEGER);
CREATE MACRO pg_encoding_to_char(e) AS name: CASE {e} WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' WHEN 8 THEN 'LATIN1' ELSE '' END;
CREATE MACRO pg_char_to_encoding(n) AS int4: CASE WHEN upper({n}) IN ('UTF8', 'UTF-8', 'UNICODE') THEN 6 ELSE -1 END;
CREATE MACRO getdatabaseencoding() AS name: 'UTF8';
CREATE MACRO pg_client_encoding() AS name: 'UTF8';

CREATE MACRO pg_get_userbyid(r) AS name: CASE WHEN {r} = 10 THEN (SELECT user_name FROM qf_session) ELSE 'unknown (OID=' || CAST({r} AS VARCHAR) || ')' END;
CREATE MACRO pg_table_is_visible(r) AS bool: (SELECT max(qf_o.pos IS NOT NULL) FROM qf_relation AS qf_r LEFT JOIN qf_path AS qf_o ON qf_o.oid = qf_r.schema_oid WHERE qf_r.oid = {r});
CREATE MACRO pg_type_is_visible(t) AS bool: (SELECT max(qf_o.pos IS NOT NULL) FROM pg_type AS qf_t LEFT JOIN qf_path AS qf_o ON qf_o.oid = qf_t.typnamespace WHERE qf_t.oid = {t});
CREATE MACRO pg_function_is_visible(f) AS bool: (SELECT max(qf_o.pos IS NOT NULL) FROM pg_proc AS qf_f LEFT JOIN qf_path AS qf_o ON qf_o.oid = qf_f.pronamespace WHERE qf_f.oid = {f});
CREATE MACRO pg_collation_is_visible(c) AS bool: true;
CREATE MACRO pg_operator_is_visible(o) AS bool: true;
CREATE MACRO pg_opclass_is_visible(o) AS bool: true;
CREATE MACRO pg_opfamily_is_visible(o) AS bool: true;
CREATE MACRO pg_conversion_is_visible(c) AS bool: true;
CREATE MACRO pg_statistics_obj_is_visible(s) AS bool: true;
CREATE MACRO pg_ts_config_is_visible(t) AS bool: true;
CREATE MACRO pg_ts_dict_is_visible(t) AS bool: true;
CREATE MACRO pg_ts_parser_is_visible(t) AS bool: true;
CREATE MACRO pg_ts_template_is_visible(t) AS bool: true;
CREATE MACRO pg_relation_is_publishable(r) AS bool: false;
CREATE MACRO pg_relation_is_updatable(r, t := false) AS int4: (SELECT CASE kind WHEN 'r' THEN 28 ELSE 0 END FROM qf_relation WHERE oid = {r});
CREATE MACRO pg_column_is_updatable(r, c, t := false) AS bool: (SELECT kind = 'r' FROM qf_relation WHERE oid = {r});

CREATE MACRO qf_type_name(t) AS text: (SELECT any_value(shown) FROM qf_type_name WHERE oid = {t});
CREATE MACRO format_type(t, m := NULL) AS text: CASE WHEN {t} IS NULL THEN NULL WHEN {t} = 0 THEN '-' WHEN {t} = 1700 AND {m} > 0 THEN
    'numeric(' || CAST(({m} - 4) // 65536 AS VARCHAR) || ',' || CAST(({m} - 4) % 65536 AS VARCHAR) || ')'
    WHEN {t} = 1231 AND {m} > 0 THEN 'numeric(' || CAST(({m} - 4) // 65536 AS VARCHAR) || ',' || CAST(({m} - 4) % 65536 AS VARCHAR) || ')[]'
    ELSE coalesce(@qf_type_name({t}), '???') END;
-- A default as PostgreSQL writes it, from DuckDB's text and the name of the column's type.
CREATE MACRO qf_default_text(d, ty) AS text: CASE WHEN {d} = 'NULL' THEN NULL WHEN {d} = 'CAST(''t'' AS BOOLEAN)' THEN 'true' WHEN {d} = 'CAST(''f'' AS BOOLEAN)' THEN 'false'
    WHEN {d} IN ('current_date', 'current_time', 'current_timestamp', 'localtime', 'localtimestamp', 'current_user') THEN upper({d})
    WHEN regexp_full_match({d}, 'nextval\(''([^'']|'''')*''\)') THEN {d}[:-2] || '::regclass)'
    WHEN regexp_full_match({d}, '-\d+') THEN '''' || {d} || '''::integer' WHEN regexp_full_match({d}, '-\d+\.\d+') THEN '''' || {d} || '''::numeric'
    WHEN regexp_full_match({d}, '''([^'']|'''')*''') THEN {d} || '::' || {ty}
    WHEN regexp_full_match({d}, 'CAST\(''([^'']|'''')*'' AS "?[A-Z]+"?\)') THEN regexp_extract({d}, '''([^'']|'''')*''') || '::' || {ty} ELSE {d} END;
-- Operators and operator classes of the btree over a type.
CREATE MACRO qf_equal_of(t) AS oid: CASE {t} WHEN 23 THEN 96 WHEN 21 THEN 94 WHEN 1082 THEN 1093 WHEN 701 THEN 670 WHEN 20 THEN 410 WHEN 1700 THEN 1752 WHEN 25 THEN 98
    WHEN 1184 THEN 1320 WHEN 1114 THEN 2060 WHEN 16 THEN 91 WHEN 17 THEN 1955 WHEN 700 THEN 620 WHEN 1186 THEN 1330 WHEN 1083 THEN 1108 WHEN 1266 THEN 1550 WHEN 2950 THEN 2972
    ELSE 3516 END;
CREATE MACRO qf_opclass_of(t) AS oid: CASE {t} WHEN 23 THEN 1978 WHEN 21 THEN 1979 WHEN 1082 THEN 3122 WHEN 701 THEN 3123 WHEN 20 THEN 3124 WHEN 1700 THEN 3125
    WHEN 25 THEN 3126 WHEN 1184 THEN 3127 WHEN 1114 THEN 3128 WHEN 16 THEN 10003 WHEN 17 THEN 10006 WHEN 700 THEN 10012 WHEN 1186 THEN 10022 WHEN 1083 THEN 10038
    WHEN 1266 THEN 10041 WHEN 2950 THEN 10065 ELSE 10069 END;
CREATE MACRO pg_get_expr(e, r, pretty := false) AS text: {e};
CREATE MACRO pg_get_viewdef(v, pretty := false) AS text: (SELECT @qf_view_text(sql) FROM qf_relation WHERE oid = {v} AND kind = 'v');
CREATE MACRO pg_get_constraintdef(c, pretty := false) AS text: (SELECT any_value(CASE WHEN {pretty} AND starts_with(def, 'CHECK ((') THEN 'CHECK ' || def[8:-2] ELSE def END)
    FROM qf_constraint_text WHERE oid = {c});
CREATE MACRO pg_get_indexdef(i, c := 0, pretty := false) AS text: (SELECT any_value(CASE WHEN {c} > 0 THEN shown[{c}] WHEN {pretty} THEN short ELSE def END)
    FROM qf_index_text WHERE oid = {i});
CREATE MACRO pg_get_serial_sequence(t, c) AS text: (SELECT any_value(CASE WHEN position('.' IN qf_d.seq) > 0 THEN qf_d.seq ELSE 'public.' || qf_d.seq END) FROM
    (SELECT table_oid, name, regexp_extract(dflt, '^nextval\(''(.*)''::regclass\)$', 1) AS seq FROM qf_column WHERE starts_with(dflt, 'nextval(')) AS qf_d
    WHERE qf_d.name = {c} AND qf_d.table_oid = @regclass({t}));
CREATE MACRO pg_get_function_result(f) AS text: (SELECT CASE prorettype WHEN 2249 THEN 'SETOF record' ELSE @qf_type_name(prorettype) END FROM pg_proc WHERE oid = {f});
CREATE MACRO pg_get_function_arguments(f) AS text: (SELECT coalesce(array_to_string(proargnames, ', '), '') FROM pg_proc WHERE oid = {f});
CREATE MACRO pg_get_function_identity_arguments(f) AS text: (SELECT array_to_string(proargnames, ', ') FROM pg_proc WHERE oid = {f});
CREATE MACRO pg_get_functiondef(f) AS text: (SELECT 'CREATE MACRO ' || @quote_ident(proname) || '(' || array_to_string(proargnames, ', ') || ') AS ' || prosrc FROM pg_proc WHERE oid = {f});
CREATE MACRO pg_get_function_sqlbody(f) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO pg_get_function_arg_default(f, n) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO pg_get_triggerdef(t, pretty := false) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO pg_get_ruledef(r, pretty := false) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO pg_get_partkeydef(r) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO pg_get_partition_constraintdef(r) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO pg_get_statisticsobjdef(s) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO pg_get_statisticsobjdef_columns(s) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO pg_get_replica_identity_index(r) AS oid: CAST(NULL AS BIGINT);
CREATE MACRO pg_tablespace_location(t) AS text: '';
CREATE MACRO pg_index_column_has_property(i, c, p) AS bool: CASE lower({p}) WHEN 'asc' THEN true WHEN 'orderable' THEN true WHEN 'nulls_last' THEN true ELSE false END;
CREATE MACRO pg_sequence_last_value(s) AS int8: (SELECT last_value FROM duckdb_sequences() WHERE sequence_oid = {s});

CREATE MACRO obj_description(o, c := 'pg_class') AS text: (SELECT any_value(description) FROM pg_description WHERE objoid = {o} AND objsubid = 0
    AND classoid = CASE {c} WHEN 'pg_namespace' THEN 2615 WHEN 'pg_type' THEN 1247 WHEN 'pg_class' THEN 1259 ELSE 0 END);
CREATE MACRO shobj_description(o, c) AS text: CAST(NULL AS VARCHAR);
CREATE MACRO col_description(r, c) AS text: (SELECT any_value(comment) FROM qf_column WHERE table_oid = {r} AND num = {c});

CREATE MACRO has_table_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_any_column_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_column_privilege(a, b, c, d := NULL) AS bool: true;
CREATE MACRO has_schema_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_database_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_function_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_sequence_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_type_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_language_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_tablespace_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_server_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO has_foreign_data_wrapper_privilege(a, b, c := NULL) AS bool: true;
CREATE MACRO pg_has_role(a, b, c := NULL) AS bool: true;
CREATE MACRO parse_ident(s, strict := true) AS _text: CASE WHEN @qf_schema_of({s}) = '' THEN [@qf_name_of({s})] ELSE [@qf_schema_of({s}), @qf_name_of({s})] END;
CREATE MACRO row_security_active(t) AS bool: false;

CREATE MACRO pg_size_pretty(n) AS text: CASE WHEN abs({n}) < 10240 THEN CAST({n} AS VARCHAR) || ' bytes' WHEN abs({n}) < 10485760 THEN CAST(({n} + 512) // 1024 AS VARCHAR) || ' kB'
    WHEN abs({n}) < 10737418240 THEN CAST(({n} + 524288) // 1048576 AS VARCHAR) || ' MB' ELSE CAST(({n} + 536870912) // 1073741824 AS VARCHAR) || ' GB' END;
CREATE MACRO pg_database_size(d) AS int8: CAST((SELECT block_size * used_blocks FROM pragma_database_size() WHERE database_name = current_database()) AS BIGINT);
CREATE MACRO pg_relation_size(r, f := 'main') AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_table_size(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_indexes_size(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_total_relation_size(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_relation_filenode(r) AS oid: {r};
CREATE MACRO pg_advisory_unlock_all() AS void: '';
CREATE MACRO pg_stat_get_numscans(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_tuples_returned(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_tuples_fetched(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_tuples_inserted(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_tuples_updated(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_tuples_deleted(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_dead_tuples(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_blocks_fetched(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_blocks_hit(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_vacuum_count(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_analyze_count(r) AS int8: CAST(0 AS BIGINT);
CREATE MACRO pg_stat_get_live_tuples(r) AS int8: (SELECT rows FROM qf_relation WHERE oid = {r});

-- Names and numbers: what a cast to regclass and its like finds, and what a number of such a type shows.
CREATE MACRO qf_name_of(s) AS text: CASE WHEN right({s}, 1) = '"' THEN replace(regexp_extract({s}, '"((?:[^"]|"")*)"$', 1), '""', '"') ELSE lower(regexp_extract({s}, '[^.]*$')) END;
CREATE MACRO qf_schema_of(s) AS text: CASE WHEN {s}[1] = '"' THEN replace(regexp_extract({s}, '^"((?:[^"]|"")*)"\.', 1), '""', '"') ELSE lower(regexp_extract({s}, '^([^."]+)\.', 1)) END;
CREATE MACRO to_regclass(s) AS regclass: (SELECT arg_min(oid, pos) FROM qf_regclass WHERE form = CASE WHEN contains({s}, '"') THEN {s} ELSE lower({s}) END);
CREATE MACRO regclass(s) AS regclass: coalesce(TRY_CAST({s} AS BIGINT), @to_regclass({s}), CASE WHEN {s} = '-' THEN 0 WHEN {s} IS NOT NULL THEN
    error('Catalog Error: Table with name ' || {s} || ' does not exist!') END);
CREATE MACRO qf_regclass_text(o) AS text: CASE WHEN {o} IS NOT NULL THEN coalesce((SELECT any_value(form) FROM qf_regclass WHERE best AND oid = {o}), CAST(nullif({o}, 0) AS VARCHAR), '-') END;
CREATE MACRO to_regtype(s) AS regtype: (SELECT any_value(oid) FROM qf_type_name WHERE lower({s}) IN (shown, name, 'pg_catalog.' || name, schema || '.' || name));
CREATE MACRO regtype(s) AS regtype: coalesce(TRY_CAST({s} AS BIGINT), @to_regtype({s}), CASE WHEN {s} = '-' THEN 0 WHEN {s} IS NOT NULL THEN
    error('Catalog Error: Type with name ' || {s} || ' does not exist!') END);
CREATE MACRO qf_regtype_text(o) AS text: CASE WHEN {o} = 0 THEN '-' ELSE coalesce(@qf_type_name({o}), CAST({o} AS VARCHAR)) END;
CREATE MACRO to_regnamespace(s) AS regnamespace: (SELECT any_value(oid) FROM qf_schema_text WHERE {s} IN (shown, name));
CREATE MACRO regnamespace(s) AS regnamespace: coalesce(TRY_CAST({s} AS BIGINT), @to_regnamespace({s}), CASE WHEN {s} = '-' THEN 0 WHEN {s} IS NOT NULL THEN
    error('Catalog Error: Schema with name ' || {s} || ' does not exist!') END);
CREATE MACRO qf_regnamespace_text(o) AS text: coalesce((SELECT any_value(shown) FROM qf_schema_text WHERE oid = {o}), CAST({o} AS VARCHAR));
CREATE MACRO to_regproc(s) AS regproc: (SELECT any_value(oid) FROM pg_proc WHERE {s} IN (proname, 'pg_catalog.' || proname));
CREATE MACRO regproc(s) AS regproc: coalesce(TRY_CAST({s} AS BIGINT), @to_regproc({s}), CASE WHEN {s} = '-' THEN 0 WHEN {s} IS NOT NULL THEN
    error('Catalog Error: Function with name ' || {s} || ' does not exist!') END);
CREATE MACRO qf_regproc_text(o) AS text: CASE WHEN {o} = 0 THEN '-' ELSE coalesce((SELECT any_value(proname) FROM pg_proc WHERE oid = {o}), CAST({o} AS VARCHAR)) END;
CREATE MACRO regrole(s) AS regrole: CASE WHEN {s} = (SELECT user_name FROM qf_session) THEN 10 ELSE TRY_CAST({s} AS BIGINT) END;
CREATE MACRO qf_regrole_text(o) AS text: CASE WHEN {o} = 10 THEN (SELECT @quote_ident(user_name) FROM qf_session) ELSE CAST({o} AS VARCHAR) END;
