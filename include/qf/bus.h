/*
 * The bus: which processes of the toolkit are there, and messages between them. DESIGN §3.
 *
 * Each program binds one ROUTER <dir>/<program>-<instance>.sock under an flock'ed .lock file (qf-dispatch a
 * second one, .rows) and opens one DEALER for each instance of the programs it asks. A peer exists after
 * HELLO both ways; it is watched by pidfd, so its death is exact. A peer that is silent is suspended, not
 * dead. The socket to a lost peer is closed and replaced, so nothing of it reaches the next epoch.
 *
 * One loop thread. A struct qf_peer stays valid until on_peer(LOST) returns; whoever keeps a pointer drops
 * it there. Handlers borrow the message for the call.
 */
#ifndef QF_BUS_H
#define QF_BUS_H

#include "qf/loop.h"
#include "qf/msg.h"

enum qf_program { QF_LISTEN, QF_ROUTE, QF_DISPATCH, QF_TRANSLATE, QF_ADMIN, QF_PROGRAM_N };

const char *qf_program_name(enum qf_program p);	 /* "listen" */
#define QF_ROLE(p) (1u << (p))

enum qf_peer_change { QF_PEER_UP, QF_PEER_SUSPENDED, QF_PEER_RESUMED, QF_PEER_LOST };

struct qf_bus;

struct qf_peer {
	enum qf_program program;
	char instance[33];
	uint64_t epoch;
	uint64_t conf_id;
	int pid;
	bool up, suspended;
	uint64_t events_lost; /* by it, as it says once a second */
	void *user; /* the program's own state for this peer */
};

struct qf_bus_handler {
	enum qf_kind kind;
	uint32_t roles; /* who may send it: QF_ROLE() bits */
	void (*fn)(void *arg, struct qf_peer *from, const struct qf_msg *m);
};

struct qf_bus_opts {
	struct qf_loop *loop;
	enum qf_program program;
	const char *instance; /* [a-z0-9_]{1,32} */
	const char *dir;      /* NULL: $QF_RUNTIME_DIR, else /run/queryflux */
	uint64_t conf_id;
	uint32_t asks; /* QF_ROLE() bits of the programs to connect to */
	bool temporary; /* a tool: its files are removed when it ends */
	bool rows;     /* qf-dispatch: bind .rows; qf-listen: read the .rows of each dispatch */
	const struct qf_bus_handler *handlers; /* ends with kind 0; HELLO, BYE, PING are the bus's own */
	void (*on_peer)(void *arg, struct qf_peer *p, enum qf_peer_change change);
	/* PING of a peer named streams that it retired. May be NULL. */
	void (*on_retired)(void *arg, struct qf_peer *p, const uint64_t *streams, size_t n);
	void *arg;
};

int qf_bus_new(struct qf_bus **ret, const struct qf_bus_opts *opts, struct qf_err *reterr) qf_must_check;
struct qf_bus *qf_bus_free(struct qf_bus *b); /* says BYE, waits a moment for it to leave */
uint64_t qf_bus_epoch(const struct qf_bus *b);
const char *qf_bus_dir(const struct qf_bus *b);
void qf_bus_set_conf_id(struct qf_bus *b, uint64_t id);

/* Walks peers that are up; start with NULL. */
struct qf_peer *qf_bus_next_peer(const struct qf_bus *b, struct qf_peer *after);
struct qf_peer *qf_bus_find(const struct qf_bus *b, enum qf_program program, struct qf_slice instance);

/*
 * Sends a finished message (copied). Never blocks: what the pipe does not take waits in a bounded queue
 * of the peer. QF_ECLOSED when the peer is gone, QF_ELIMIT when that queue is full.
 */
int qf_bus_send(struct qf_bus *b, struct qf_peer *to, struct qf_buf *msg) qf_must_check;
/* The same on the peer's rows link, from qf-dispatch. The bytes are taken over, not copied: *msg is left empty. */
int qf_bus_send_rows(struct qf_bus *b, struct qf_peer *to, struct qf_buf *msg) qf_must_check;
/*
 * Stream ids that travel with the next PING to that peer (within 1 s, or at once when many wait). Id 0, which goes
 * at once: all that the peer knows from its earlier epochs and was not asked about since HELLO.
 */
void qf_bus_retire(struct qf_bus *b, struct qf_peer *to, uint64_t stream);
/*
 * To the admin's event socket; lost when it is full or away, and counted. An EVENT that is sent with qf_bus_send()
 * tells a program's state instead: it is not lost, and its handler knows who sent it.
 */
void qf_bus_event(struct qf_bus *b, struct qf_buf *msg);
uint64_t qf_bus_events_lost(const struct qf_bus *b);

#endif
