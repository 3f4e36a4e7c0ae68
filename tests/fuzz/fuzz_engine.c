/* Texts that the engine adapters read: DuckDB's errors, what a client may not run, a fake cluster's script. */
#include <stdlib.h>
#include <string.h>

#include "../../lib/engine/duckdb/error.h"
#include "../../lib/engine/duckdb/private.h"
#include "../../lib/engine/fake/script.h"
#include "qf/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_error(const char *text)
{
	struct qf_sql_error e;

	duck_error_read(text, &e);
	qf_assert(strlen(e.sqlstate) == 5);
	if (qf_utf8_valid(qf_slice_str(text)))
		qf_assert(qf_utf8_valid(qf_slice_str(e.message)) && qf_utf8_valid(qf_slice_str(e.detail)) &&
			  qf_utf8_valid(qf_slice_str(e.hint)));
	qf_assert(duck_error_place(text, "SELECT \xc3\xa9") <= 9);
}

static void guard(const char *sql)
{
	struct qf_sql_error e;
	bool named = strcasestr(sql, "enable_logging");

	qf_assert(duck_guard_text(sql, &e) < 0 || !named);
	qf_assert(duck_guard_type(DUCKDB_STATEMENT_TYPE_PRAGMA, sql, &e) < 0);
	if (duck_guard_type(DUCKDB_STATEMENT_TYPE_SET, sql, &e) < 0)
		qf_assert(strcasestr(sql, "global") != NULL);
}

static void script(const char *text)
{
	struct fake_script s;
	struct qf_err err = { 0 };

	if (fake_script_parse(&s, text, &err) < 0) {
		qf_assert(strstr(err.text, "script line ") == err.text);
		return;
	}
	qf_assert(fake_script_match(&s, qf_slice_str("select 1")) != NULL);
	fake_script_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *) = { read_error, guard, script };

	if (size == 0)
		return 0;
	char *text = qf_slice_dup(qf_slice(data + 1, size - 1));

	readers[data[0] % 3](text);
	free(text);
	return 0;
}
