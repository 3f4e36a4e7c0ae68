/* SET, RESET and SHOW of one setting [PG SET, RESET, SHOW]. */
#include "setting.h"

#include <string.h>

#include "lex.h"
#include "words.h"

struct stmt {
	struct qf_words w;
	enum qf_dialect d;
	struct qf_arena *a;
	struct qf_setting_stmt *ret;
	struct qf_err *err;
};

static int malformed(struct stmt *s, const char *what)
{
	struct qf_slice t = s->w.t.text;

	if (t.n == 0)
		return qf_err_set(s->err, QF_EMALFORMED, "%s, but the statement ends", what);
	return qf_err_set(s->err, QF_EMALFORMED, "%s at \"%.*s\"", what, (int)(t.n > 60 ? 60 : t.n), (const char *)t.p);
}

static int out_of_memory(struct stmt *s)
{
	return qf_err_set(s->err, QF_ELIMIT, "the statement is too long for its session");
}

static bool is_name(const struct qf_token *t)
{
	return t->type == QF_TOK_WORD || t->type == QF_TOK_QUOTED;
}

/* The next token's name in lower case, as settings are found; NULL with *ret_rc set. */
static char *read_part(struct stmt *s, int *ret_rc)
{
	struct qf_token t = s->w.t;
	char *part;

	*ret_rc = 0;
	if (!is_name(&t)) {
		*ret_rc = malformed(s, "the name of a setting is expected");
		return NULL;
	}
	if (t.type == QF_TOK_QUOTED)
		part = qf_sql_unquote(t.text, s->d, s->a);
	else
		part = qf_arena_strndup(s->a, t.text.p, t.text.n);
	if (!part) {
		*ret_rc = malformed(s, "the name of a setting cannot be read");
		return NULL;
	}
	for (char *c = part; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	qf_words_next(&s->w);
	return part;
}

static int read_name(struct stmt *s)
{
	struct qf_buf name;
	int rc;

	qf_buf_init(&name);
	do {
		char *part = read_part(s, &rc);
		if (part)
			qf_buf_printf(&name, "%s%s", name.n ? "." : "", part);
	} while (rc == 0 && qf_words_take_op(&s->w, '.'));
	if (rc == 0 && !(s->ret->name = qf_arena_strndup(s->a, name.p, name.n)))
		rc = out_of_memory(s);
	qf_buf_fini(&name);
	return rc;
}

/* Settings whose list is of names: one that is no plain name keeps its quotes, as SHOW gives it. */
static bool lists_names(const char *name)
{
	return name && (strcmp(name, "search_path") == 0 || strcmp(name, "temp_tablespaces") == 0);
}

static void add_name(struct qf_buf *b, const char *text)
{
	bool plain = (*text >= 'a' && *text <= 'z') || *text == '_';

	for (const char *c = text; *c && plain; c++)
		plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_';
	if (plain) {
		qf_buf_add_str(b, text);
		return;
	}
	qf_buf_u8(b, '"');
	for (const char *c = text; *c; c++)
		qf_buf_add(b, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
	qf_buf_u8(b, '"');
}

/* One value: a string, a name (lower case when it is not quoted) or a number; *ret_value NULL without memory. */
static int read_value(struct stmt *s, const char **ret_value)
{
	bool negative = qf_words_take_op(&s->w, '-');
	bool sign = negative || qf_words_take_op(&s->w, '+');
	struct qf_token t = s->w.t;
	char *text = NULL;

	if (t.type == QF_TOK_NUMBER) {
		text = qf_arena_printf(s->a, "%s%.*s", negative ? "-" : "", (int)t.text.n, (const char *)t.text.p);
	} else if (sign) {
		return malformed(s, "a number is expected");
	} else if (t.type == QF_TOK_STRING || t.type == QF_TOK_QUOTED) {
		text = qf_sql_unquote(t.text, s->d, s->a);
		if (!text)
			return malformed(s, "the value cannot be read");
	} else if (t.type == QF_TOK_WORD) {
		text = qf_arena_alloc(s->a, t.text.n + 1);
		if (text)
			(void)qf_lex_fold(t.text, text, t.text.n + 1);
	} else {
		return malformed(s, "a value is expected: a string, a name, a number, DEFAULT");
	}
	qf_words_next(&s->w);
	*ret_value = text;
	return text ? 0 : out_of_memory(s);
}

static int read_list(struct stmt *s, struct qf_buf *list)
{
	bool names = lists_names(s->ret->name), first = true;

	do {
		const char *one = NULL;
		int rc = read_value(s, &one);
		if (rc)
			return rc;
		if (!first)
			qf_buf_add_str(list, ", ");
		first = false;
		if (names)
			add_name(list, one);
		else
			qf_buf_add_str(list, one);
	} while (qf_words_take_op(&s->w, ','));
	s->ret->value = qf_arena_strndup(s->a, list->p, list->n);
	return s->ret->value ? 0 : out_of_memory(s);
}

static int read_values(struct stmt *s)
{
	struct qf_buf list;
	int rc;

	if (qf_words_take(&s->w, "default")) {
		s->ret->to_default = true;
		return 0;
	}
	qf_buf_init(&list);
	rc = read_list(s, &list);
	qf_buf_fini(&list);
	return rc;
}

/* SET TIME ZONE 'x' | x | 2 | -7.5 | INTERVAL '+02:00' HOUR TO MINUTE | LOCAL | DEFAULT */
static int read_zone(struct stmt *s)
{
	const char *value = NULL;
	bool negative;
	int rc;

	s->ret->name = "timezone";
	if (qf_words_take(&s->w, "local") || qf_words_take(&s->w, "default")) {
		s->ret->to_default = true;
		return 0;
	}
	if (qf_words_take(&s->w, "interval")) {
		rc = s->w.t.type == QF_TOK_STRING ? read_value(s, &value) : malformed(s, "an offset is expected");
		if (rc)
			return rc;
		if (!qf_words_take(&s->w, "hour") || (qf_words_take(&s->w, "to") && !qf_words_take(&s->w, "minute")))
			return malformed(s, "a time zone interval must be HOUR or HOUR TO MINUTE");
		s->ret->value = qf_zone_interval(value, s->a);
		return s->ret->value ? 0 : malformed(s, "the offset must look like '+02:00'");
	}
	negative = qf_words_take_op(&s->w, '-');
	if (negative || qf_words_take_op(&s->w, '+') || s->w.t.type == QF_TOK_NUMBER) {
		if (s->w.t.type == QF_TOK_NUMBER)
			s->ret->value = qf_zone_number(s->w.t.text, negative, s->a);
		if (!s->ret->value)
			return malformed(s, "the offset in hours is expected");
		qf_words_next(&s->w);
		return 0;
	}
	rc = read_value(s, &value);
	s->ret->value = value;
	return rc;
}

/* word, when it is not itself the name of a setting: SET names = 'x' is one, SET NAMES 'x' is not. */
static bool take_special(struct stmt *s, const char *word)
{
	struct qf_words after = s->w;

	if (!qf_words_take(&after, word))
		return false;
	if (after.t.type == QF_TOK_OP || qf_words_at(&after, "to"))
		return false;
	s->w = after;
	return true;
}

/* Forms that name their setting in words of their own. 1: it was none. */
static int read_special(struct stmt *s)
{
	static const struct {
		const char *word, *name;
	} forms[] = { { "names", "client_encoding" }, { "schema", "search_path" }, { "role", "role" } };

	if (take_special(s, "time"))
		return qf_words_take(&s->w, "zone") ? read_zone(s) : malformed(s, "ZONE is expected");
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!take_special(s, forms[i].word))
			continue;
		s->ret->name = forms[i].name;
		/* SET NAMES alone goes back to the default. */
		if (i == 0 && qf_words_done(&s->w)) {
			s->ret->to_default = true;
			return 0;
		}
		return read_values(s);
	}
	return 1;
}

