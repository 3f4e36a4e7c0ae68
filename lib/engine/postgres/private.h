/*
 * Inside the PostgreSQL adapter. Everything runs on the loop thread but for what crew.h and dial.h say.
 *
 * What is sent on a connection goes in groups, each answered by one ReadyForQuery; the queue of them says whose the
 * answers are. When the queue is empty pge_conn_advance() decides what comes next: clean up after the last session, tell
 * the settings of this one, run its statement, or be idle.
 */
#ifndef QF_ENGINE_POSTGRES_PRIVATE_H
#define QF_ENGINE_POSTGRES_PRIVATE_H

#include <libpq-fe.h>
#include <openssl/ssl.h>

#include "adapter.h"
#include "crew.h"
#include "keys.h"
#include "qf/clock.h"
#include "qf/list.h"
#include "qf/map.h"
#include "qf/proto/postgres.h"
#include "qf/sql.h"
#include "qf/types.h"


struct pge_connecting; /* connect.c */
struct pge_known;      /* known.c */
struct pge_cancelling; /* cancel.c */

enum pge_state {
	PGE_CONNECTING,
	PGE_OPEN, /* the socket is ours */
	PGE_LOST, /* there is no connection any more; freed when nobody holds it */
};

enum pge_group {
	PGE_GROUP_SETUP,	   /* after the connection: the baseline */
	PGE_GROUP_ROLLBACK, /* of what a session left open */
	PGE_GROUP_RESET,	   /* of what it may have left behind */
	PGE_GROUP_DISCARD,  /* … and what goes before it */
	PGE_GROUP_BASELINE, /* again, before the settings of a session that has reset all */
	PGE_GROUP_PING,	   /* nothing but a round trip */
	PGE_GROUP_ORIGIN,   /* application_name */
	PGE_GROUP_SETTINGS,
	PGE_GROUP_LOOK, /* at tables: for a look-up, or before a statement that was translated with one */
	PGE_GROUP_RUN,
	PGE_GROUP_HELD, /* what the session holds now, behind a run */
};

enum { PGE_GROUPS_MAX = 4 }; /* outstanding at once */

/* What a statement's text says about what it leaves behind. See state.c. */
struct pge_effects {
	bool dirty;	   /* may leave state that is not described below */
	bool discards;	   /* prepared statements of ours may be gone, or there are some of the client's */
	bool sets;	   /* SET or RESET of a setting: see pge_settings_ran() */
	bool catalog;	   /* may change what tables look like */
	bool whole;	   /* takes effect whole or not at all when its connection ends */
	bool reads;	   /* certainly only reads */
	bool opaque;	   /* runs what its text does not show */
	bool keeps_role;   /* it certainly does not change the role. See role.c */
	bool sets_role;	   /* its text says that it does */
	bool sets_by_param; /* … or that a parameter says which setting it changes */
	unsigned holds;	   /* enum qf_held that it may begin */
	unsigned releases; /* … and that it certainly ends */
	enum qf_verb verb;
	uint64_t fingerprint;
};

/* A statement that is prepared on one connection. See statements.c. */
struct pge_statement {
	struct qf_list link; /* of pge_statements.used */
	char name[48];
	struct qf_buf key;
	bool parsed;	  /* the server has it */
	bool doubtful;	  /* … or not: it is closed before it is prepared again */
	uint64_t catalog; /* … since then */
	bool described;
	struct qf_buf columns; /* described: body of its RowDescription, with the formats of Arrow; empty: no rows */
};

struct pge_statements {
	struct qf_map *by_text;
	struct qf_list used; /* the longest unused first */
	size_t count;
	uint64_t last;
	const char *suffix; /* of their names */
	struct qf_buf key; /* scratch */
};

struct pge_setting {
	char *name, *value; /* value NULL: the default */
	bool unsure;	    /* the connection may have something else */
	bool in_transaction; /* set or reset in the transaction that is open */
	bool ours;	     /* by us, not by a statement of the client */
	bool sent;	     /* in the group that is on its way */
	bool fresh;	     /* … and not set before */
};

struct pge_settings {
	struct pge_setting *p;
	size_t n;
	bool prepared;	    /* the statement that sets is known to the server */
	bool held_prepared; /* … and the one of held.c */
	bool baseline_gone; /* see pge_baseline() */
};

