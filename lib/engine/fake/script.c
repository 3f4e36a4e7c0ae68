/* Parsing: see script.h and fake.h. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "qf/clock.h"
#include "qf/str.h"

struct parser {
	struct fake_script *s;
	unsigned line;
	struct qf_err *err;
};

static int bad(struct parser *p, const char *what, const char *text)
{
	return qf_err_set(p->err, QF_ECONFIG, "script line %u: %s \"%s\"", p->line, what, text);
}

static char *trim(char *s)
{
	s += strspn(s, " \t\r");
	for (size_t n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

/* The first word of *rest, which then starts at the next one. */
static char *word(char **rest)
{
	char *w = *rest + strspn(*rest, " \t");
	char *end = w + strcspn(w, " \t");

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return w;
}

static int number(struct parser *p, char **rest, uint64_t max, uint64_t *ret)
{
	const char *w = word(rest);

	return qf_parse_u64(w, 0, max, ret) < 0 ? bad(p, "not a number in its bounds:", w) : 0;
}

static int duration(struct parser *p, char **rest, uint64_t *ret)
{
	char *w = word(rest);
	size_t digits = strspn(w, "0123456789");
	uint64_t unit = strcmp(w + digits, "ms") == 0 ? QF_MS : strcmp(w + digits, "s") == 0 ? QF_SEC : 0;

	if (unit == 0)
		return bad(p, "a duration needs ms or s:", w);
	w[digits] = '\0';
	if (qf_parse_u64(w, 0, 86400000, ret) < 0)
		return bad(p, "not a duration:", w);
	*ret *= unit;
	return 0;
}

static int do_delay(struct parser *p, struct fake_rule *r, char *rest)
{
	return duration(p, &rest, &r->delay_ns);
}

static int do_notice(struct parser *p, struct fake_rule *r, char *rest)
{
	r->notice = qf_arena_strdup(p->s->arena, trim(rest));
	return 0;
}

static int do_rows(struct parser *p, struct fake_rule *r, char *rest)
{
	int e = number(p, &rest, UINT64_MAX, &r->rows);

	r->has_rows = true;
	if (e < 0 || !*trim(rest))
		return e;
	const char *w = word(&rest);

	if (strcmp(w, "bytes") != 0)
		return bad(p, "after rows N comes bytes B, not", w);
	return number(p, &rest, 1u << 30, &r->bytes);
}

static int do_batches(struct parser *p, struct fake_rule *r, char *rest)
{
	int e = number(p, &rest, UINT64_MAX, &r->batches);

	r->has_rows = true;
	if (e < 0)
		return e;
	const char *w = word(&rest);

	if (strcmp(w, "every") != 0)
		return bad(p, "after batches N comes every D, not", w);
	return duration(p, &rest, &r->every_ns);
}

static int do_affected(struct parser *p, struct fake_rule *r, char *rest)
{
	return number(p, &rest, UINT64_MAX, &r->affected);
}

static int do_error(struct parser *p, struct fake_rule *r, char *rest)
{
	const char *state = word(&rest);

	if (strlen(state) != 5)
		return bad(p, "not an SQLSTATE:", state);
	memcpy(r->sqlstate, state, sizeof(r->sqlstate));
	r->ending = FAKE_ERROR;
	r->message = qf_arena_strdup(p->s->arena, trim(rest));
	return 0;
}

static int do_refuse(struct parser *p, struct fake_rule *r, char *rest)
{
	memcpy(r->sqlstate, "57P03", sizeof(r->sqlstate));
	r->ending = FAKE_REFUSE;
	r->message = qf_arena_strdup(p->s->arena, trim(rest));
	return 0;
}

static int do_lost(struct parser *p, struct fake_rule *r, char *rest)
{
	memcpy(r->sqlstate, "08007", sizeof(r->sqlstate));
	r->ending = FAKE_LOST;
	r->message = qf_arena_strdup(p->s->arena, trim(rest));
	return 0;
}

static int do_crash(struct parser *p, struct fake_rule *r, char *rest)
{
	r->ending = FAKE_CRASH;
	return *trim(rest) ? bad(p, "nothing follows crash, but there is", rest) : 0;
}

static int do_hang(struct parser *p, struct fake_rule *r, char *rest)
{
	r->ending = FAKE_HANG;
	return *trim(rest) ? bad(p, "nothing follows hang, but there is", rest) : 0;
}

