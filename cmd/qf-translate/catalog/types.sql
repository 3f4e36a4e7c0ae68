-- The types that a client of this catalog may meet: PostgreSQL's own, by their own numbers.

CREATE VIEW qf_base_type AS
SELECT CAST(r[1] AS BIGINT) AS oid, r[2] AS typname, CAST(r[3] AS BIGINT) AS typlen, r[4] AS typtype, r[5] AS typcategory, CAST(r[6] AS BIGINT) AS
    typispreferred, CAST(r[7] AS BIGINT) AS typelem, CAST(r[8] AS BIGINT) AS typarray, CAST(r[9] AS BIGINT) AS typinput, CAST(r[10] AS BIGINT) AS
    typoutput, CAST(r[11] AS BIGINT) AS typreceive, CAST(r[12] AS BIGINT) AS typsend, CAST(r[13] AS BIGINT) AS typmodin, CAST(r[14] AS BIGINT) AS
    typmodout, r[15] AS typalign, r[16] AS typstorage, CAST(r[17] AS BIGINT) AS typbyval, CAST(r[18] AS BIGINT) AS typcollation, CAST(r[19] AS
    BIGINT) AS typsubscript, r[20] AS shown
FROM (SELECT string_split(unnest(string_split_regex('
    16|bool|1|b|B|1|0|1000|1242|1243|2436|2437|0|0|c|p|1|0|0|boolean
    17|bytea|-1|b|U|0|0|1001|1244|31|2412|2413|0|0|i|x|0|0|0|bytea
    18|char|1|b|Z|0|0|1002|1245|33|2434|2435|0|0|c|p|1|0|0|"char"
    19|name|64|b|S|0|18|1003|34|35|2422|2423|0|0|c|p|0|950|6180|name
    20|int8|8|b|N|0|0|1016|460|461|2408|2409|0|0|d|p|1|0|0|bigint
    21|int2|2|b|N|0|0|1005|38|39|2404|2405|0|0|s|p|1|0|0|smallint
    22|int2vector|-1|b|A|0|21|1006|40|41|2410|2411|0|0|i|p|0|0|6179|int2vector
    23|int4|4|b|N|0|0|1007|42|43|2406|2407|0|0|i|p|1|0|0|integer
    24|regproc|4|b|N|0|0|1008|44|45|2444|2445|0|0|i|p|1|0|0|regproc
    25|text|-1|b|S|1|0|1009|46|47|2414|2415|0|0|i|x|0|100|0|text
    26|oid|4|b|N|1|0|1028|1798|1799|2418|2419|0|0|i|p|1|0|0|oid
    27|tid|6|b|U|0|0|1010|48|49|2438|2439|0|0|s|p|0|0|0|tid
    28|xid|4|b|U|0|0|1011|50|51|2440|2441|0|0|i|p|1|0|0|xid
    29|cid|4|b|U|0|0|1012|52|53|2442|2443|0|0|i|p|1|0|0|cid
    30|oidvector|-1|b|A|0|26|1013|54|55|2420|2421|0|0|i|p|0|0|6179|oidvector
    114|json|-1|b|U|0|0|199|321|322|323|324|0|0|i|x|0|0|0|json
    194|pg_node_tree|-1|b|Z|0|0|0|195|196|197|198|0|0|i|x|0|100|0|pg_node_tree
    199|_json|-1|b|A|0|114|0|750|751|2400|2401|0|0|i|x|0|0|6179|json[]
    700|float4|4|b|N|0|0|1021|200|201|2424|2425|0|0|i|p|1|0|0|real
    701|float8|8|b|N|1|0|1022|214|215|2426|2427|0|0|d|p|1|0|0|double precision
    705|unknown|-2|p|X|0|0|0|109|110|2416|2417|0|0|c|p|0|0|0|unknown
    1000|_bool|-1|b|A|0|16|0|750|751|2400|2401|0|0|i|x|0|0|6179|boolean[]
    1001|_bytea|-1|b|A|0|17|0|750|751|2400|2401|0|0|i|x|0|0|6179|bytea[]
    1002|_char|-1|b|A|0|18|0|750|751|2400|2401|0|0|i|x|0|0|6179|"char"[]
    1003|_name|-1|b|A|0|19|0|750|751|2400|2401|0|0|i|x|0|950|6179|name[]
    1005|_int2|-1|b|A|0|21|0|750|751|2400|2401|0|0|i|x|0|0|6179|smallint[]
    1006|_int2vector|-1|b|A|0|22|0|750|751|2400|2401|0|0|i|x|0|0|6179|int2vector[]
    1007|_int4|-1|b|A|0|23|0|750|751|2400|2401|0|0|i|x|0|0|6179|integer[]
    1008|_regproc|-1|b|A|0|24|0|750|751|2400|2401|0|0|i|x|0|0|6179|regproc[]
    1009|_text|-1|b|A|0|25|0|750|751|2400|2401|0|0|i|x|0|100|6179|text[]
    1010|_tid|-1|b|A|0|27|0|750|751|2400|2401|0|0|i|x|0|0|6179|tid[]
    1011|_xid|-1|b|A|0|28|0|750|751|2400|2401|0|0|i|x|0|0|6179|xid[]
    1012|_cid|-1|b|A|0|29|0|750|751|2400|2401|0|0|i|x|0|0|6179|cid[]
    1013|_oidvector|-1|b|A|0|30|0|750|751|2400|2401|0|0|i|x|0|0|6179|oidvector[]
    1014|_bpchar|-1|b|A|0|1042|0|750|751|2400|2401|2913|2914|i|x|0|100|6179|character[]
    1015|_varchar|-1|b|A|0|1043|0|750|751|2400|2401|2915|2916|i|x|0|100|6179|character varying[]
    1016|_int8|-1|b|A|0|20|0|750|751|2400|2401|0|0|d|x|0|0|6179|bigint[]
    1021|_float4|-1|b|A|0|700|0|750|751|2400|2401|0|0|i|x|0|0|6179|real[]
    1022|_float8|-1|b|A|0|701|0|750|751|2400|2401|0|0|d|x|0|0|6179|double precision[]
    1028|_oid|-1|b|A|0|26|0|750|751|2400|2401|0|0|i|x|0|0|6179|oid[]
    1033|aclitem|12|b|U|0|0|1034|1031|1032|0|0|0|0|i|p|0|0|0|aclitem
    1034|_aclitem|-1|b|A|0|1033|0|750|751|2400|2401|0|0|i|x|0|0|6179|aclitem[]
    1042|bpchar|-1|b|S|0|0|1014|1044|1045|2430|2431|2913|2914|i|x|0|100|0|character
    1043|varchar|-1|b|S|0|0|1015|1046|1047|2432|2433|2915|2916|i|x|0|100|0|character varying
    1082|date|4|b|D|0|0|1182|1084|1085|2468|2469|0|0|i|p|1|0|0|date
    1083|time|8|b|D|0|0|1183|1143|1144|2470|2471|2909|2910|d|p|1|0|0|time without time zone
    1114|timestamp|8|b|D|0|0|1115|1312|1313|2474|2475|2905|2906|d|p|1|0|0|timestamp without time zone
    1115|_timestamp|-1|b|A|0|1114|0|750|751|2400|2401|2905|2906|d|x|0|0|6179|timestamp without time zone[]
    1182|_date|-1|b|A|0|1082|0|750|751|2400|2401|0|0|i|x|0|0|6179|date[]
    1183|_time|-1|b|A|0|1083|0|750|751|2400|2401|2909|2910|d|x|0|0|6179|time without time zone[]
    1184|timestamptz|8|b|D|1|0|1185|1150|1151|2476|2477|2907|2908|d|p|1|0|0|timestamp with time zone
    1185|_timestamptz|-1|b|A|0|1184|0|750|751|2400|2401|2907|2908|d|x|0|0|6179|timestamp with time zone[]
    1186|interval|16|b|T|1|0|1187|1160|1161|2478|2479|2903|2904|d|p|0|0|0|interval
    1187|_interval|-1|b|A|0|1186|0|750|751|2400|2401|2903|2904|d|x|0|0|6179|interval[]
    1231|_numeric|-1|b|A|0|1700|0|750|751|2400|2401|2917|2918|i|x|0|0|6179|numeric[]
    1263|_cstring|-1|b|A|0|2275|0|750|751|2400|2401|0|0|i|x|0|0|6179|cstring[]
    1266|timetz|12|b|D|0|0|1270|1350|1351|2472|2473|2911|2912|d|p|0|0|0|time with time zone
    1270|_timetz|-1|b|A|0|1266|0|750|751|2400|2401|2911|2912|d|x|0|0|6179|time with time zone[]
    1560|bit|-1|b|V|0|0|1561|1564|1565|2456|2457|2919|2920|i|x|0|0|0|bit
    1561|_bit|-1|b|A|0|1560|0|750|751|2400|2401|2919|2920|i|x|0|0|6179|bit[]
    1562|varbit|-1|b|V|1|0|1563|1579|1580|2458|2459|2902|2921|i|x|0|0|0|bit varying
    1563|_varbit|-1|b|A|0|1562|0|750|751|2400|2401|2902|2921|i|x|0|0|6179|bit varying[]
    1700|numeric|-1|b|N|0|0|1231|1701|1702|2460|2461|2917|2918|i|m|0|0|0|numeric
    2202|regprocedure|4|b|N|0|0|2207|2212|2213|2446|2447|0|0|i|p|1|0|0|regprocedure
    2205|regclass|4|b|N|0|0|2210|2218|2219|2452|2453|0|0|i|p|1|0|0|regclass
    2206|regtype|4|b|N|0|0|2211|2220|2221|2454|2455|0|0|i|p|1|0|0|regtype
    2207|_regprocedure|-1|b|A|0|2202|0|750|751|2400|2401|0|0|i|x|0|0|6179|regprocedure[]
    2210|_regclass|-1|b|A|0|2205|0|750|751|2400|2401|0|0|i|x|0|0|6179|regclass[]
    2211|_regtype|-1|b|A|0|2206|0|750|751|2400|2401|0|0|i|x|0|0|6179|regtype[]
    2249|record|-1|p|P|0|0|2287|2290|2291|2402|2403|0|0|d|x|0|0|0|record
    2275|cstring|-2|p|P|0|0|1263|2292|2293|2500|2501|0|0|c|p|0|0|0|cstring
    2276|any|4|p|P|0|0|0|2294|2295|0|0|0|0|i|p|1|0|0|"any"
    2277|anyarray|-1|p|P|0|0|0|2296|2297|2502|2503|0|0|d|x|0|0|0|anyarray
    2278|void|4|p|P|0|0|0|2298|2299|3120|3121|0|0|i|p|1|0|0|void
    2279|trigger|4|p|P|0|0|0|2300|2301|0|0|0|0|i|p|1|0|0|trigger
    2283|anyelement|4|p|P|0|0|0|2312|2313|0|0|0|0|i|p|1|0|0|anyelement
    2287|_record|-1|p|P|0|2249|0|750|751|2400|2401|0|0|d|x|0|0|6179|record[]
    2776|anynonarray|4|p|P|0|0|0|2777|2778|0|0|0|0|i|p|1|0|0|anynonarray
    2950|uuid|16|b|U|0|0|2951|2952|2953|2961|2962|0|0|c|p|0|0|0|uuid
    2951|_uuid|-1|b|A|0|2950|0|750|751|2400|2401|0|0|i|x|0|0|6179|uuid[]
    3802|jsonb|-1|b|U|0|0|3807|3806|3804|3805|3803|0|0|i|x|0|0|6098|jsonb
    3807|_jsonb|-1|b|A|0|3802|0|750|751|2400|2401|0|0|i|x|0|0|6179|jsonb[]
    4089|regnamespace|4|b|N|0|0|4090|4084|4085|4087|4088|0|0|i|p|1|0|0|regnamespace
    4090|_regnamespace|-1|b|A|0|4089|0|750|751|2400|2401|0|0|i|x|0|0|6179|regnamespace[]
    4096|regrole|4|b|N|0|0|4097|4098|4092|4094|4095|0|0|i|p|1|0|0|regrole
    4097|_regrole|-1|b|A|0|4096|0|750|751|2400|2401|0|0|i|x|0|0|6179|regrole[]', '\n *')[2:]), '|') AS r);

-- An ENUM of the database has a number, and its array has one beside it.
CREATE VIEW qf_enum AS
SELECT type_oid AS oid, type_oid + 1200000000 AS array_oid, type_name, schema_oid, labels,
    'ENUM(' || list_aggregate(list_transform(labels, lambda l: '''' || replace(l, '''', '''''') || ''''), 'string_agg', ', ') || ')' AS sql
FROM duckdb_types() WHERE database_name = current_database() AND NOT internal AND logical_type = 'ENUM';

CREATE VIEW pg_type AS
SELECT oid, typname, 11 AS typnamespace, 10 AS typowner, typlen, typbyval = 1 AS typbyval, typtype, typcategory, typispreferred = 1 AS typispreferred,
    true AS typisdefined, ',' AS typdelim, 0 AS typrelid, typsubscript, typelem, typarray, typinput, typoutput, typreceive, typsend, typmodin,
    typmodout, typalign, typstorage, -1 AS typtypmod, typcollation
FROM qf_base_type
UNION ALL BY NAME
SELECT e.oid, e.type_name AS typname, n.oid AS typnamespace, 10 AS typowner, 4 AS typlen, true AS typbyval, 'e' AS typtype, 'E' AS typcategory,
    true AS typisdefined, ',' AS typdelim, 0 AS typelem, e.array_oid AS typarray, 3504 AS typinput, 3505 AS typoutput, 3532 AS typreceive, 3533 AS typsend,
    'i' AS typalign, 'p' AS typstorage, -1 AS typtypmod
FROM qf_enum AS e JOIN qf_schema AS n ON n.duck_oid = e.schema_oid
UNION ALL BY NAME
SELECT e.array_oid AS oid, '_' || e.type_name AS typname, n.oid AS typnamespace, 10 AS typowner, -1 AS typlen, 'b' AS typtype, 'A' AS typcategory,
    true AS typisdefined, ',' AS typdelim, 6179 AS typsubscript, e.oid AS typelem, 750 AS typinput, 751 AS typoutput, 2400 AS typreceive, 2401 AS typsend,
    'i' AS typalign, 'x' AS typstorage, -1 AS typtypmod
FROM qf_enum AS e JOIN qf_schema AS n ON n.duck_oid = e.schema_oid;

CREATE VIEW pg_enum AS
SELECT 1300000000 + oid * 1000 % 100000000 + pos AS oid, oid AS enumtypid, CAST(pos AS FLOAT) AS enumsortorder, labels[pos] AS enumlabel
FROM (SELECT oid, labels, unnest(range(1, len(labels) + 1)) AS pos FROM qf_enum);

-- How a type is written, and how it may be asked for.
CREATE VIEW qf_type_name AS
SELECT oid, shown, typname AS name, 'pg_catalog' AS schema FROM qf_base_type
UNION ALL
SELECT e.oid, CASE WHEN n.oid IN (SELECT oid FROM qf_path) THEN '' ELSE @quote_ident(n.name) || '.' END || @quote_ident(e.type_name), e.type_name, n.name
FROM qf_enum AS e JOIN qf_schema AS n ON n.duck_oid = e.schema_oid
UNION ALL
SELECT e.array_oid, CASE WHEN n.oid IN (SELECT oid FROM qf_path) THEN '' ELSE @quote_ident(n.name) || '.' END || @quote_ident(e.type_name) || '[]', '_' || e.type_name, n.name
FROM qf_enum AS e JOIN qf_schema AS n ON n.duck_oid = e.schema_oid;