/* The statement on its way. */
struct pge_run {
	struct qf_engine_job *job; /* NULL: none */
	struct pge_effects effects;
	struct pge_statement *statement; /* NULL: unnamed, or simple */
	bool parsing, binding; /* Parse, Bind were sent and are not answered yet */
	bool sent;	    /* its messages: it may have an effect from here on */
	bool compared;	    /* its tables were looked at */
	bool describing;    /* Arrow: what is on its way only describes it */
	bool simple;
	bool cancelled;	    /* cancel() was called */
	bool again;	    /* was prepared anew already */
	bool set_again;	    /* and so was what sets its settings */
	bool reused;	    /* what was prepared before */
	bool answered;	    /* the server has said anything to it */
	bool parsed, bound; /* … ParseComplete, BindComplete, or there was nothing to do */
	bool has_schema, copy_in, copy_out;
	uint16_t n_columns; /* of each row */
	char status; /* of its ReadyForQuery */
	bool copy_sync;	    /* of a COPY: its Sync is still to be sent */
	bool complete;	    /* CommandComplete and the like */
	bool failed;	    /* an error ended it; end.error says which */
	bool local_error;   /* … of ours, and the server goes on */
	bool described;	    /* its columns are known */
	char before;	    /* the connection's transaction when it was submitted */
	uint64_t sent_ns;
	bool asks_held; /* the question of held.c stands behind it */
	bool finishing; /* and is all that is missing: `end` is whole */
	uint64_t dropped;   /* rows that nobody gets */
	uint64_t rows;
	int64_t credit;
	struct qf_pgrows *arrow;
	uint64_t arrow_rows; /* not given away yet */
	struct qf_buf columns; /* Arrow, unnamed: as pge_statement.columns */
	struct qf_buf oids;
	size_t n_params;
	struct qf_buf fields; /* body of the ErrorResponse */
	struct qf_engine_end end;
};

/* As whom connections are at the engine. See identity.c. */
struct pge_identity {
	struct qf_list link; /* of qf_engine.identities, the longest unused first */
	struct qf_engine *engine;
	char *user;	/* the client's; NULL: the account of the cluster */
	unsigned conns; /* that are its own, until they are freed */
	bool gone;	/* it made room: freed with its last connection */
	uint64_t used_ns;
	/* back-off */
	unsigned failures;
	uint64_t retry_ns;
	bool down;	  /* the last attempt failed, why says how */
	char sqlstate[6]; /* … and this, when the server refused it */
	char why[300];
};

struct qf_engine_conn {
	struct pge_pool *pool;
	struct pge_identity *identity;
	char *user; /* whose statements it runs, or ran last; may be NULL */
	struct qf_list link; /* of pge_pool.idle or .busy */
	enum pge_state state;
	bool assigned; /* between conn_get and conn_put */
	bool idle;     /* in pge_pool.idle */
	bool counted;  /* in pge_pool.n */
	bool looker;   /* looks at tables, runs no statements; not in the pool */
	bool closing;  /* when nobody has it any more */
	bool cleaning; /* the last session's state has to go before anything else */
	uint64_t session, opened_ns, used_ns, pinged_ns;
	/* wire.c */
	PGconn *pg;
	struct pge_own *own; /* in place of libpq's: keys.h */
	SSL *ssl; /* NULL: plain */
	int fd;
	struct qf_watch watch;
	struct qf_buf in, out;
	size_t input_queued; /* bytes of COPY data among those in out, at its end */
	size_t input_taken;  /* … that are not in it any more, to be told */
	uint64_t skip;	     /* bytes of a row that is too long, still to come */
	bool receiving;
	bool waiting; /* for more rows, with the linger timer */
	bool ended; /* the other side has closed it; what it said before is looked at first */
	char end_why[128];
	struct qf_timer timer; /* of connecting, pings, cancels */
	void (*answer_late)(struct qf_timer *t); /* what it does on an open connection */
	struct qf_timer linger; /* rows that wait for company */
	struct qf_task ending; /* frees it, or ends its job outside of a call of the caller */
	struct qf_task resume; /* goes on outside of one */
	struct pge_connecting *connecting;
	/* conn.c */
	enum pge_group groups[PGE_GROUPS_MAX];
	unsigned n_groups;
	const struct qf_engine_job *group_job; /* whose SETTINGS or LOOK is on its way; NULL: it is over */
	bool group_failed; /* an error came in the group that is being answered */
	struct qf_sql_error group_error;
	char transaction; /* of the last ReadyForQuery: I, T, E */
	char lost_why[256];
	char refused[6]; /* SQLSTATE with which the server did not let it in */
	bool fatal; /* the server said why it ends the connection */
	/* what the connection has */
	/* Of the names that we give on it: no text of a client meets them by chance. */
	char suffix[20], set_name[32], held_name[32];
	struct pge_settings settings;
	struct pge_statements statements;
	char application_name[64];
	bool origin_due; /* the first statement after conn_get */
	bool dirty, discards; /* since the last reset */
	bool changed_catalog; /* in the transaction that is open */
	unsigned held, held_seen;
	bool held_asked, role_asked, role_seen; /* by the question that is on its way */
	bool held_unsure; /* an open transaction may have more */
	int server_version;
	bool odd_strings; /* standard_conforming_strings is off */
	/* cancel.c */
	struct pge_cancelling *cancelling;
	bool cancel_echo; /* one more round trip before it is anyone's */
	uint64_t cancelled_ns;
	struct pge_run run;
	/* watch() */
	void (*on_async)(void *arg, struct qf_slice message);
	void (*on_lost)(void *arg);
	void *watch_arg;
	/* catalog.c */
	struct pge_look *look;
};

