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
	size_t at;

	duck_error_read(text, &e);
	qf_assert(strlen(e.sqlstate) == 5);
	if (qf_utf8_valid(qf_slice_str(text)))
		qf_assert(qf_utf8_valid(qf_slice_str(e.message)) && qf_utf8_valid(qf_slice_str(e.detail)) &&
			  qf_utf8_valid(qf_slice_str(e.hint)));
	if (duck_error_at(text, &at))
		qf_assert(duck_error_place("SELECT \xc3\xa9", at) <= 9);
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

/* With its casts it is the same text, but for them. */
static void params(const char *text)
{
	const struct duck_type as = DUCK_TYPE(VARCHAR), *casts[64];
	struct duck_text t;
	struct qf_buf sql;

	for (size_t i = 0; i < 64; i++)
		casts[i] = &as;
	duck_text_read(&t, qf_slice_str(text));
	qf_assert(t.max <= DUCK_MAX_PARAMS && duck_text_missing(&t) <= t.max);
	qf_buf_init(&sql);
	if (t.max <= 64) {
		struct duck_casts c = { .marks = t.marks, .n_marks = t.n_marks };

		duck_text_cast(&sql, &t, casts, false);
		for (size_t at = 0; at <= sql.n; at++)
			qf_assert(duck_casts_origin(&c, at) <= strlen(text));
		qf_assert(duck_casts_origin(&c, sql.n) == strlen(text));
	}
	char *name = qf_xstrdup(text);
	bool of[] = { true, false, true };

	duck_text_uncast(name, &(struct duck_casts){ .of = of, .n = 3 });
	qf_assert(strlen(name) <= strlen(text));
	free(name);
	qf_buf_fini(&sql);
	duck_text_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *) = { read_error, guard, script, params };

	if (size == 0)
		return 0;
	char *text = qf_slice_dup(qf_slice(data + 1, size - 1));

	readers[data[0] % 4](text);
	free(text);
	return 0;
}
