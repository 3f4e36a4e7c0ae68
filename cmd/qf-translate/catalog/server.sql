-- pg_catalog: the server, its users, functions and what a database always has.

CREATE VIEW qf_session AS
SELECT coalesce(CAST(getvariable('qf_user') AS VARCHAR), current_user) AS user_name,
    coalesce(CAST(getvariable('qf_database') AS VARCHAR), current_database()) AS database_name;

CREATE VIEW pg_database AS
SELECT 5 AS oid, database_name AS datname, 10 AS datdba, 6 AS encoding, 'c' AS datlocprovider, true AS datallowconn, -1 AS datconnlimit,
    1663 AS dattablespace, 'C' AS datcollate, 'C' AS datctype
FROM qf_session;

CREATE VIEW pg_roles AS
SELECT user_name AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole, false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication,
    -1 AS rolconnlimit, '********' AS rolpassword, false AS rolbypassrls, 10 AS oid
FROM qf_session;

CREATE VIEW pg_authid AS
SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit FROM pg_roles;

CREATE VIEW pg_user AS
SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper, rolreplication AS userepl, rolbypassrls AS usebypassrls,
    rolpassword AS passwd
FROM pg_roles;

CREATE VIEW pg_tablespace AS
SELECT oid, spcname, 10 AS spcowner FROM (VALUES (1663, 'pg_default'), (1664, 'pg_global')) AS t(oid, spcname);

-- DuckDB's ART index finds and sorts as PostgreSQL's btree does, and is asked for by that name.
CREATE VIEW pg_am AS
SELECT oid, amname, amhandler, amtype FROM (VALUES (2, 'heap', 3, 't'), (403, 'btree', 330, 'i')) AS t(oid, amname, amhandler, amtype);

CREATE VIEW pg_opclass AS
SELECT oid, 403 AS opcmethod, name AS opcname, 11 AS opcnamespace, 10 AS opcowner, family AS opcfamily, ty AS opcintype, true AS opcdefault
FROM (VALUES (1978, 'int4_ops', 23, 1976), (1979, 'int2_ops', 21, 1976), (3122, 'date_ops', 1082, 434), (3123, 'float8_ops', 701, 1970),
    (3124, 'int8_ops', 20, 1976), (3125, 'numeric_ops', 1700, 1988), (3126, 'text_ops', 25, 1994), (3127, 'timestamptz_ops', 1184, 434),
    (3128, 'timestamp_ops', 1114, 434), (10003, 'bool_ops', 16, 424), (10006, 'bytea_ops', 17, 428), (10012, 'float4_ops', 700, 1970),
    (10022, 'interval_ops', 1186, 1982), (10038, 'time_ops', 1083, 1996), (10041, 'timetz_ops', 1266, 2000), (10065, 'uuid_ops', 2950, 2968),
    (10069, 'enum_ops', 3500, 3522)) AS t(oid, name, ty, family);

CREATE VIEW pg_collation AS
SELECT oid, name AS collname, 11 AS collnamespace, 10 AS collowner, provider AS collprovider, true AS collisdeterministic, -1 AS collencoding,
    lc AS collcollate, lc AS collctype
FROM (VALUES (100, 'default', 'd', NULL), (950, 'C', 'c', 'C'), (951, 'POSIX', 'c', 'POSIX')) AS t(oid, name, provider, lc);

CREATE VIEW pg_language AS
SELECT oid, name AS lanname, 10 AS lanowner, trusted AS lanpltrusted
FROM (VALUES (12, 'internal', false), (13, 'c', false), (14, 'sql', true)) AS t(oid, name, trusted);