/* Connections of all identities. */
struct pge_pool {
	struct qf_engine *engine;
	struct qf_list idle; /* used last: first */
	struct qf_list busy; /* connecting, given out, being cleaned, lost */
	unsigned n;	     /* in both, without those that are on their way out */
	struct qf_timer tick;
	bool suspect; /* a connection was lost since the last look */
};

struct qf_engine {
	const struct qf_conf_cluster *cfg;
	struct qf_loop *loop;
	struct pge_crew *dialers, *cancellers;
	struct pge_known *known;
	struct pge_pool pool;
	struct pge_identity *service; /* the cluster's account */
	bool has_service;	      /* … which can log in; else service tells only whether the server is there */
	struct qf_list identities;
	unsigned n_identities;
	struct qf_engine_conn *looker;
	struct qf_list looks; /* struct pge_look that wait */
	uint64_t catalog, catalog_ns;
	bool closing;
};

/* ---- pool.c ---- */
void pge_pool_init(struct pge_pool *p, struct qf_engine *e);
void pge_pool_fini(struct pge_pool *p);
int pge_pool_get(struct qf_engine *e, const struct qf_engine_who *who, struct qf_engine_conn **ret, struct qf_sql_error *reterr);
void pge_pool_put(struct qf_engine_conn *c);
void pge_pool_forget(struct qf_engine_conn *c); /* another one may take its place */
void pge_pool_idle(struct qf_engine_conn *c); /* nothing is left to do on it */
void pge_pool_suspect(struct pge_pool *p); /* a connection was lost: perhaps all of the server is */
bool pge_pool_in_use(const struct pge_identity *id);
void pge_pool_retire_all(const struct pge_identity *id);
void pge_pool_look_in(struct qf_engine *e, uint64_t wait); /* not later than then */

/* ---- identity.c ---- */
void pge_identities_init(struct qf_engine *e);
void pge_identities_fini(struct qf_engine *e); /* after all connections */
void pge_identities_tick(struct qf_engine *e);
/* As whom statements of that client's user run; NULL: they do not. */
struct pge_identity *pge_identity_of(struct qf_engine *e, const char *user, struct qf_sql_error *reterr);
void pge_identity_unref(struct pge_identity *id); /* one connection less */
const struct qf_conf_engine_user *pge_engine_user(const struct qf_conf_cluster *cfg, const char *user);
void pge_identity_connected(struct pge_identity *id);
void pge_identity_failed(struct pge_identity *id, const char *sqlstate, const char *why);
/* Attempts are held off, for so long; 0: not. */
uint64_t pge_identity_backoff(const struct pge_identity *id);

/* Clients' users have connections of their own. */
static inline bool pge_is_personal(const struct qf_engine *e)
{
	return e->cfg->query_auth == QF_QUERY_AUTH_USER_MAP || e->cfg->query_auth == QF_QUERY_AUTH_SCRAM_KEYS;
}

