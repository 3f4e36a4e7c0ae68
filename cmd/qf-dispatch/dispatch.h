/*
 * qf-dispatch: groups, queues, slots, engines, transactions and result streams. One loop thread; engines
 * run on threads of their own and call back on the loop.
 *
 * A listener (one epoch of a qf-listen) owns its streams and pins here. A stream is one statement: its
 * qf_rd machine decides, the functions below carry out. A pin is one engine connection and one slot of its
 * group, held over statements.
 */
#ifndef QF_DISPATCH_H
#define QF_DISPATCH_H

#include "journal.h"

#include "qf/arena.h"
#include "qf/auth.h"
#include "qf/engine.h"
#include "qf/list.h"
#include "qf/lru.h"
#include "qf/map.h"
#include "qf/ring.h"
#include "qf/svc.h"

#define PEER_WINDOW (2u << 20)	 /* row bytes that a listener has not read yet, all its streams together */
#define STREAM_WINDOW (4u << 20) /* and of one stream that its client has not taken */
#define STREAM_WINDOW_MIN (256u << 10)
#define MOVES_MAX 8	       /* members that a statement tries in all, less one */
#define RESULT_MAX (64u << 10) /* a result up to this size travels whole in one RESULT */

struct dispatch;

struct cluster {
	const struct qf_conf_cluster *conf; /* the current one */
	struct qf_conf *model;		    /* the engine was opened from it and borrows from it */
	const struct qf_engine_ops *ops; /* NULL: this kind is not built */
	struct qf_engine *engine;	 /* NULL: down, see why */
	char why[400];
	unsigned running;
	bool describing; /* a statement that needs no slot is described beside those that run */
	struct qf_lru *columns; /* of tables, see catalog.c */
	bool written; /* since its start: matters when its content dies with this process */
	struct qf_list link;
};

struct group {
	struct dispatch *d;
	const struct qf_conf_group *conf; /* NULL: removed by a reload, drains */
	char *name;
	struct cluster **members;
	size_t n_members, next; /* next: round robin */
	unsigned running;
	struct qf_list queue; /* streams that are ready, by arrival */
	struct qf_list describes; /* the same, of those that are only described */
	unsigned queued;      /* ready or still being translated */
	uint64_t freed_ns;    /* when a slot was last given back */
	struct qf_list busy;  /* streams that hold a slot */
	struct qf_timer stall; /* armed while somebody waits */
	bool serving;
	struct qf_list link;
};

struct listener {
	struct dispatch *d;
	struct qf_peer *peer; /* NULL: it died; freed with its last stream */
	char instance[33];
	uint64_t epoch;
	struct qf_map *streams; /* id → stream */
	struct qf_map *pins;	/* id → pin */
	struct qf_map *fences;	/* id → highest attempt that must not run, of streams that were retired */
	size_t unread;		/* row bytes sent that it has not read */
	struct qf_list rows;	/* streams with rows to send, in turn */
	struct qf_list link;
};

/* A connection and its slot, held over statements: by a transaction, or for what the session keeps there. */
struct pin {
	struct listener *listener;
	uint64_t id;
	struct group *group;
	struct cluster *cluster;
	struct qf_engine_conn *conn;
	struct stream *stream; /* running on it now */
	bool ending;	       /* its listener is gone: ROLLBACK runs, then it is released */
	bool in_transaction;
	bool failed;	       /* it takes nothing but ROLLBACK */
	unsigned held;	       /* enum qf_held */
	struct qf_timer idle;  /* no listener speaks of it any more */
	struct qf_engine_job rollback;
};

struct target { /* a dialect that a member of the group speaks, and the statement in it */
	enum qf_dialect dialect;
	struct cluster *cluster; /* whose columns count; NULL: every member with the dialect */
	enum { TARGET_ASKED, TARGET_READY, TARGET_REFUSED } state;
	struct qf_slice sql; /* from the stream's arena */
	bool translated;     /* not sent as written */
	uint64_t catalog;    /* when the tables were so that the translation builds on */
	struct qf_engine_table *tables;
	size_t n_tables;
	struct request *asked; /* of the catalog or of qf-translate, and not answered */
};

struct request { /* a translation that is not there yet */
	uint64_t id;
	struct stream *stream;
	struct target *target;
	struct qf_peer *peer; /* NULL: waits for a qf-translate */
	struct qf_buf key;
	struct qf_timer limit;
	struct lookup *lookup;	      /* in the engine's catalog, not done */
	struct qf_table_name *names;  /* of the statement; from the stream's arena, as the next two */
	struct qf_engine_table *wanted; /* the same as the engine has them */
	struct qf_slice *columns;
	size_t n_names;
	struct qf_buf tables; /* JSON */
};

