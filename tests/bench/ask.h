/*
 * A statement in the forms in which clients of PostgreSQL send it. `$1` in it is a whole number at random, a parameter
 * in text, or in the simple protocol a word of the statement.
 */
#ifndef QF_BENCH_ASK_H
#define QF_BENCH_ASK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qf/proto/postgres.h"

enum ask_mode {
	ASK_SIMPLE,   /* Query */
	ASK_EXTENDED, /* Parse, Bind, Describe, Execute, Sync, without a name */
	ASK_PREPARED, /* Parse, Sync once; then Bind, Execute, Sync */
	ASK_MODES
};

static const char *const ask_modes[ASK_MODES] = { "simple", "extended", "prepared" };

struct ask {
	enum ask_mode mode;
	const char *sql;
	unsigned keys; /* the number is in 1 … keys */
};

static bool ask_mode_read(const char *word, enum ask_mode *ret)
{
	for (int i = 0; i < ASK_MODES; i++) {
		if (!strcmp(word, ask_modes[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* Of this process alone: a pooler that gives the connection to the next client would find the name taken. */
static const char *ask_name(void)
{
	static char name[32];

	if (!*name)
		snprintf(name, sizeof(name), "bench%d", (int)getpid());
	return name;
}

static void ask_prepare(const struct ask *a, struct qf_buf *out)
{
	qf_pg_put_parse(out, ask_name(), qf_slice_str(a->sql), NULL, 0);
	qf_pg_put_sync(out);
}

static void ask_put(const struct ask *a, struct qf_buf *out)
{
	const char *name = a->mode == ASK_PREPARED ? ask_name() : "", *mark = strstr(a->sql, "$1");
	char text[1024], key[12];
	size_t begun;

	snprintf(key, sizeof(key), "%d", 1 + (int)(random() % a->keys));
	if (a->mode == ASK_SIMPLE) {
		if (mark)
			snprintf(text, sizeof(text), "%.*s%s%s", (int)(mark - a->sql), a->sql, key, mark + 2);
		qf_pg_put_query(out, qf_slice_str(mark ? text : a->sql));
		return;
	}
	if (a->mode == ASK_EXTENDED)
		qf_pg_put_parse(out, name, qf_slice_str(a->sql), NULL, 0);
	begun = qf_pg_begin_bind(out, "", name, NULL, mark ? 1 : 0);
	if (mark)
		qf_pg_add_value(out, key, (uint32_t)strlen(key));
	qf_pg_end_bind(out, begun, NULL, 0);
	if (a->mode == ASK_EXTENDED)
		qf_pg_put_describe(out, 'P', "");
	qf_pg_put_execute(out, "", 0);
	qf_pg_put_sync(out);
}

#endif
