#include "script.h"

#include <string.h>

#include "chain.h"
#include "qf/clock.h"
#include "qf/str.h"

static const struct {
	const char *name, *text;
	bool failed, hurt;
} outcomes[QF_SCRIPT_N] = {
	[QF_SCRIPT_GROUP] = { "group", NULL, false, false },
	[QF_SCRIPT_NONE] = { "none", NULL, false, false },
	[QF_SCRIPT_DENY] = { "denied", NULL, false, false },
	[QF_SCRIPT_ERROR] = { "error", NULL, true, false },
	[QF_SCRIPT_DEADLINE] = { "deadline", NULL, true, true },
	[QF_SCRIPT_CRASHED] = { "crashed", NULL, true, true },
	[QF_SCRIPT_MALFORMED] = { "malformed", "its worker sent bytes that are no answer", true, true },
	[QF_SCRIPT_BUSY] = { "busy", "not asked: no worker was free in time", true, false },
	[QF_SCRIPT_BREAKER] = { "breaker", "not asked: it failed three times within 10 s and rests for 5 s", true, false },
	[QF_SCRIPT_DOWN] = { "down", "not asked: no worker can be started", true, false },
};

const char *qf_script_outcome_name(enum qf_script_outcome o)
{
	return outcomes[o].name;
}

bool qf_script_failed(enum qf_script_outcome o)
{
	return outcomes[o].failed;
}

bool qf_script_hurt(enum qf_script_outcome o)
{
	return outcomes[o].hurt;
}

void qf_script_describe(struct qf_buf *out, const struct qf_script_answer *a, const struct qf_conf_router *r)
{
	if (a->outcome == QF_SCRIPT_DEADLINE) {
		qf_buf_printf(out, "no answer within %llu ms", (unsigned long long)(r->script_deadline_ns / QF_MS));
		return;
	}
	if (a->outcome == QF_SCRIPT_CRASHED)
		qf_buf_add_str(out, "its worker was lost");
	if (a->outcome == QF_SCRIPT_CRASHED && a->text.n > 0)
		qf_buf_add_str(out, ": ");
	if (a->line > 0)
		qf_buf_printf(out, "line %u: ", a->line);
	if (outcomes[a->outcome].text != NULL)
		qf_buf_add_str(out, outcomes[a->outcome].text);
	for (size_t i = 0; outcomes[a->outcome].text == NULL && i < a->text.n; i++)
		qf_buf_u8(out, a->text.p[i] < ' ' || a->text.p[i] == 0x7f ? ' ' : a->text.p[i]);
}

/* ---- the request --------------------------------------------------------------------------------- */

static void put_slice(struct qf_buf *out, struct qf_slice s)
{
	qf_buf_u32(out, (uint32_t)s.n);
	qf_buf_add_slice(out, s);
}

static void put_text(struct qf_buf *out, const char *s)
{
	if (s == NULL)
		qf_buf_u32(out, UINT32_MAX);
	else
		put_slice(out, qf_slice_str(s));
}

static void put_pairs(struct qf_buf *out, const struct qf_conf_kv *list, size_t n)
{
	qf_buf_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		put_text(out, list[i].key);
		put_text(out, list[i].value);
	}
}

void qf_script_put_request(struct qf_buf *out, uint32_t script, const struct qf_route_input *in)
{
	qf_buf_u32(out, script);
	put_text(out, qf_frontend_name(in->frontend));
	put_text(out, in->user);
	put_text(out, in->database);
	put_text(out, in->schema);
	put_text(out, in->dialect != QF_DIALECT_NONE ? qf_dialect_name(in->dialect) : NULL);
	put_text(out, in->client);
	put_text(out, in->time_zone);
	put_text(out, in->pinned != NULL ? in->pinned->name : NULL);
	put_slice(out, in->sql);
	put_pairs(out, in->headers, in->n_headers);
	put_pairs(out, in->tags, in->n_tags);
}

void qf_script_put_sources(struct qf_buf *out, const struct qf_conf_router *routers, size_t n)
{
	size_t at = out->n;
	uint32_t count = 0;

	qf_buf_u32(out, 0);
	for (size_t i = 0; i < n; i++) {
		if (routers[i].type != QF_ROUTER_PYTHON)
			continue;
		put_text(out, routers[i].script_name);
		put_text(out, routers[i].script);
		count++;
	}
	qf_buf_put_u32_at(out, at, count);
}

/* ---- the answer ---------------------------------------------------------------------------------- */

static struct qf_slice read_text(struct qf_reader *r)
{
	uint32_t n = qf_read_u32(r);

	if (n > QF_SCRIPT_TEXT_MAX)
		qf_reader_fail(r);
	struct qf_slice s = qf_read_bytes(r, n);

	if (s.n > 0 && (memchr(s.p, 0, s.n) != NULL || !qf_utf8_valid(s)))
		qf_reader_fail(r);
	return s;
}

bool qf_script_read_answer(struct qf_slice frame, struct qf_script_answer *ret)
{
	struct qf_reader r = qf_reader(frame);
	struct qf_script_answer a = { 0 };
	uint8_t status = qf_read_u8(&r);

	a.line = qf_read_u32(&r);
	a.text = read_text(&r);
	a.printed = read_text(&r);
	if (!qf_reader_done(&r) || status > QF_SCRIPT_ERROR)
		return false;
	a.outcome = (enum qf_script_outcome)status;
	if (a.outcome != QF_SCRIPT_NONE && a.text.n == 0)
		return false;
	*ret = a;
	return true;
}