struct stream {
	struct qf_rd rd;
	struct listener *listener;
	struct dispatch *d;
	uint64_t id;
	struct qf_arena *arena;
	const char *query_id;
	struct qf_engine_setting *settings; /* from the arena */
	size_t n_settings;
	const struct qf_bind *bind, *native; /* from the arena; native: of its text, where bind is of what stands in it */
	const char *user, *database;
	bool keyed; /* its session has SCRAM keys */
	struct qf_slice sql;
	enum qf_dialect dialect;
	enum qf_access access;
	uint64_t fingerprint, session;
	enum qf_frontend frontend;

	struct group *group;
	struct cluster *cluster;
	struct qf_list link; /* of group.queue */
	uint64_t seq, admitted_ns, started_ns, queue_ns, slot_idle_ns;
	bool waited; /* for a slot */
	bool beside; /* it is described without a slot of its group */
	struct target *targets;
	unsigned stale;	      /* times that it found a table changed: no cache is believed */
	bool without_columns; /* nor is a look-up */
	unsigned n_targets, n_asked;
	char **notices; /* warnings and doubts let through */
	size_t n_notices;
	struct qf_timer timer;	  /* the wait in the queue, then the deadline */
	uint64_t deadline_ns;	  /* monotonic; 0 = none */
	struct qf_timer announce; /* ACCEPTED is sent only when the answer is not there at once */
	bool announced;
	uint64_t ticket; /* its verdict may be used again, under this configuration id; 0: may not */

	uint64_t pin_id;
	uint8_t pin_flags;
	bool pin_gone; /* it had one, whose connection is lost */
	bool in_transaction; /* it was part of one */
	struct pin *pin;
	struct qf_engine_conn *conn;
	struct qf_engine_job job;
	/* PHASE_TRANSLATE: once more, while it holds its slot; PHASE_KEYS: its listener is asked for its user's */
	enum { PHASE_NONE, PHASE_BEGIN, PHASE_STATEMENT, PHASE_TRANSLATE, PHASE_KEYS } phase;
	int slot; /* of the journal; -1 = none */

	struct qf_sql_error refusal; /* with REFUSE, or why we interrupted it */
	struct qf_engine_end end;
	struct qf_buf schema, held;  /* RESULT in the making: schema, and batches as [u32 length][bytes] */
	bool streaming;		     /* SCHEMA was sent: rows go on .rows */
	bool sent_batch, ended_by_engine;
	bool interrupted;	     /* by cancel, deadline or a row too large */
	uint64_t input_bytes;	     /* that the engine was given; INPUT says how many were before it */
	bool row_lost;		     /* one was too large: what is left is no result */
	bool described;		     /* there are no rows: schema and param_types are the answer */
	struct qf_buf param_types;   /* u32 each */
	struct qf_buf fields;	     /* end.fields */
	struct cluster *avoid[MOVES_MAX]; /* could not be reached */
	size_t n_avoid;
	struct qf_task settle; /* end of turn: decide between RESULT and streaming */
	struct qf_list out;    /* row messages waiting for the listener's window */
	struct qf_list rows_link;
	size_t granted; /* initial window given to the engine */
	uint64_t produced, credited, full_ns; /* row bytes; since when its window has been nearly full */
	struct qf_list busy; /* of group.busy */
};

struct dispatch {
	struct qf_run *run;
	struct qf_list clusters, groups, listeners;
	struct journal *journal;
	struct qf_lru *translations;
	struct qf_map *asked; /* request id → translation, see translate.c */
	struct qf_list lookups; /* see catalog.c */
	uint64_t next_request, seq;
	unsigned open_streams;
	struct qf_timer stop_limit;
	struct qf_timer tell; /* armed: qf-admin is to be told the state */
	bool draining, stopping; /* stopping: the drain time is over */
};

/* main.c */
void dispatch_maybe_drained(struct dispatch *d);

/* place.c: messages that name a stream */
void on_place(void *arg, struct qf_peer *from, const struct qf_msg *m); /* ROUTED, EXECUTE */
void on_resolve(void *arg, struct qf_peer *from, const struct qf_msg *m);
void on_cancel(void *arg, struct qf_peer *from, const struct qf_msg *m);
void on_credit(void *arg, struct qf_peer *from, const struct qf_msg *m);
void on_keys(void *arg, struct qf_peer *from, const struct qf_msg *m);
void on_input(void *arg, struct qf_peer *from, const struct qf_msg *m);
/* Its pin has a connection already. */
bool stream_in_pin(const struct stream *s);
void on_retired(void *arg, struct qf_peer *p, const uint64_t *streams, size_t n);

