/* Inside lib/bus: the structures behind qf_bus and qf_peer. One loop thread owns all of it. */
#ifndef QF_BUS_PRIVATE_H
#define QF_BUS_PRIVATE_H

#include "qf/bus.h"
#include "qf/clock.h"
#include "qf/list.h"
#include "qf/map.h"

#include <sys/types.h>
#include <zmq.h>

#define RID_MAX 80
#define OUTQ_MAX_BYTES (64u << 20) /* waiting for a peer that does not read; beyond it the link is cut */
#define PING_NS QF_SEC
#define SILENT_NS (3 * QF_SEC)
#define HELLO_NS (500 * QF_MS)
#define RETIRE_AT_ONCE 256
#define EVENTS_MAX (64u << 10)
#define EVENTS_NS (100 * QF_MS)

struct qf_link;

struct peer {
	struct qf_peer pub;
	struct qf_list link; /* of qf_bus.peers */
	struct qf_bus *bus;
	struct qf_link *via; /* we connected to it; NULL: it connected to us */
	char rid[RID_MAX];   /* its routing id on our ROUTERs when via is NULL */
	bool has_rows, said_bye;
	int pidfd;
	struct qf_watch pid_watch;
	uint64_t heard_ns;
	struct qf_list outq; /* struct waiting */
	size_t outq_bytes;
	uint64_t *retired;
	size_t n_retired, cap_retired;
};

/* One instance of a program that we ask: the DEALER to its .sock and, for rows, the one to its .rows. */
struct qf_link {
	struct qf_list link; /* of qf_bus.links */
	struct qf_bus *bus;
	enum qf_program program;
	char instance[33];
	void *sock, *rows;
	struct qf_zsource zsock, zrows;
	bool sock_ok, rows_ok; /* HELLO answered */
	struct qf_timer hello; /* no answer in time: start over */
	struct peer *peer;
};

struct qf_bus {
	struct qf_bus_opts o;
	char *dir;
	char instance[33];
	char rid[RID_MAX]; /* ours, on the ROUTERs of others */
	uint64_t epoch;
	int lock_fd;
	void *ctx;
	void *router, *rows, *events; /* events: PULL in qf-admin, PUSH elsewhere */
	struct qf_zsource zrouter, zrows, zevents;
	int inotify_fd;
	struct qf_watch inotify;
	struct qf_timer tick, flush;
	struct qf_list peers, links;
	struct qf_map *by_rid; /* peers that connected to us */
	uid_t role_uid[QF_PROGRAM_N];
	struct qf_buf event_buf; /* [u32 length][message] … */
	struct qf_timer event_timer;
	uint64_t events_lost, events_waiting;
	bool in_free;
};

struct waiting { /* a message that a full pipe did not take */
	struct qf_list link;
	zmq_msg_t msg;
};

/* bus.c */
bool instance_ok(const char *s);
void bus_dispatch(struct qf_bus *b, struct peer *p, const struct qf_msg *m);

/* socket.c */
int socket_open(struct qf_bus *b, int type, void **ret, struct qf_err *reterr);
char *socket_path(const struct qf_bus *b, enum qf_program p, const char *instance, const char *suffix);
char *lock_path(const struct qf_bus *b, enum qf_program p, const char *instance);
int lock_take(struct qf_bus *b, struct qf_err *reterr);
bool lock_names(const struct qf_bus *b, enum qf_program p, const char *instance, int pid, uint64_t epoch);
int server_bind(struct qf_bus *b, struct qf_err *reterr);
void server_close(struct qf_bus *b);
int send_to(struct qf_bus *b, struct peer *p, struct qf_buf *msg, bool rows);
void flush_peer(struct peer *p);
void stamp_epoch(struct qf_buf *msg, uint64_t epoch);

/* hello.c */
void hello_send(struct qf_bus *b, struct qf_zsource *z, const char *rid, uint16_t flags);
void hello_from_client(struct qf_bus *b, const char *rid, const struct qf_msg *m, int src_fd);
void hello_from_server(struct qf_link *l, const struct qf_msg *m, int src_fd, bool rows);
void bus_log_bad(const struct qf_bus *b, const char *who, const struct qf_err *err);

/* peer.c */
struct peer *peer_new(struct qf_bus *b, enum qf_program program, const char *instance, uint64_t epoch, int pid);
void peer_up(struct peer *p);
void peer_lost(struct peer *p, const char *why);
void peer_heard(struct peer *p, const struct qf_msg *m);
void peer_tick(struct qf_bus *b);
void peer_ping(struct peer *p, uint16_t flags);

/* link.c */
void link_found(struct qf_bus *b, enum qf_program program, const char *instance);
void link_restart(struct qf_link *l);
bool link_drain(struct qf_link *l, const struct peer *p);
struct qf_link *link_free(struct qf_link *l);
int discover_start(struct qf_bus *b, struct qf_err *reterr);
void discover_stop(struct qf_bus *b);

#endif
