/* Gathers what is to be said of each statement; explain_text.c and explain_json.c say it. */
#include "explain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "qf/str.h"
#include "scripts.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

struct explainer {
	const struct qf_explain_opts *opts;
	const struct qf_conf *conf;
	struct qf_chain *chain;
	struct qf_loop *loop;	    /* NULL: there are no scripts */
	struct qf_scripts *scripts;
	struct qf_route_walk walk;
	const struct qf_conf_router *script; /* whose answer the walk waits for */
	struct qf_arena *arena; /* of one statement */
	struct qf_slice text;	/* all statements */
	enum qf_dialect dialect;
	size_t number;
	bool refused, failed;
};

const char *qf_explain_refusal(const struct qf_explained *e, const struct qf_translated *t)
{
	if (t->sql == NULL)
		return t->error;
	if (e->conf->error_on_unsupported && t->n_warnings > 0)
		return t->warnings[0];
	if (e->conf->error_on_unsupported && t->n_doubts > 0)
		return t->doubts[0];
	return NULL;
}

/* Members of one dialect get one translation. */
static int translate_members(struct explainer *x, struct qf_explained *e)
{
	struct qf_translated *t;
	struct qf_err err;

	for (size_t i = 0; i < e->n_members; i++) {
		struct qf_explain_member *m = &e->members[i];

		for (size_t j = 0; j < i && m->translated == NULL; j++)
			if (e->members[j].dialect == m->dialect)
				m->translated = e->members[j].translated;
		if (!m->needed || m->translated != NULL || m->dialect == QF_DIALECT_NONE)
			continue;
		struct qf_translate_opts o = { e->dialect, m->dialect, e->opts->schema, e->opts->types };

		t = qf_arena_alloc(x->arena, sizeof(*t));
		if (qf_translate_run(t, &o, e->statement.text, x->arena, &err) != 0) {
			fprintf(stderr, "qf-route: %s\n", err.text);
			return -1;
		}
		m->translated = t;
		x->failed |= qf_explain_refusal(e, t) != NULL;
	}
	return 0;
}

static void list_members(struct explainer *x, struct qf_explained *e)
{
	const struct qf_conf_group *g = e->verdict.group;

	if (g == NULL)
		return;
	e->n_members = g->n_members;
	e->members = qf_arena_alloc(x->arena, g->n_members * sizeof(*e->members));
	for (size_t i = g->n_members; i-- > 0;) {
		e->members[i].cluster = g->members[i];
		e->members[i].dialect = qf_engine_kind_dialect(g->members[i]->engine);
		e->members[i].needed = !qf_dialect_same(e->dialect, e->members[i].dialect);
		if (g->members[i]->enabled)
			e->target = i;
	}
}

/* ---- scripts: the same walk as the service's, with a loop that runs while one is asked ------------------------ */

static void on_script(void *arg, const struct qf_script_answer *answer)
{
	struct explainer *x = arg;

	x->script = qf_chain_go_on(&x->walk, answer);
	qf_loop_stop(x->loop);
}

static int route(struct explainer *x, const struct qf_route_input *in, struct qf_route_verdict *ret)
{
	struct qf_script_answer at_once;

	x->script = qf_chain_begin(&x->walk, x->chain, in, ret, x->arena);
	while (x->script != NULL) {
		if (qf_scripts_ask(x->scripts, x->script, in, on_script, x, &at_once) == 0)
			x->script = qf_chain_go_on(&x->walk, &at_once);
		else if (qf_loop_run(x->loop) != 0)
			return -1;
	}
	return 0;
}

static void on_known(void *arg)
{
	qf_loop_stop(arg);
}

/* Until the scripts are compiled; an error names the place in the script. */
static int start_scripts(struct qf_scripts **ret, struct qf_loop *loop, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct qf_scripts_opts o = { .loop = loop, .conf = conf, .workers = 1, .alone = true, .on_known = on_known,
		.arg = loop };
	int rc = qf_scripts_new(ret, &o, reterr), state = 0;

	while (rc == 0 && (state = qf_scripts_state(*ret, reterr)) == 0)
		rc = qf_loop_run(loop);
	return rc != 0 ? rc : state < 0 ? state : 0;
}

int route_check(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct qf_scripts *scripts = NULL;
	struct qf_loop *loop = NULL;
	int rc;

	(void)ctx;
	(void)run;
	if (!qf_scripts_needed(conf))
		return 0;
	signal(SIGPIPE, SIG_IGN);
	rc = qf_loop_new(&loop, reterr);
	if (rc == 0)
		rc = start_scripts(&scripts, loop, conf, reterr);
	qf_scripts_free(scripts);
	qf_loop_free(loop);
	return rc;
}

