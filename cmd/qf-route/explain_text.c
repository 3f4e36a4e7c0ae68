/* An explained statement for a person. */
#include "explain.h"

#include "qf/str.h"

enum { LINE_MAX_BYTES = 120, LABEL = 13 };

/* On one line: runs of white space become one space, control bytes cannot reach the terminal. */
static void one_line(FILE *out, struct qf_slice s, size_t max)
{
	bool space = false;
	size_t n = 0, i;

	for (i = 0; i < s.n && n < max; i++) {
		if (s.p[i] <= ' ' || s.p[i] == 0x7f) {
			space = n > 0;
			continue;
		}
		if (space)
			fputc(' ', out);
		fputc(s.p[i], out);
		n += 1u + space;
		space = false;
	}
	while (i < s.n && (s.p[i] & 0xc0) == 0x80)
		fputc(s.p[i++], out);
	fputs(i < s.n ? " …\n" : "\n", out);
}

static void label(FILE *out, const char *name)
{
	fprintf(out, "  %-*s ", LABEL, name);
}

static void put_steps(FILE *out, const struct qf_explained *e)
{
	for (size_t i = 0; i < e->verdict.n_steps; i++) {
		const struct qf_route_step *s = &e->verdict.steps[i];

		fprintf(out, "  %3zu %-14s %-3s  %s", s->index, s->router,
			s->ns == 0   ? "-"
			: s->matched ? "yes"
				     : "no",
			s->reason);
		if (s->ns > 0)
			fprintf(out, "  (%.1f µs)", (double)s->ns / 1000.0);
		fputc('\n', out);
	}
}

static void put_verdict(FILE *out, const struct qf_route_verdict *v)
{
	label(out, v->denied ? "refused" : "group");
	fputs(v->denied ? v->message : v->group->name, out);
	if (v->index > 0)
		fprintf(out, ", by router %zu (%s)", v->index, v->router);
	else if (!v->denied)
		fputs(", by routingFallback: no rule matched", out);
	if (v->rule > 0)
		fprintf(out, ", rule %zu", v->rule);
	fputc('\n', out);
}

static void put_facts(FILE *out, const struct qf_explained *e)
{
	static const char *const access[] = {
		[QF_ACCESS_READ] = "reads only",
		[QF_ACCESS_WRITE] = "writes",
		[QF_ACCESS_UNKNOWN] = "may write (counts as a write)",
	};
	const struct qf_facts *f = &e->facts;

	label(out, "statement");
	fprintf(out, "%s, %s%s", qf_verb_name(f->verb), access[f->access], f->culprit.n > 0 ? " because of " : "\n");
	if (f->culprit.n > 0)
		one_line(out, f->culprit, 60);
	if (f->bad) {
		label(out, "");
		fputs("it ends inside a string, a comment or a quoted name\n", out);
	}
}

static void put_lines(FILE *out, const char *name, const char *const *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		label(out, "");
		fprintf(out, "%s: ", name);
		one_line(out, qf_slice_str(lines[i]), 1000);
	}
}

static void put_translation(FILE *out, const struct qf_explained *e, const struct qf_translated *t)
{
	const char *refusal = qf_explain_refusal(e, t);

	label(out, refusal != NULL ? "would refuse" : "would send");
	one_line(out, qf_slice_str(refusal != NULL ? refusal : t->sql), 100000);
	if (refusal != NULL && t->sql != NULL) {
		label(out, "");
		fputs("translation.errorOnUnsupported: false would send: ", out);
		one_line(out, qf_slice_str(t->sql), 100000);
	}
	put_lines(out, "warning", t->warnings, t->n_warnings);
	put_lines(out, "doubt", t->doubts, t->n_doubts);
	if (t->n_doubts > 0 && e->opts->schema == NULL) {
		label(out, "");
		fputs("columns are not known here: qf-dispatch asks the engine, which may settle a doubt; so does --schema FILE\n", out);
	}
}

static void put_members(FILE *out, const struct qf_explained *e)
{
	size_t usable = 0;

	for (size_t i = 0; i < e->n_members; i++) {
		const struct qf_explain_member *m = &e->members[i];
		const struct qf_conf_cluster *c = m->cluster;

		usable += c->enabled && qf_engine_kind_built(c->engine);
		label(out, i == 0 ? "members" : "");
		fprintf(out, "%s (%s%s%s): ", c->name, qf_engine_kind_name(c->engine), c->enabled ? "" : ", disabled",
			qf_engine_kind_built(c->engine) ? "" : ", known, not built yet");
		if (m->dialect == QF_DIALECT_NONE)
			fprintf(out, "%s to a dialect that only its driver knows\n", qf_dialect_name(e->dialect));
		else if (m->needed)
			fprintf(out, "from %s to %s, needs translation\n", qf_dialect_name(e->dialect),
				qf_dialect_name(m->dialect));
		else
			fprintf(out, "from %s to %s, no translation needed\n", qf_dialect_name(e->dialect),
				qf_dialect_name(m->dialect));
		if (m->translated != NULL)
			put_translation(out, e, m->translated);
	}
	if (e->n_members > 0 && usable == 0) {
		label(out, "");
		fputs("none of them can run it today: qf-dispatch will refuse it\n", out);
	}
}

void qf_explain_text(const struct qf_explained *e, FILE *out)
{
	const struct qf_explain_opts *o = e->opts;
	const struct qf_statement *st = &e->statement;
	size_t skip = st->comment.n > 0 ? (size_t)(st->comment.p - st->text.p) + st->comment.n : 0;

	fprintf(out, "%sstatement %zu, line %u: ", e->number > 1 ? "\n" : "", e->number, st->line);
	one_line(out, qf_slice(st->text.p + skip, st->text.n - skip), LINE_MAX_BYTES);
	label(out, "client");
	fprintf(out, "%s, dialect %s, user %s, database %s\n", qf_frontend_name(o->frontend),
		qf_dialect_name(e->dialect), o->user != NULL ? o->user : "-", o->database != NULL ? o->database : "-");
	put_steps(out, e);
	put_verdict(out, &e->verdict);
	put_facts(out, e);
	put_members(out, e);
}