static int read_set(struct stmt *s)
{
	int rc;

	if (take_special(s, "local")) {
		s->ret->local = true;
	} else if (take_special(s, "session")) {
		if (take_special(s, "authorization")) {
			s->ret->name = "session_authorization";
			return read_values(s);
		}
	} else {
		(void)take_special(s, "global");
	}
	if (take_special(s, "transaction") || take_special(s, "characteristics") || take_special(s, "constraints"))
		return malformed(s, "this SET changes no setting");
	rc = read_special(s);
	if (rc <= 0)
		return rc;
	rc = read_name(s);
	if (rc)
		return rc;
	if (!qf_words_take_op(&s->w, '=') && !qf_words_take(&s->w, "to"))
		return malformed(s, "= or TO is expected");
	return read_values(s);
}

/* What RESET and SHOW name. */
static int read_which(struct stmt *s)
{
	if (qf_words_take(&s->w, "all")) {
		s->ret->all = true;
		return 0;
	}
	if (qf_words_take(&s->w, "time")) {
		s->ret->name = "timezone";
		return qf_words_take(&s->w, "zone") ? 0 : malformed(s, "ZONE is expected");
	}
	if (take_special(s, "session") && qf_words_take(&s->w, "authorization")) {
		s->ret->name = "session_authorization";
		return 0;
	}
	if (qf_words_take(&s->w, "transaction")) {
		s->ret->name = "transaction_isolation";
		if (qf_words_take(&s->w, "isolation") && qf_words_take(&s->w, "level"))
			return 0;
		return malformed(s, "ISOLATION LEVEL is expected");
	}
	return read_name(s);
}

int qf_sql_setting(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_setting_stmt *ret,
	struct qf_err *reterr)
{
	struct qf_setting_stmt got = { 0 };
	struct stmt s = { .w = qf_words(stmt, d), .d = d, .a = a, .ret = &got, .err = reterr };
	int rc;

	if (qf_words_take(&s.w, "set")) {
		rc = read_set(&s);
	} else if (qf_words_take(&s.w, "reset")) {
		rc = read_which(&s);
		got.to_default = true;
	} else if (qf_words_take(&s.w, "show")) {
		rc = read_which(&s);
	} else {
		rc = malformed(&s, "SET, RESET or SHOW is expected");
	}
	if (rc == 0 && !qf_words_done(&s.w))
		rc = malformed(&s, "more than one setting or value is not understood");
	if (rc == 0)
		*ret = got;
	return rc;
}
