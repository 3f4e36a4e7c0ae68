/*
 * What a statement costs without the toolkit's hops: one process with qf-listen's client socket and encoder, the
 * same loop, and qf-dispatch's call of DuckDB. usage: direct CONFIG. Prints its port; ends by a signal.
 */
#include <signal.h>

#include "duck.h"
#include "wire.h"

enum { FLUSH_BYTES = 64 * 1024 };

struct direct {
	struct wire wire;
	struct duck duck;
};

static void on_query(struct wire *w, struct wire_conn *c, struct qf_slice sql)
{
	struct direct *d = qf_container_of(w, struct direct, wire);

	duck_query(&d->duck, c->id, sql);
}

static void on_drained(struct wire_conn *c)
{
	if (c->run && c->owed)
		duck_more(c->run, c->owed);
	c->owed = 0;
}

static void send_output(struct wire_conn *c, struct duck_run *r)
{
	if (c) {
		qf_buf_add_slice(&c->out, qf_buf_slice(&r->out));
		wire_flush(c);
	}
	qf_buf_clear(&r->out);
}

/*
 * Rows that the socket does not take hold their batches back, as a client that does not read does in the toolkit.
 * A small result leaves with its end, in one piece.
 */
static void on_output(struct duck *duck, struct duck_run *r, size_t batch)
{
	struct direct *d = duck->arg;
	struct wire_conn *c = wire_find(&d->wire, r->id);

	if (c)
		c->run = r;
	if (r->out.n >= FLUSH_BYTES)
		send_output(c, r);
	if (c && !c->closed && c->out.n > 0)
		c->owed += batch;
	else
		duck_more(r, batch);
}

static void on_end(struct duck *duck, struct duck_run *r)
{
	struct direct *d = duck->arg;
	struct wire_conn *c = wire_find(&d->wire, r->id);

	if (c) {
		c->run = NULL;
		c->owed = 0;
	}
	send_output(c, r);
}

int main(int argc, char **argv)
{
	static struct direct d = { .wire = { .on_query = on_query, .on_drained = on_drained },
				   .duck = { .on_output = on_output, .on_end = on_end } };
	struct qf_err err = { 0 };

	if (argc != 2) {
		fprintf(stderr, "usage: direct CONFIG\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	d.duck.arg = &d;
	if (qf_loop_new(&d.wire.loop, &err) < 0)
		goto failed;
	d.duck.loop = d.wire.loop;
	if (duck_open(&d.duck, argv[1], &err) < 0 || wire_listen(&d.wire, &err) < 0)
		goto failed;
	return qf_loop_run(d.wire.loop) < 0;
failed:
	fprintf(stderr, "direct: %s\n", err.text);
	return 1;
}
