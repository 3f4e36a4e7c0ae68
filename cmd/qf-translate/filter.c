/* Reading, splitting, and the order of the answers: see filter.h. What is printed is in print.c. */
#include "filter.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "print.h"
#include "qf/clock.h"
#include "qf/svc.h"
#include "translator.h"

enum { SLOTS = 64, READ_SIZE = 64 << 10, MAX_HELD = 16 << 20 };

struct slot {
	struct filter *f;
	struct statement st; /* text is a copy of ours */
	struct result result;
	bool done;
};

struct filter {
	const struct filter_opts *o;
	struct qf_loop *loop;
	struct translator *tr; /* NULL: the dialects are the same */
	struct printer printer;
	struct qf_watch input;
	struct qf_task pump;
	bool regular; /* epoll does not take regular files: they are always ready */
	bool end;
	struct qf_buf buf;
	struct qf_split_feed feed;
	unsigned line; /* of the first byte of buf */
	struct slot slots[SLOTS];
	unsigned head, n; /* in order of the input */
	int status;
};

/* ---- answers ----------------------------------------------------------------------------------- */

static void stop(struct filter *f, int status)
{
	f->status = status;
	qf_loop_stop(f->loop);
}

static void slot_clear(struct slot *s)
{
	free(s->st.text);
	result_fini(&s->result);
	memset(&s->st, 0, sizeof(s->st));
	s->done = false;
}

/* Prints what is finished at the head of the line. */
static void flush(struct filter *f)
{
	while (f->n > 0 && f->slots[f->head].done) {
		struct slot *s = &f->slots[f->head];

		if (!print_result(&f->printer, &s->st, &s->result))
			f->status = QF_EXIT_FAILED;
		slot_clear(s);
		f->head = (f->head + 1) % SLOTS;
		f->n--;
	}
	if (f->n == 0 || !f->regular)
		fflush(stdout);
	if (ferror(stdout))
		stop(f, QF_EXIT_FAILED);
}

static void on_translation(void *arg, const struct translation *t)
{
	struct slot *s = arg;
	struct filter *f = s->f;

	if (t->status == TRANSLATE_DOWN) {
		fprintf(stderr, "qf-translate: %.*s\n", (int)t->text.n, (const char *)t->text.p);
		stop(f, QF_EXIT_FAILED);
		return;
	}
	result_take(&s->result, t);
	s->done = true;
	flush(f);
	qf_task_add(f->loop, &f->pump);
}

/* ---- statements -------------------------------------------------------------------------------- */

static void submit(struct filter *f, const struct qf_statement *st, unsigned text_line)
{
	struct slot *s = &f->slots[(f->head + f->n++) % SLOTS];
	struct translate_request r = { .from = f->o->from, .to = f->o->to, .guard = f->o->guard };

	s->f = f;
	s->st.text = qf_slice_dup(st->text);
	s->st.n = st->text.n;
	s->st.comment_n = st->comment.n;
	s->st.line = st->line;
	s->st.text_line = text_line;
	s->st.empty = st->empty;
	r.sql = qf_slice(s->st.text, s->st.n);
	r.schema = qf_slice_str(f->o->schema);
	r.types = f->o->types;
	if (st->empty || !f->tr) {
		struct translation same = { .sql = r.sql };

		result_take(&s->result, &same);
		s->done = true;
		flush(f);
		return;
	}
	translator_ask(f->tr, &r, on_translation, s);
}

