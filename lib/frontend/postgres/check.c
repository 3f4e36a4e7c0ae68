/* A Query's text before anything of it runs: PostgreSQL too reads all of it first. See query.h. */
#include <stdio.h>
#include <string.h>

#include "qf/str.h"
#include "query.h"
#include "../words.h"

enum { MAX_DEPTH = 2000, MAX_SHOWN = 2000 };

/* The bytes that a reader would show: as many as the first one announces. */
static bool invalid_utf8(struct qf_slice text, size_t at, struct qf_sql_error *reterr)
{
	uint8_t lead = text.p[at];
	size_t n = lead >= 0xf0 && lead < 0xf8 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	char shown[32] = "";

	if (lead >= 0xf8)
		n = 1;
	for (size_t i = 0; i < n && i < text.n - at; i++)
		snprintf(shown + i * 5, sizeof(shown) - i * 5, "0x%02x ", text.p[at + i]);
	shown[strlen(shown) - 1] = 0;
	qf_sql_error_set(reterr, "22021", "invalid byte sequence for encoding \"UTF8\": %s", shown);
	return false;
}

bool pg_check_text(struct qf_slice text, struct qf_sql_error *reterr)
{
	const uint8_t *nul = text.n ? memchr(text.p, 0, text.n) : NULL;
	size_t bad = qf_utf8_bad_at(text);

	if (nul && (size_t)(nul - text.p) < bad)
		bad = (size_t)(nul - text.p);
	return bad == text.n || invalid_utf8(text, bad, reterr);
}

static const char *what_is_open(struct qf_slice tok)
{
	if (tok.n == 0)
		return "quoted string";
	if (tok.p[0] == '"' || tok.p[0] == '`' || tok.p[0] == '[')
		return "quoted identifier";
	if (tok.p[0] == '/')
		return "/* comment";
	return tok.p[0] == '$' ? "dollar-quoted string" : "quoted string";
}

/* Ends inside a string, a comment or a quoted name: says where that begins. */
static bool unterminated(struct qf_slice stmt, enum qf_dialect d, struct qf_sql_error *reterr)
{
	struct qf_lexer lx = qf_lexer(stmt, d);
	struct qf_token tok = qf_lex(&lx);

	while (tok.type != QF_TOK_BAD && tok.type != QF_TOK_END)
		tok = qf_lex(&lx);
	if (tok.type == QF_TOK_END)
		tok.text = qf_slice(stmt.p + stmt.n, 0);
	else
		tok.text.n = tok.text.n > MAX_SHOWN ? MAX_SHOWN : tok.text.n;
	qf_sql_error_set(reterr, "42601", "unterminated %s at or near \"%.*s\"", what_is_open(tok.text),
		(int)tok.text.n, (const char *)tok.text.p);
	reterr->position = fe_characters(qf_slice(stmt.p, (size_t)(tok.text.p - stmt.p))) + 1;
	return false;
}

static bool check_statement(const struct qf_statement *st, enum qf_dialect d, const struct qf_facts *f,
			    struct qf_sql_error *reterr)
{
	if (f->bad)
		return unterminated(st->text, d, reterr);
	if (f->depth <= MAX_DEPTH)
		return true;
	qf_sql_error_set(reterr, "54001", "statement is nested too deeply: %u levels, the limit is %d", f->depth,
		MAX_DEPTH);
	return false;
}

bool pg_run_check(struct pg_run *run, struct qf_sql_error *reterr)
{
	struct qf_slice text = qf_slice(run->text, run->text_n);
	enum qf_dialect d = pg_session_facts(run->s)->dialect;
	size_t bad = qf_utf8_bad_at(text);
	struct qf_statement st;

	if (bad < text.n)
		return invalid_utf8(text, bad, reterr);
	struct qf_splitter sp = qf_splitter(text, d);

	while (qf_split_next(&sp, &st)) {
		struct qf_facts f;

		if (st.empty)
			continue;
		qf_sql_facts(st.text, d, &f);
		if (!check_statement(&st, d, &f, reterr)) {
			run->stmt = st;
			return false;
		}
		if (run->n_statements++ == 0)
			run->facts = f;
	}
	run->splitter = qf_splitter(text, d);
	return true;
}

bool pg_check_parse(struct pg_session *s, struct qf_slice text, struct qf_statement *ret, struct qf_sql_error *reterr)
{
	enum qf_dialect d = pg_session_facts(s)->dialect;
	struct qf_splitter sp = qf_splitter(text, d);
	struct qf_statement st;
	struct qf_facts f;

	if (!pg_check_text(text, reterr))
		return false;
	*ret = (struct qf_statement){ .text = qf_slice(text.p, 0), .empty = true };
	while (qf_split_next(&sp, &st)) {
		if (st.empty)
			continue;
		if (!ret->empty) {
			qf_sql_error_set(reterr, "42601", "cannot insert multiple commands into a prepared statement");
			return false;
		}
		*ret = st;
	}
	if (ret->empty)
		return true;
	qf_sql_facts(ret->text, d, &f);
	if (check_statement(ret, d, &f, reterr))
		return true;
	if (reterr->position)
		reterr->position += fe_characters(qf_slice(text.p, ret->offset));
	return false;
}