static int explain_one(struct explainer *x, const struct qf_statement *st)
{
	const struct qf_explain_opts *o = x->opts;
	struct qf_explained e = {
		.opts = o, .conf = x->conf, .number = ++x->number, .statement = *st, .dialect = x->dialect
	};
	struct qf_route_input in = { .frontend = o->frontend,
		.dialect = x->dialect,
		.user = o->user,
		.database = o->database,
		.headers = o->headers,
		.n_headers = o->n_headers,
		.tags = o->tags,
		.n_tags = o->n_tags,
		.sql = st->text,
		.whole = x->text,
		.want_reasons = true };

	qf_arena_clear(x->arena);
	qf_sql_facts(st->text, x->dialect, &e.facts);
	if (route(x, &in, &e.verdict) != 0)
		return -1;
	x->refused |= e.verdict.denied;
	list_members(x, &e);
	if (o->translate && translate_members(x, &e) != 0)
		return -1;
	if (o->json)
		qf_explain_json(&e, stdout);
	else
		qf_explain_text(&e, stdout);
	return ferror(stdout) ? -1 : 0;
}

static int explain_all(struct explainer *x)
{
	struct qf_splitter sp = qf_splitter(x->text, x->dialect);
	struct qf_statement st;
	int rc = 0;

	while (rc == 0 && qf_split_next(&sp, &st))
		if (!st.empty)
			rc = explain_one(x, &st);
	if (rc != 0 || fflush(stdout) != 0)
		return QF_EXIT_FAILED;
	if (x->number == 0) {
		fprintf(stderr, "qf-route: there is no statement to explain\n");
		return QF_EXIT_USAGE;
	}
	return x->refused ? QF_EXIT_REFUSED : x->failed ? QF_EXIT_FAILED : QF_EXIT_OK;
}

static int read_all(int fd, const char *name, struct qf_buf *out)
{
	ssize_t n = 1;

	while (n > 0 && out->n <= TEXT_MAX) {
		n = read(fd, qf_buf_reserve(out, 65536), 65536);
		if (n > 0)
			out->n += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0)
		fprintf(stderr, "qf-route: %s: %s\n", name, strerror(errno));
	else if (n > 0)
		fprintf(stderr, "qf-route: %s: longer than 64 MiB\n", name);
	return n == 0 ? 0 : -1;
}

static int read_text(const struct qf_explain_opts *o, int argc, char **argv, struct qf_buf *out)
{
	int fd, rc;

	if (argc > 1 || (argc == 1 && o->file != NULL)) {
		fprintf(stderr,
			"qf-route: \"%s\" is one argument too many; options stand before the statement, which is one "
			"argument\n",
			argv[o->file != NULL ? 0 : 1]);
		return QF_EXIT_USAGE;
	}
	if (argc == 1 && strcmp(argv[0], "-") != 0) {
		qf_buf_add_str(out, argv[0]);
		return 0;
	}
	if (argc == 1)
		return read_all(STDIN_FILENO, "standard input", out) == 0 ? 0 : QF_EXIT_FAILED;
	if (o->file == NULL) {
		fprintf(stderr,
			"qf-route: --explain needs a statement: give it as an argument, with --file FILE, or - for "
			"standard input\n");
		return QF_EXIT_USAGE;
	}
	fd = open(o->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "qf-route: %s: %s\n", o->file, strerror(errno));
		return QF_EXIT_FAILED;
	}
	rc = read_all(fd, o->file, out);
	close(fd);
	return rc == 0 ? 0 : QF_EXIT_FAILED;
}

int qf_explain_dump_keys(void)
{
	size_t n;
	const struct qf_conf_key *k = qf_conf_keys(&n);

	for (size_t i = 0; i < n; i++)
		printf("%s\t%s\t%s\t%s\t%s\t%s\n", k[i].path, k[i].type, k[i].dflt, k[i].reload,
			k[i].refused ? "refused" : !k[i].built ? "known" : k[i].required ? "required" : "built", k[i].help);
	return fflush(stdout) == 0 ? QF_EXIT_OK : QF_EXIT_FAILED;
}

static int prepare_scripts(struct explainer *x, const struct qf_conf *conf, struct qf_err *reterr)
{
	int rc;

	if (!qf_scripts_needed(conf))
		return 0;
	rc = qf_loop_new(&x->loop, reterr);
	return rc != 0 ? rc : start_scripts(&x->scripts, x->loop, conf, reterr);
}

int qf_explain_run(const struct qf_explain_opts *o, const char *conf_path, int argc, char **argv)
{
	struct explainer x = { .opts = o };
	struct qf_conf *conf = NULL;
	struct qf_buf text;
	struct qf_err err;
	int status;

	signal(SIGPIPE, SIG_IGN);
	qf_buf_init(&text);
	status = read_text(o, argc, argv, &text);
	if (status != 0)
		goto out;
	status = QF_EXIT_USAGE;
	if (qf_conf_load(&conf, conf_path, &err) == 0)
		x.chain = qf_chain_new(conf, &err);
	if (x.chain == NULL || prepare_scripts(&x, conf, &err) != 0) {
		fprintf(stderr, "qf-route: %s\n", err.text);
		goto out;
	}
	x.conf = conf;
	x.dialect = o->dialect != QF_DIALECT_NONE ? o->dialect : qf_frontend_dialect(o->frontend);
	x.arena = qf_arena_new(0);
	x.text = qf_buf_slice(&text);
	status = explain_all(&x);
	qf_arena_free(x.arena);
out:
	qf_scripts_free(x.scripts);
	qf_loop_free(x.loop);
	qf_chain_free(x.chain);
	qf_conf_free(conf);
	qf_buf_fini(&text);
	return status;
}