/* ---- conn.c ---- */
struct qf_engine_conn *pge_conn_new(struct pge_pool *p, struct pge_identity *id);
void pge_conn_free(struct qf_engine_conn *c); /* at once: not from below its own callbacks */
/* The connection is of no use any more: what runs on it ends, and it is freed when nobody holds it. */
void pge_conn_lost(struct qf_engine_conn *c, const char *fmt, ...) qf_printf(2, 3);
void pge_conn_advance(struct qf_engine_conn *c);
void pge_conn_ping(struct qf_engine_conn *c);
void pge_conn_sent(struct qf_engine_conn *c, enum pge_group g); /* a group was appended to c->out */
void pge_conn_message(struct qf_engine_conn *c, const struct qf_pg_reply *m);

/* ---- connect.c ---- */
void pge_connect_start(struct qf_engine_conn *c, const struct qf_scram_keys *keys);
void pge_connect_stop(struct qf_engine_conn *c);
/* Appends what RESET ALL takes away and every session has. */
void pge_baseline(struct qf_buf *sql, int server_version);

/* ---- wire.c ---- */
void pge_wire_open(struct qf_engine_conn *c);
void pge_wire_close(struct qf_engine_conn *c);
void pge_wire_flush(struct qf_engine_conn *c);
/* Looks at what has arrived, and reads on while rows may be taken. */
void pge_wire_pump(struct qf_engine_conn *c, bool waited); /* waited: rows need not wait for company any more */
void pge_wire_receive(struct qf_engine_conn *c); /* what is in c->in; the part that knows no sockets */

/* ---- run.c ---- */
int pge_run_submit(struct qf_engine_conn *c, struct qf_engine_job *job, struct qf_sql_error *reterr);
void pge_run_start(struct qf_engine_conn *c); /* nothing else is on its way */
void pge_run_put(struct qf_engine_conn *c);   /* its messages */
void pge_run_finish(struct qf_engine_conn *c, struct qf_engine_end *end);
void pge_run_end(struct qf_engine_conn *c, enum qf_engine_outcome outcome, const struct qf_sql_error *e);
void pge_run_lost(struct qf_engine_conn *c);
void pge_run_more(struct qf_engine_conn *c, size_t bytes);
bool pge_run_paused(const struct qf_engine_conn *c);
void pge_run_clear(struct pge_run *r);

/* ---- relay.c ---- */
void pge_relay_message(struct qf_engine_conn *c, const struct qf_pg_reply *m);
/* Rows at the front of c->in; returns how many bytes they were. */
size_t pge_relay_rows(struct qf_engine_conn *c, struct qf_slice in);
void pge_relay_ready(struct qf_engine_conn *c);
void pge_relay_too_long(struct qf_engine_conn *c, size_t need);
void pge_relay_linger(struct qf_engine_conn *c, bool now);
void pge_relay_out(struct qf_engine_conn *c, struct qf_slice bytes, uint64_t rows);
void pge_relay_fail(struct qf_engine_conn *c, const char *sqlstate, const char *text); /* we cannot carry its rows */
void pge_error_read(struct qf_slice body, struct qf_sql_error *e, bool *ret_fatal);

/* ---- arrow.c ---- */
void pge_describe_columns(struct qf_engine_conn *c, const struct qf_pg_reply *m); /* of either encoding */
void pge_arrow_end_bind(struct qf_engine_conn *c, size_t begun);
void pge_arrow_begin(struct qf_engine_conn *c, struct qf_slice body);
void pge_arrow_rows(struct qf_engine_conn *c, struct qf_slice messages);
void pge_arrow_flush(struct qf_engine_conn *c);

/* ---- copy.c ---- */
void pge_copy_input(struct qf_engine_conn *c, struct qf_slice messages);
void pge_copy_flushed(struct qf_engine_conn *c); /* c->out got shorter */
void pge_copy_over(struct qf_engine_conn *c); /* the server is done with it, or gave up */
void pge_copy_stop(struct qf_engine_conn *c, const char *why);

