/*
 * One client socket on the loop: what has arrived, what waits to be sent, and when the peer is gone.
 *
 * The owner embeds a pg_conn, appends to `out`, consumes from the front of `in`, and is called once a turn
 * at most (ops->turn) when there may be something to do. What it appended is sent at the end of that turn.
 * While the owner is busy nothing is read, but the end of the stream is noticed: a client that closed its
 * half is gone. Limits: see the enum; `out` is bounded by its owner, who looks at pg_conn_room().
 * Under TLS `in` and `out` are in clear, and nothing that arrived in clear before is left in `in`.
 * After ops->gone, or pg_conn_close(), nothing is called any more. One loop thread.
 */
#ifndef QF_FRONTEND_PG_CONN_H
#define QF_FRONTEND_PG_CONN_H

#include <stdbool.h>

#include "qf/buf.h"
#include "qf/loop.h"
#include "qf/tls.h"

enum {
	PG_OUT_HIGH = 256 * 1024, /* over it nothing more is produced … */
	PG_OUT_LOW = 64 * 1024,	  /* … until the socket took it down to this */
};

enum pg_gone {
	PG_GONE_CLOSED,	  /* end of stream or a broken connection */
	PG_GONE_STALLED,  /* took nothing for the stall limit */
	PG_GONE_FINISHED, /* after pg_conn_finish() */
};

struct pg_conn;

struct pg_conn_ops {
	void (*turn)(struct pg_conn *c);
	void (*direct_tls)(struct pg_conn *c); /* the first byte is one of TLS, and c->sniff was set */
	void (*sent)(struct pg_conn *c); /* c->sent_bytes moved */
	void (*gone)(struct pg_conn *c, enum pg_gone why);
};

struct pg_conn {
	struct qf_loop *loop;
	const struct pg_conn_ops *ops;
	struct qf_watch watch;
	struct qf_task task;
	struct qf_timer timer; /* stall, or linger once finishing */
	uint64_t stall_ns; /* 0: no limit */
	uint64_t sent_bytes; /* since the beginning */
	struct qf_buf in, out;
	struct qf_tls *tls; /* NULL: in clear */
	bool busy;	/* set by the owner: do not read */
	bool full;	/* between PG_OUT_HIGH and PG_OUT_LOW */
	bool reading;	/* EPOLLIN is asked for; may lag behind busy by one event */
	bool blocked;	/* the socket takes no more */
	bool finishing; /* nothing is read any more; closes when out is sent */
	bool shut;	/* our half is closed */
	bool sniff;	/* set by the owner: look at the first byte before it is read */
	bool tls_sends; /* TLS has to send before it can read on */
};

/* Takes over fd. */
int pg_conn_init(struct pg_conn *c, struct qf_loop *loop, int fd, const struct pg_conn_ops *ops, uint64_t stall_ns)
	qf_must_check;
void pg_conn_close(struct pg_conn *c);	/* at once; harmless when closed */
/* The same, but first sends as much of `out` as the socket takes at once. */
void pg_conn_last_words(struct pg_conn *c);
bool pg_conn_closed(const struct pg_conn *c);
/* A call of ops->turn at the end of this turn of the loop; from inside of it, in the next turn. */
void pg_conn_kick(struct pg_conn *c);
/*
 * What waits is sent in clear, and from then on everything is encrypted. Nothing of `in` may be left behind the message
 * that is being looked at. direct: the client has begun without being asked [PG 55.2.11].
 */
void pg_conn_start_tls(struct pg_conn *c, struct qf_tls_config *config, bool direct);
void pg_conn_finish(struct pg_conn *c); /* send what waits, then gone(FINISHED) */
bool pg_conn_room(struct pg_conn *c);	/* more may be appended to out */
uint64_t pg_conn_queued(const struct pg_conn *c); /* what sent_bytes will be when out is sent */

#endif