/* listener.c */
void listener_up(struct dispatch *d, struct qf_peer *p);
void listener_lost(struct dispatch *d, struct qf_peer *p);
void listener_maybe_free(struct listener *l);

/* stream.c: the one place where a stream's state changes */
struct stream *stream_new(struct listener *l, uint64_t id);
uint16_t stream_fence(const struct listener *l, uint64_t id); /* of one that is retired; 0 = none */
void stream_step(struct stream *s, enum qf_rd_event e, uint16_t attempt);
void stream_refuse(struct stream *s, const char *sqlstate, const char *fmt, ...) qf_printf(3, 4);

/* apply.c */
struct group *group_find(struct dispatch *d, struct qf_slice name);
int groups_apply(struct dispatch *d, const struct qf_conf *conf, struct qf_err *reterr);
void groups_close(struct dispatch *d);

/* group.c */
void group_serve(struct group *g); /* starts what it has room for */
void group_stall(struct qf_timer *t); /* of group.stall: those whose clients take nothing while others wait */
void group_admit(struct stream *s);   /* translation, then the queue */
bool group_move(struct stream *s); /* to another member, with its slot; false: there is none */
void group_ready(struct stream *s);   /* all its targets are known */
/* The statement as that member reads it; NULL: it cannot be chosen. */
struct target *group_target(const struct stream *s, const struct cluster *c);
void group_dequeue(struct stream *s); /* out of the queue, wherever it is */
void group_release(struct group *g, struct cluster *c);
void group_leave(struct stream *s); /* its slot, or what it had in place of one */
void group_window_changed(struct stream *s);

/* run.c */
void run_start(struct stream *s);
void run_translated(struct stream *s); /* once more, because a table had changed */
void run_interrupt(struct stream *s);
void run_keys(struct stream *s, const struct qf_scram_keys *keys); /* the answer; NULL: there are none. Borrowed. */
void pin_release(struct pin *p, bool rollback);

/* rows.c */
void rows_schema(struct stream *s, struct qf_slice schema);
void rows_batch(struct stream *s, struct qf_slice batch);
void rows_end(struct stream *s);
void rows_pump(struct listener *l);
void rows_drop(struct stream *s);

/* control.c: for qf-admin */
void control_tell(struct dispatch *d);	  /* the state, now */
void control_changed(struct dispatch *d); /* a statement's state, a group or a cluster: it is told soon */
void on_control(void *arg, struct qf_peer *from, const struct qf_msg *m);

/* reply.c: what is said to a listener */
void say_accepted(struct stream *s);
void say_bounced(struct qf_bus *bus, struct qf_peer *to, uint64_t stream, uint16_t attempt, const char *why,
		 uint64_t conf_id);
void say_resolved(struct stream *s, enum qf_verdict v, uint16_t attempt);
void say_never(struct qf_bus *bus, struct qf_peer *to, uint64_t stream, uint16_t attempt);
void say_failed(struct stream *s, const struct qf_sql_error *e);
void say_end(struct stream *s);
void say_notices(struct stream *s); /* what its translation gave rise to, once */
void say_notice(struct stream *s, const char *severity, const char *sqlstate, const char *text, struct qf_slice fields);
void say_async(struct stream *s, struct qf_slice message);
bool say_keys(struct stream *s); /* asks for the SCRAM keys of its user; false: its listener is not there */
void say_input_taken(struct stream *s, size_t bytes);
/* To the listener of a pin that no statement uses now; lost: its connection is gone, there is no message. */
void say_pin(struct pin *p, struct qf_slice message, bool lost);

/* catalog.c */
uint64_t catalog_state(const struct stream *s, const struct target *t); /* 0: no columns can be had */
void catalog_key(struct qf_buf *key, const struct stream *s, uint64_t state);
/* False: the engine is asked, and translate_go_on() comes; else q->tables is filled. */
bool catalog_find(struct request *q);
void catalog_forget(struct request *q);
void catalog_close(struct dispatch *d); /* after the engines */

/* translate.c */
void translate_ask(struct stream *s, struct target *t);
/* What the target's engine runs, before translation: the statement, or of one that only PostgreSQL knows what stands in it. */
struct qf_slice translate_text(const struct stream *s, const struct target *t);
void on_translated(void *arg, struct qf_peer *from, const struct qf_msg *m);
void translate_peer_lost(struct dispatch *d, struct qf_peer *p);
void translate_peer_up(struct dispatch *d);
void translate_forget(struct stream *s);
void translate_go_on(struct request *q); /* its columns are known, or will not be */
void translate_close(struct dispatch *d);

#endif