-- What a client may ask for by name is what the functions of types are called, and the macros of the database.
CREATE VIEW qf_proc AS
SELECT CAST(r[1] AS BIGINT) AS oid, r[2] AS proname, CAST(r[3] AS BIGINT) AS prorettype, CAST(string_split(r[4], ',') AS BIGINT[]) AS argtypes
FROM (SELECT string_split(unnest(string_split_regex('
    31|byteaout|2275|17 33|charout|2275|18 34|namein|19|2275 35|nameout|2275|19 38|int2in|21|2275 39|int2out|2275|21 40|int2vectorin|22|2275
    41|int2vectorout|2275|22 42|int4in|23|2275 43|int4out|2275|23 44|regprocin|24|2275 45|regprocout|2275|24 46|textin|25|2275
    47|textout|2275|25 48|tidin|27|2275 49|tidout|2275|27 50|xidin|28|2275 51|xidout|2275|28 52|cidin|29|2275 53|cidout|2275|29
    54|oidvectorin|30|2275 55|oidvectorout|2275|30 109|unknownin|705|2275 110|unknownout|2275|705 195|pg_node_tree_in|194|2275
    196|pg_node_tree_out|2275|194 197|pg_node_tree_recv|194|2281 198|pg_node_tree_send|17|194 200|float4in|700|2275 201|float4out|2275|700
    214|float8in|701|2275 215|float8out|2275|701 321|json_in|114|2275 322|json_out|2275|114 323|json_recv|114|2281 324|json_send|17|114
    460|int8in|20|2275 461|int8out|2275|20 750|array_in|2277|2275,26,23 751|array_out|2275|2277 1031|aclitemin|1033|2275
    1032|aclitemout|2275|1033 1044|bpcharin|1042|2275,26,23 1045|bpcharout|2275|1042 1046|varcharin|1043|2275,26,23 1047|varcharout|2275|1043
    1084|date_in|1082|2275 1085|date_out|2275|1082 1143|time_in|1083|2275,26,23 1144|time_out|2275|1083 1150|timestamptz_in|1184|2275,26,23
    1151|timestamptz_out|2275|1184 1160|interval_in|1186|2275,26,23 1161|interval_out|2275|1186 1242|boolin|16|2275 1243|boolout|2275|16
    1244|byteain|17|2275 1245|charin|18|2275 1312|timestamp_in|1114|2275,26,23 1313|timestamp_out|2275|1114 1350|timetz_in|1266|2275,26,23
    1351|timetz_out|2275|1266 1564|bit_in|1560|2275,26,23 1565|bit_out|2275|1560 1579|varbit_in|1562|2275,26,23 1580|varbit_out|2275|1562
    1701|numeric_in|1700|2275,26,23 1702|numeric_out|2275|1700 1798|oidin|26|2275 1799|oidout|2275|26 2212|regprocedurein|2202|2275
    2213|regprocedureout|2275|2202 2218|regclassin|2205|2275 2219|regclassout|2275|2205 2220|regtypein|2206|2275 2221|regtypeout|2275|2206
    2290|record_in|2249|2275,26,23 2291|record_out|2275|2249 2292|cstring_in|2275|2275 2293|cstring_out|2275|2275 2294|any_in|2276|2275
    2295|any_out|2275|2276 2296|anyarray_in|2277|2275 2297|anyarray_out|2275|2277 2298|void_in|2278|2275 2299|void_out|2275|2278
    2300|trigger_in|2279|2275 2301|trigger_out|2275|2279 2312|anyelement_in|2283|2275 2313|anyelement_out|2275|2283
    2400|array_recv|2277|2281,26,23 2401|array_send|17|2277 2402|record_recv|2249|2281,26,23 2403|record_send|17|2249 2404|int2recv|21|2281
    2405|int2send|17|21 2406|int4recv|23|2281 2407|int4send|17|23 2408|int8recv|20|2281 2409|int8send|17|20 2410|int2vectorrecv|22|2281
    2411|int2vectorsend|17|22 2412|bytearecv|17|2281 2413|byteasend|17|17 2414|textrecv|25|2281 2415|textsend|17|25 2416|unknownrecv|705|2281
    2417|unknownsend|17|705 2418|oidrecv|26|2281 2419|oidsend|17|26 2420|oidvectorrecv|30|2281 2421|oidvectorsend|17|30 2422|namerecv|19|2281
    2423|namesend|17|19 2424|float4recv|700|2281 2425|float4send|17|700 2426|float8recv|701|2281 2427|float8send|17|701
    2430|bpcharrecv|1042|2281,26,23 2431|bpcharsend|17|1042 2432|varcharrecv|1043|2281,26,23 2433|varcharsend|17|1043 2434|charrecv|18|2281
    2435|charsend|17|18 2436|boolrecv|16|2281 2437|boolsend|17|16 2438|tidrecv|27|2281 2439|tidsend|17|27 2440|xidrecv|28|2281
    2441|xidsend|17|28 2442|cidrecv|29|2281 2443|cidsend|17|29 2444|regprocrecv|24|2281 2445|regprocsend|17|24 2446|regprocedurerecv|2202|2281
    2447|regproceduresend|17|2202 2452|regclassrecv|2205|2281 2453|regclasssend|17|2205 2454|regtyperecv|2206|2281 2455|regtypesend|17|2206
    2456|bit_recv|1560|2281,26,23 2457|bit_send|17|1560 2458|varbit_recv|1562|2281,26,23 2459|varbit_send|17|1562
    2460|numeric_recv|1700|2281,26,23 2461|numeric_send|17|1700 2468|date_recv|1082|2281 2469|date_send|17|1082 2470|time_recv|1083|2281,26,23
    2471|time_send|17|1083 2472|timetz_recv|1266|2281,26,23 2473|timetz_send|17|1266 2474|timestamp_recv|1114|2281,26,23
    2475|timestamp_send|17|1114 2476|timestamptz_recv|1184|2281,26,23 2477|timestamptz_send|17|1184 2478|interval_recv|1186|2281,26,23
    2479|interval_send|17|1186 2500|cstring_recv|2275|2281 2501|cstring_send|17|2275 2502|anyarray_recv|2277|2281 2503|anyarray_send|17|2277
    2777|anynonarray_in|2776|2275 2778|anynonarray_out|2275|2776 2902|varbittypmodin|23|1263 2903|intervaltypmodin|23|1263
    2904|intervaltypmodout|2275|23 2905|timestamptypmodin|23|1263 2906|timestamptypmodout|2275|23 2907|timestamptztypmodin|23|1263
    2908|timestamptztypmodout|2275|23 2909|timetypmodin|23|1263 2910|timetypmodout|2275|23 2911|timetztypmodin|23|1263
    2912|timetztypmodout|2275|23 2913|bpchartypmodin|23|1263 2914|bpchartypmodout|2275|23 2915|varchartypmodin|23|1263
    2916|varchartypmodout|2275|23 2917|numerictypmodin|23|1263 2918|numerictypmodout|2275|23 2919|bittypmodin|23|1263 2920|bittypmodout|2275|23
    2921|varbittypmodout|2275|23 2952|uuid_in|2950|2275 2953|uuid_out|2275|2950 2961|uuid_recv|2950|2281 2962|uuid_send|17|2950
    3120|void_recv|2278|2281 3121|void_send|17|2278 3504|anyenum_in|3500|2275 3505|anyenum_out|2275|3500 3803|jsonb_send|17|3802
    3804|jsonb_out|2275|3802 3805|jsonb_recv|3802|2281 3806|jsonb_in|3802|2275 4084|regnamespacein|4089|2275 4085|regnamespaceout|2275|4089
    4087|regnamespacerecv|4089|2281 4088|regnamespacesend|17|4089 4092|regroleout|2275|4096 4094|regrolerecv|4096|2281 4095|regrolesend|17|4096
    4098|regrolein|4096|2275 6098|jsonb_subscript_handler|2281|2281 6179|array_subscript_handler|2281|2281
    6180|raw_array_subscript_handler|2281|2281', '\s+')[2:]), '|') AS r);

CREATE VIEW pg_proc AS
SELECT oid, proname, 11 AS pronamespace, 10 AS proowner, 12 AS prolang, 1 AS procost, 'f' AS prokind, true AS proisstrict, 'i' AS provolatile,
    's' AS proparallel, len(argtypes) AS pronargs, prorettype, argtypes AS proargtypes, proname AS prosrc
FROM qf_proc
UNION ALL BY NAME
SELECT f.oid, f.function_name AS proname, n.oid AS pronamespace, 10 AS proowner, 14 AS prolang, 100 AS procost,
    CASE f.function_type WHEN 'table_macro' THEN 1000 ELSE 0 END AS prorows, 'f' AS prokind, f.function_type = 'table_macro' AS proretset, 'v' AS provolatile,
    'u' AS proparallel, len(f.parameters) AS pronargs, CASE f.function_type WHEN 'table_macro' THEN 2249 ELSE 2276 END AS prorettype,
    list_transform(f.parameters, lambda p: 2276) AS proargtypes, f.parameters AS proargnames, f.macro_definition AS prosrc
FROM (SELECT *, 1500000000 + function_oid AS oid FROM duckdb_functions()
      WHERE database_name = current_database() AND function_type IN ('macro', 'table_macro') AND NOT internal) AS f
JOIN (SELECT name, oid, CASE name WHEN 'public' THEN 'main' ELSE name END AS duck_name FROM qf_schema WHERE duck_oid IS NOT NULL) AS n
    ON n.duck_name = f.schema_name;

CREATE VIEW pg_settings AS
SELECT name, setting, 'Preset Options' AS category, '' AS short_desc, 'internal' AS context, type AS vartype, 'default' AS source, setting AS boot_val,
    setting AS reset_val, false AS pending_restart
FROM (VALUES ('server_version', '15.0', 'string'), ('server_version_num', '150000', 'integer'), ('server_encoding', 'UTF8', 'string'),
    ('client_encoding', 'UTF8', 'string'), ('max_identifier_length', '63', 'integer'), ('max_index_keys', '32', 'integer'), ('block_size', '262144', 'integer'),
    ('integer_datetimes', 'on', 'bool'), ('standard_conforming_strings', 'on', 'bool'), ('lc_collate', 'C', 'string'), ('lc_ctype', 'C', 'string'),
    ('DateStyle', 'ISO, MDY', 'string'), ('IntervalStyle', 'postgres', 'enum'), ('default_transaction_isolation', 'repeatable read', 'enum'),
    ('jit', 'off', 'bool')) AS t(name, setting, type);

CREATE VIEW pg_stat_activity AS
SELECT 5 AS datid, s.database_name AS datname, 0 AS pid, 10 AS usesysid, s.user_name AS usename, '' AS application_name, 'active' AS state,
    'client backend' AS backend_type
FROM qf_session AS s;

CREATE VIEW pg_stat_user_tables AS
SELECT oid AS relid, schema AS schemaname, name AS relname, rows AS n_live_tup FROM qf_relation WHERE kind = 'r' AND schema_oid > 13207 OR kind = 'r' AND schema_oid = 2200;

CREATE VIEW pg_stat_all_tables AS SELECT relid, schemaname, relname, n_live_tup FROM pg_stat_user_tables;
CREATE VIEW pg_statio_user_tables AS SELECT relid, schemaname, relname FROM pg_stat_user_tables;
CREATE VIEW pg_statio_all_tables AS SELECT relid, schemaname, relname FROM pg_stat_user_tables;