static unsigned count_lines(const uint8_t *p, size_t n)
{
	unsigned lines = 0;

	for (const uint8_t *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

/* One statement with what ends it: the first `used` bytes of the buffer. */
static void take(struct filter *f, size_t used)
{
	struct qf_splitter sp = qf_splitter(qf_slice(f->buf.p, used), f->o->from);
	struct qf_statement st;

	sp.line = f->line;
	while (qf_split_next(&sp, &st))
		submit(f, &st, f->line + count_lines(f->buf.p, st.offset));
	f->line += count_lines(f->buf.p, used);
	qf_buf_consume(&f->buf, used);
}

static void read_input(struct filter *f)
{
	ssize_t n = read(f->input.fd, qf_buf_reserve(&f->buf, READ_SIZE), READ_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		fprintf(stderr, "qf-translate: %s: %s\n", f->printer.name, strerror(errno));
		stop(f, QF_EXIT_FAILED);
		return;
	}
	f->end = n == 0;
	f->buf.n += (size_t)n;
}

static void take_rest(struct filter *f)
{
	if (f->buf.n > 0)
		take(f, f->buf.n);
	if (f->n == 0)
		qf_loop_stop(f->loop);
}

/*
 * Takes statements while there is room for them, reads when there is none left to take. Bytes that are read
 * but not yet taken are bounded by READ_SIZE and one statement.
 */
static void pump(struct qf_task *t)
{
	struct filter *f = qf_container_of(t, struct filter, pump);
	size_t used;

	while (f->n < SLOTS && qf_split_feed_ready(&f->feed, qf_buf_slice(&f->buf), &used))
		take(f, used);
	if (f->n >= SLOTS) {
		qf_watch_mod(f->loop, &f->input, 0);
		return;
	}
	if (f->end) {
		take_rest(f);
		return;
	}
	if (f->buf.n > MAX_HELD) {
		fprintf(stderr, "%s:%u: a statement longer than 16 MiB\n", f->printer.name, f->line);
		stop(f, QF_EXIT_FAILED);
		return;
	}
	qf_watch_mod(f->loop, &f->input, EPOLLIN);
	if (f->regular) {
		read_input(f);
		qf_task_add(f->loop, &f->pump);
	}
}

static void on_input(struct qf_watch *w, uint32_t events)
{
	struct filter *f = qf_container_of(w, struct filter, input);

	(void)events;
	read_input(f);
	if (f->end)
		qf_watch_del(f->loop, &f->input);
	qf_task_add(f->loop, &f->pump);
}

/* ---- the run ----------------------------------------------------------------------------------- */

static int open_input(struct filter *f)
{
	f->printer.name = f->o->file ? f->o->file : "stdin";
	f->input.fd = f->o->file ? open(f->o->file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (f->input.fd < 0) {
		fprintf(stderr, "qf-translate: %s: %s\n", f->o->file, strerror(errno));
		return -1;
	}
	f->input.events = EPOLLIN;
	f->input.fn = on_input;
	f->regular = qf_watch_add(f->loop, &f->input) < 0;
	return 0;
}

static int open_translator(struct filter *f, struct qf_err *err)
{
	static char warm[80];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct translator_opts o = { .loop = f->loop, .workers = cpus < 2 ? 1 : cpus > 8 ? 8 : (unsigned)cpus,
				     .max_pending = SLOTS, .deadline_ns = 30 * QF_SEC, .cache_bytes = 1 << 20, .warm = warm };

	if (qf_dialect_same(f->o->from, f->o->to))
		return 0;
	snprintf(warm, sizeof(warm), "%s:%s", qf_dialect_name(f->o->from), qf_dialect_name(f->o->to));
	return translator_new(&f->tr, &o, err);
}

static void filter_fini(struct filter *f)
{
	translator_free(f->tr);
	qf_watch_del(f->loop, &f->input);
	if (f->o->file && f->input.fd >= 0)
		close(f->input.fd);
	for (unsigned i = 0; i < SLOTS; i++)
		slot_clear(&f->slots[i]);
	qf_buf_fini(&f->buf);
	qf_task_del(f->loop, &f->pump);
	qf_loop_free(f->loop);
}

int filter_run(const struct filter_opts *o)
{
	struct filter *f = qf_xcalloc(1, sizeof(*f));
	struct qf_err err = { 0 };

	f->o = o;
	f->line = 1;
	f->feed = qf_split_feed(o->from);
	f->printer.o = o;
	f->pump.fn = pump;
	qf_buf_init(&f->buf);
	if (qf_loop_new(&f->loop, &err) < 0 || open_translator(f, &err) < 0) {
		fprintf(stderr, "qf-translate: %s\n", err.text);
		f->status = QF_EXIT_FAILED;
	} else if (open_input(f) < 0) {
		f->status = QF_EXIT_FAILED;
	} else {
		qf_task_add(f->loop, &f->pump);
		if (qf_loop_run(f->loop) < 0)
			f->status = QF_EXIT_FAILED;
	}
	int status = f->status;

	if (f->loop)
		filter_fini(f);
	free(f);
	if (fflush(stdout) != 0)
		status = QF_EXIT_FAILED;
	return status;
}
