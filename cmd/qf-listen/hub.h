/*
 * The hub of qf-listen: it owns each client query until it is answered. DESIGN §2.
 *
 * A frontend starts a query; the hub gives it a stream id, sends it round the ring and runs its qf_rl
 * machine on what comes back: resolve, resend, or end it honestly. All on the loop thread. A query lives
 * until the frontend frees it; one that was abandoned lives until its outcome is settled with the ring.
 */
#ifndef QF_HUB_H
#define QF_HUB_H

#include "qf/arena.h"
#include "qf/frontend.h"
#include "qf/list.h"
#include "qf/lru.h"
#include "qf/map.h"
#include "qf/ring.h"
#include "qf/svc.h"
#include "qf/tls.h"

#include <time.h>

#define STREAM_WINDOW (4u << 20)
#define STREAM_WINDOW_MIN (256u << 10)
#define PEER_ACK (512u << 10) /* row bytes read before the dispatch is told */
#define PENDING_MAX (256ull << 20) /* statement bytes of all queries together */

struct place { /* one dispatch epoch that may have the current attempt */
	char instance[33];
	uint64_t epoch;
	bool answered;
	enum qf_verdict verdict;
	bool from_journal;
};

struct qf_query {
	struct qf_hub *hub;
	struct qf_rl rl;
	uint64_t id; /* stream */
	char public_id[QF_QUERY_ID];
	struct qf_query_request req;
	enum qf_frontend frontend;
	struct qf_facts facts;
	struct qf_slice sql; /* owned */
	struct qf_buf bind;  /* the fields of its bind */
	struct qf_pin *pin;
	bool begins;
	bool ticket;		/* this attempt, not in a pin, goes by an earlier verdict */
	struct qf_peer *route;	/* that got this attempt; NULL: none, or sent directly */
	struct qf_peer *holder; /* the dispatch that has it */
	struct place *places;
	unsigned n_places;
	unsigned bounces;
	bool pausing;	   /* after BOUNCED */
	char bounced[128]; /* why */
	struct qf_timer timer; /* ringTimeout, or the pause after BOUNCED */
	uint64_t give_up_ns, started_ns;
	struct qf_list waiting; /* of hub.waiting */
	size_t window, taken;
	uint64_t input_bytes; /* sent to the holder */
	bool input_lost;   /* some could not be sent: nothing goes behind it, and the statement is cancelled */
	bool cancel_waits; /* CANCEL could not be sent either: the timer tries again */
	struct qf_buf columns; /* the client is told with its first rows: until then it may run once more */
	struct qf_buf partial; /* a batch that comes in pieces */
	struct qf_buf record;  /* RESOLVED of a journal that knows the end, to be delivered */
	bool has_rows;
	char group[64], cluster[64];
	uint64_t queue_ns, run_ns, slot_idle_ns;
	enum qf_dialect from, to; /* when it was translated; else QF_DIALECT_NONE */
	bool waited;
	struct qf_query_end end;
	enum qf_encoding encoding;
	char tag_text[64];
	struct qf_buf fields; /* end.fields */
	uint32_t *param_types; /* end.param_types */
	bool ended;	    /* end is set; on_end is to be called, or was */
	bool called;	    /* on_end was called */
	bool abandoned;	    /* nobody to call back: freed with its end */
	struct qf_task end_task;
};

struct qf_pin {
	struct qf_hub *hub;
	uint64_t id;
	char group[64];
	char instance[33];
	uint64_t epoch;
	bool placed, in_transaction, dead;
	unsigned held; /* enum qf_held */
	void (*on_async)(void *arg, struct qf_slice message);
	void (*on_lost)(void *arg);
	void *arg; /* of both */
	bool freed; /* by the frontend, while a statement of it is still running */
	struct qf_query *query;
	struct qf_list link;
};

struct qf_hub {
	struct qf_run *run;
	struct qf_map *streams; /* id → query */
	struct qf_list waiting, pins;
	uint64_t next_stream, next_pin, sequence;
	size_t pending_bytes;
	struct qf_lru *tickets;
	struct qf_buf key; /* of a ticket, in the making */
	struct qf_listener *frontends[QF_FE_N];
	struct qf_unix_socket local; /* PostgreSQL's */
	struct qf_tls_config *tls; /* of new connections; NULL: none */
	struct qf_auth *auth; /* of new logins */
	struct keys *keys; /* of users who are logged in; NULL: none were */
	unsigned draining; /* frontends that are not empty yet */
	struct qf_timer tell;
	struct qf_buf told; /* the state as qf-admin has it, and which epoch of it */
	uint64_t told_epoch;
	char tag[8], stamp[24];
	time_t stamp_second;
};

/* hub.c */
void query_step(struct qf_query *q, enum qf_rl_event e);
void query_finish(struct qf_query *q);
void hub_fail(struct qf_query *q, const char *sqlstate, const char *text, const char *hint);
void hub_try_waiting(struct qf_hub *h);
void query_drop(struct qf_query *q);

/* send.c: what goes to route and dispatch */
bool send_attempt(struct qf_query *q);
void send_resolve(struct qf_query *q);
void send_resolve_to(struct qf_query *q, struct place *p, struct qf_peer *peer);
void send_cancel(struct qf_query *q);
/* False: not sent. */
bool send_input(struct qf_query *q, struct qf_slice messages);
bool send_about(struct qf_hub *h, struct qf_peer *to, enum qf_kind kind, uint64_t stream, uint16_t attempt);
void send_credit(struct qf_hub *h, struct qf_peer *to, uint64_t stream, uint16_t attempt, uint64_t bytes);
/* The answer to KEYS; NULL: there are none. */
void send_keys(struct qf_hub *h, struct qf_peer *to, const struct qf_msg *question, const struct qf_scram_keys *keys);
void send_retire(struct qf_query *q);
void send_ended_event(struct qf_query *q);

/* receive.c */
extern const struct qf_bus_handler hub_handlers[];
void deliver_record(struct qf_query *q);

/* ticket.c */
void tickets_open(struct qf_hub *h);
void tickets_close(struct qf_hub *h);
/* The qf-dispatch that takes the statement without a new verdict; NULL: qf-route is to be asked. */
struct qf_peer *ticket_find(struct qf_query *q);
void ticket_keep(struct qf_query *q, const struct qf_msg *m, const struct qf_peer *from);

/* peers.c: what a peer's coming and going means for the queries */
void hub_on_peer(void *ctx, struct qf_peer *p, enum qf_peer_change change);
void hub_resolved(struct qf_query *q);

/* control.c: for qf-admin */
void control_tell(struct qf_hub *h); /* the state, now and whenever it changes */
void control_stop(struct qf_hub *h);
void on_control(void *arg, struct qf_peer *from, const struct qf_msg *m);

/* keys.c */
void keys_close(struct qf_hub *h);

/* pin.c */
void pin_after(struct qf_query *q, const struct qf_msg *m, struct qf_peer *at);
struct qf_pin *pin_find(struct qf_hub *h, uint64_t id);
void pin_lost(struct qf_pin *pin);
void pin_drop(struct qf_pin *pin);

#endif