static const struct {
	const char *name;
	int (*fn)(struct parser *p, struct fake_rule *r, char *rest);
} actions[] = {
	{ "delay", do_delay },	     { "notice", do_notice }, { "rows", do_rows },     { "batches", do_batches },
	{ "affected", do_affected }, { "error", do_error },   { "refuse", do_refuse }, { "lost", do_lost },
	{ "crash", do_crash },	     { "hang", do_hang },
};

static int action(struct parser *p, struct fake_rule *r, char *part)
{
	char *rest = part;
	const char *name = word(&rest);

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return actions[i].fn(p, r, rest);
	return bad(p, "unknown action", name);
}

/* Splits off the part up to " | " or the end; NULL when nothing is left. */
static char *next_part(char **rest)
{
	char *part = *rest;

	if (!part)
		return NULL;
	char *bar = strstr(part, " | ");

	*rest = bar ? bar + 3 : NULL;
	if (bar)
		*bar = '\0';
	return trim(part);
}

static int pattern(struct parser *p, struct fake_rule *r, const char *text)
{
	size_t n = strlen(text);

	if (n == 0)
		return bad(p, "match needs a pattern, not", text);
	if (n < 2 || text[0] != '/' || text[n - 1] != '/') {
		r->text = qf_arena_strdup(p->s->arena, text);
		return 0;
	}
	int e = qf_regex_new(&r->re, qf_slice(text + 1, n - 2), NULL, p->err);

	if (e < 0)
		qf_err_prefix(p->err, "script line %u", p->line);
	return e;
}

static int check_rule(struct parser *p, struct fake_rule *r)
{
	if (r->batches > 0 && r->rows == 0)
		r->rows = r->batches;
	if (r->batches > r->rows)
		return bad(p, "more batches than rows", "batches");
	if (r->affected > 0 && r->has_rows)
		return bad(p, "rows and affected exclude each other", "affected");
	return 0;
}

static int rule(struct parser *p, char *head, char *rest)
{
	struct fake_rule *r = &p->s->rules[p->s->n++];
	char *after = head;
	const char *first = word(&after);
	int e = 0;

	if (strcmp(first, "match") == 0)
		e = pattern(p, r, trim(after));
	else if (strcmp(first, "default") != 0 || *trim(after))
		e = bad(p, "a line starts with match PATTERN, default or log FILE, not", first);
	for (char *part; e == 0 && (part = next_part(&rest));)
		e = action(p, r, part);
	return e == 0 ? check_rule(p, r) : e;
}

static int line(struct parser *p, char *text)
{
	char *rest = trim(text);

	if (!*rest || *rest == '#')
		return 0;
	if (strncmp(rest, "log ", 4) == 0) {
		p->s->log = qf_arena_strdup(p->s->arena, trim(rest + 4));
		return 0;
	}
	char *head = next_part(&rest);

	return rule(p, head, rest);
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

int fake_script_parse(struct fake_script *ret, const char *text, struct qf_err *reterr)
{
	struct parser p = { .s = ret, .err = reterr };
	char *copy = qf_xstrdup(text ? text : "");
	int r = 0;

	*ret = (struct fake_script){ .arena = qf_arena_new(0) };
	ret->rules = qf_arena_alloc(ret->arena, (count_lines(copy) + 1) * sizeof(*ret->rules));
	for (char *rest = copy, *next; r == 0 && rest; rest = next) {
		next = strchr(rest, '\n');
		if (next)
			*next++ = '\0';
		p.line++;
		r = line(&p, rest);
	}
	free(copy);
	if (r < 0) {
		fake_script_fini(ret);
		return r;
	}
	ret->rules[ret->n++] = (struct fake_rule){ .has_rows = true, .rows = 1 };
	return 0;
}

void fake_script_fini(struct fake_script *s)
{
	for (size_t i = 0; i < s->n; i++)
		qf_regex_free(s->rules[i].re);
	s->arena = qf_arena_free(s->arena);
	s->n = 0;
}

static bool contains(struct qf_slice sql, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= sql.n; i++)
		if (qf_slice_caseeq_str(qf_slice(sql.p + i, n), text))
			return true;
	return false;
}

const struct fake_rule *fake_script_match(const struct fake_script *s, struct qf_slice sql)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct fake_rule *r = &s->rules[i];

		if (r->text ? contains(sql, r->text) :
			      !r->re || qf_regex_match(r->re, sql, NULL, NULL) == QF_REGEX_YES)
			return r;
	}
	return NULL;
}
