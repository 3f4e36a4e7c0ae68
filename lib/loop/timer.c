/*
 * Timers: see qf/loop.h. A binary min-heap by time, then by the order of arming. Within a turn the time
 * stands still and nothing is armed for the turn's own time, so a timer that arms itself again for at once
 * runs in the next turn and starves nobody.
 */
#include "loop_private.h"
#include "qf/buf.h"

static bool before(const struct qf_timer *a, const struct qf_timer *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void put(struct qf_loop *l, size_t pos, struct qf_timer *t)
{
	l->heap[pos] = t;
	t->heap_pos = pos;
}

static void sift_up(struct qf_loop *l, size_t pos)
{
	struct qf_timer *t = l->heap[pos];

	for (; pos > 1 && before(t, l->heap[pos / 2]); pos /= 2)
		put(l, pos, l->heap[pos / 2]);
	put(l, pos, t);
}

static void sift_down(struct qf_loop *l, size_t pos)
{
	struct qf_timer *t = l->heap[pos];

	for (;;) {
		size_t child = pos * 2;

		if (child < l->n_timers && before(l->heap[child + 1], l->heap[child]))
			child++;
		if (child > l->n_timers || !before(l->heap[child], t))
			break;
		put(l, pos, l->heap[child]);
		pos = child;
	}
	put(l, pos, t);
}

static void push(struct qf_loop *l, struct qf_timer *t)
{
	if (l->n_timers + 1 >= l->heap_cap) {
		l->heap_cap = l->heap_cap ? l->heap_cap * 2 : 64;
		l->heap = qf_xrealloc(l->heap, l->heap_cap * sizeof(struct qf_timer *));
	}
	put(l, ++l->n_timers, t);
}

void qf_timer_set(struct qf_loop *l, struct qf_timer *t, uint64_t delay_ns)
{
	uint64_t now = qf_loop_now(l);

	qf_assert(t->fn);
	if (delay_ns == 0)
		delay_ns = 1;
	t->at_ns = delay_ns > UINT64_MAX - now ? UINT64_MAX : now + delay_ns;
	t->seq = l->timer_seq++;
	if (t->heap_pos == 0)
		push(l, t);
	sift_up(l, t->heap_pos);
	sift_down(l, t->heap_pos);
}

void qf_timer_stop(struct qf_loop *l, struct qf_timer *t)
{
	size_t pos = t->heap_pos;

	if (pos == 0)
		return;
	struct qf_timer *last = l->heap[l->n_timers--];

	t->heap_pos = 0;
	if (last == t)
		return;
	put(l, pos, last);
	sift_up(l, pos);
	sift_down(l, last->heap_pos);
}

bool qf_timer_armed(const struct qf_timer *t)
{
	return t->heap_pos != 0;
}

void qf_loop_run_timers(struct qf_loop *l)
{
	while (l->n_timers > 0 && l->heap[1]->at_ns <= l->now_ns) {
		struct qf_timer *t = l->heap[1];

		qf_timer_stop(l, t);
		t->fn(t);
	}
}
