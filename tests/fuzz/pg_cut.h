/*
 * Decodes one input of the PostgreSQL protocol twice, in one piece and cut in two where the first input byte
 * says, and requires the same events. The fuzz target says with note_event() what of an event counts.
 */
#ifndef QF_TESTS_FUZZ_PG_CUT_H
#define QF_TESTS_FUZZ_PG_CUT_H

#include <stdlib.h>
#include <string.h>

#include "qf/proto/postgres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void note_event(struct qf_buf *trace, const struct qf_pg_event *ev);

struct conversation {
	struct qf_pg_decoder decoder;
	struct qf_buf have, trace;
	bool broken;
};

static void note(struct qf_buf *trace, struct qf_slice s)
{
	qf_buf_u64(trace, s.n);
	qf_buf_add_slice(trace, s);
}

static void feed(struct conversation *c, const uint8_t *p, size_t n)
{
	struct qf_pg_event ev = { .type = QF_PG_STARTUP };
	size_t used;

	qf_buf_add(&c->have, p, n);
	while (!c->broken && ev.type != QF_PG_NEED_MORE) {
		qf_pg_decode(&c->decoder, qf_buf_slice(&c->have), &used, &ev);
		if (used > c->have.n)
			abort();
		c->broken = ev.type == QF_PG_BROKEN;
		if (ev.type != QF_PG_NEED_MORE) {
			qf_buf_u8(&c->trace, (uint8_t)ev.type);
			note_event(&c->trace, &ev);
		}
		qf_buf_consume(&c->have, used);
	}
}

static void compare_cuts(const uint8_t *data, size_t size, bool started)
{
	struct conversation c[2] = { { .broken = false }, { .broken = false } };
	size_t cut = data[0] < size - 1 ? data[0] : size - 1;

	for (int i = 0; i < 2; i++) {
		qf_pg_decoder_init(&c[i].decoder, 128);
		c[i].decoder.started = started;
	}
	feed(&c[0], data + 1, size - 1);
	feed(&c[1], data + 1, cut);
	feed(&c[1], data + 1 + cut, size - 1 - cut);
	if (c[0].trace.n != c[1].trace.n || (c[0].trace.n && memcmp(c[0].trace.p, c[1].trace.p, c[0].trace.n) != 0))
		abort();
	for (int i = 0; i < 2; i++) {
		qf_buf_fini(&c[i].have);
		qf_buf_fini(&c[i].trace);
	}
}

#endif
