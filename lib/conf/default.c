/*
 * The embedded default: what runs without a configuration file. It is YAML that the same code reads. The
 * sample tables hold fixed content, computed from the row number, so that documents and tests can name rows:
 *   users   100 rows: id 1…100; role admin 5, analyst 25, viewer 70
 *   orders  1000 rows: id 1…1000, ten for each user
 *   events  10000 rows: id 1…10000, one hundred for each user
 */
#include "schema.h"

const char qf_conf_default_text[] =
	"clusters:\n"
	"  duckdb:\n"
	"    engine: duckDb\n"
	"    databasePath: ${QF_STATE_DIR}/queryflux.duckdb\n"
	"    initSql: |\n"
	"      CREATE TABLE IF NOT EXISTS users AS\n"
	"        SELECT i::INTEGER AS id, 'user' || lpad(i::VARCHAR, 3, '0') AS name,\n"
	"          CASE WHEN i <= 5 THEN 'admin' WHEN i <= 30 THEN 'analyst' ELSE 'viewer' END AS role,\n"
	"          TIMESTAMP '2024-01-01 08:00:00' + to_hours(CAST(i * 7 AS INTEGER)) AS created_at\n"
	"        FROM range(1, 101) t(i);\n"
	"      CREATE TABLE IF NOT EXISTS orders AS\n"
	"        SELECT i::INTEGER AS id, ((i * 37) % 100 + 1)::INTEGER AS user_id,\n"
	"          (((i * 7919) % 100000) / 100)::DECIMAL(10,2) AS amount,\n"
	"          CASE (i + i // 100) % 10 WHEN 0 THEN 'cancelled' WHEN 1 THEN 'pending' WHEN 2 THEN 'pending'\n"
	"            ELSE 'paid' END AS status,\n"
	"          TIMESTAMP '2024-02-01 00:00:00' + to_minutes(CAST(i * 97 AS INTEGER)) AS ordered_at\n"
	"        FROM range(1, 1001) t(i);\n"
	"      CREATE TABLE IF NOT EXISTS events AS\n"
	"        SELECT i::BIGINT AS id, ((i * 61) % 100 + 1)::INTEGER AS user_id,\n"
	"          CASE (i + i // 100) % 4 WHEN 0 THEN 'login' WHEN 1 THEN 'view' WHEN 2 THEN 'click'\n"
	"            ELSE 'logout' END AS kind,\n"
	"          ('{\"page\": ' || (i % 50) || ', \"ms\": ' || ((i * 13) % 900) || '}')::JSON AS payload,\n"
	"          to_timestamp(1704067200 + i * 311) AS occurred_at\n"
	"        FROM range(1, 10001) t(i);\n"
	"clusterGroups:\n"
	"  default: { maxRunningQueries: 8, members: [duckdb] }\n"
	"routingFallback: default\n";