/* ---- settings.c ---- */
/* Appends what makes the connection's settings those of the job; false: nothing to do. */
/* The search path of a schema alone, quoted. */
void pge_schema_path(struct qf_buf *path, const char *schema);
bool pge_settings_put(struct qf_engine_conn *c, const struct qf_engine_job *job);
void pge_settings_done(struct qf_engine_conn *c, bool ok);
/* The statement itself was a SET or RESET. */
void pge_settings_ran(struct qf_engine_conn *c, struct qf_slice sql);
void pge_settings_transaction_ended(struct qf_engine_conn *c, bool rolled_back);
bool pge_settings_ours(const struct qf_engine_conn *c, struct qf_slice name); /* we changed it in this transaction */
void pge_settings_lost(struct qf_engine_conn *c); /* all are back to their defaults */
void pge_settings_role(struct qf_engine_conn *c, bool sure); /* of role.c */
void pge_settings_forget(struct qf_engine_conn *c);
bool pge_origin_put(struct qf_engine_conn *c, const struct qf_engine_job *job);

/* ---- statements.c ---- */
void pge_statements_init(struct pge_statements *s, const char *suffix);
void pge_statements_fini(struct pge_statements *s);
void pge_statements_clear(struct pge_statements *s); /* the server has none of them any more */
void pge_statements_doubt(struct pge_statements *s); /* … or has others under their names */
/*
 * The statement of this text and these types; NULL: it is not kept. What goes for it is closed in the connection's out,
 * and so is one that the tables may not fit any more.
 */
struct pge_statement *pge_statements_get(struct qf_engine_conn *c, struct qf_slice sql, const struct qf_bind *b);
void pge_statements_drop(struct pge_statements *s, struct pge_statement *st, struct qf_buf *out);

/* ---- state.c ---- */
void pge_effects_read(struct pge_effects *ret, struct qf_slice sql);
/* The statement has ended; before its on_end. */
void pge_state_after(struct qf_engine_conn *c, bool ok, char transaction_before);
void pge_state_reset_put(struct qf_engine_conn *c);
void pge_state_reset_done(struct qf_engine_conn *c);

/* ---- role.c ---- */
bool pge_impersonates(const struct qf_engine_conn *c);
void pge_role_effects(struct pge_effects *e, struct qf_slice sql); /* e->verb and e->reads are known */
int pge_role_check(const struct qf_engine_conn *c, const struct qf_engine_job *job, struct qf_sql_error *reterr);
void pge_role_put(struct qf_engine_conn *c, bool in_doubt); /* what sets it, without its Sync */
bool pge_role_asks(const struct qf_engine_conn *c);	    /* it may be another one after the run */
void pge_role_ask(struct qf_engine_conn *c, const char *first); /* a row of first, role and session_authorization */
bool pge_role_is(const struct qf_engine_conn *c, struct qf_slice role, struct qf_slice session);

/* ---- held.c ---- */
void pge_held_put(struct qf_engine_conn *c); /* behind the run's messages, when there is something to ask */
void pge_held_message(struct qf_engine_conn *c, const struct qf_pg_reply *m);
void pge_held_done(struct qf_engine_conn *c, bool ok);

/* ---- known.c ---- */
struct pge_known *pge_known_new(void);
struct pge_known *pge_known_free(struct pge_known *k);
void pge_known_effects(struct pge_known *k, struct qf_slice sql, struct pge_effects *ret);
/* The last statement that differed from this one in its literals at most was over in a moment. */
bool pge_known_brief(struct pge_known *k, const struct pge_effects *e);
void pge_known_took(struct pge_known *k, const struct pge_effects *e, uint64_t ns);

/* ---- cancel.c ---- */
void pge_cancel(struct qf_engine_conn *c);
void pge_cancel_again(struct qf_engine_conn *c); /* its timer */
void pge_cancel_forget(struct qf_engine_conn *c);

/* ---- catalog.c ---- */
uint64_t pge_catalog(struct qf_engine *e);
void pge_catalog_changed(struct qf_engine *e);
int pge_lookup(struct qf_engine *e, struct qf_engine_lookup *l) qf_must_check;
bool pge_look_put(struct qf_engine_conn *c); /* of the job's tables */
void pge_look_message(struct qf_engine_conn *c, const struct qf_pg_reply *m);
void pge_look_free(struct pge_look *l);
void pge_look_done(struct qf_engine_conn *c, bool ok);
void pge_looker_advance(struct qf_engine_conn *c);
void pge_looker_lost(struct qf_engine_conn *c);
void pge_looks_fini(struct qf_engine *e);

#endif
