/*
 * Inside the DuckDB adapter.
 *
 * The loop thread owns the engine and its connections. A running step owns the part of its job that is marked
 * so, and the connection's DuckDB handle. What both touch is guarded by qf_engine.lock, which is never held
 * over a call that can take long.
 */
#ifndef QF_ENGINE_DUCKDB_PRIVATE_H
#define QF_ENGINE_DUCKDB_PRIVATE_H

#include <nanoarrow/nanoarrow.h>
#include <pthread.h>

#include "api.h"
#include "arrow.h"
#include "cache.h"
#include "error.h"
#include "pool.h"
#include "savepoint.h"
#include "spool.h"
#include "qf/engine.h"
#include "qf/list.h"
#include "qf/types.h"

enum duck_state {
	DUCK_IDLE,	/* no job, or its end has been delivered */
	DUCK_QUEUED,	/* a step is in the pool's queue */
	DUCK_RUNNING,	/* a step runs: duckdb_interrupt() has something to hit */
	DUCK_ENDING,	/* the step only tidies up: nothing may be interrupted any more */
	DUCK_SUSPENDED, /* the window is used up; more() or cancel() goes on */
	DUCK_ENDED,	/* the end is on its way to the loop */
};

enum duck_msg_kind { DUCK_MSG_TAKEN, DUCK_MSG_SCHEMA, DUCK_MSG_BATCH, DUCK_MSG_DESCRIBED, DUCK_MSG_NOTICE, DUCK_MSG_END };

/* From a step to the loop. */
struct duck_msg {
	struct qf_list link;
	struct qf_engine_conn *conn;
	enum duck_msg_kind kind;
	struct ArrowBuffer bytes;
	uint64_t rows;
	const char *text; /* static */
};

struct duck_catalog_state {
	uint64_t number, begun;
	unsigned changing;
};

/* The rows of a statement that are still to come: from DuckDB, or from where they were put when it was wanted. */
struct duck_rows {
	duckdb_result result;
	bool open; /* the result is */
	struct duck_arrow *arrow;
	duckdb_data_chunk chunk; /* being encoded */
	idx_t row;		 /* next row of it */
	struct duck_spool *spool;
};

/* A statement that gave as many rows as its client wanted, and has more. */
struct duck_portal {
	struct qf_list link; /* of qf_engine_conn.portals */
	uint64_t id;
	struct duck_rows rows;
	struct ArrowBuffer schema;
	bool hold, settled; /* WITH HOLD; and no transaction takes it back any more */
};

struct duck_job {
	struct qf_engine_job *pub;
	struct duck_work work;
	/* guarded by the engine's lock */
	enum duck_state state;
	int64_t credit; /* bytes that may still be encoded; a batch may overdraw it once */
	bool cancelled;
	struct qf_buf input; /* of COPY FROM STDIN, that no step has taken yet */
	/* the step's */
	struct duck_copy *copy; /* NULL: it is none */
	char *sql;
	struct qf_list held; /* struct duck_msg not published yet */
	struct duck_rows rows;
	bool has_rows;		   /* they have begun */
	struct ArrowBuffer schema; /* of them, when they may end in a portal … */
	bool hold, settled;	   /* … that is of this kind */
	uint64_t spent_ns;	 /* in earlier steps */
	uint64_t step_ns;	 /* when this step began */
	bool crew_wanted;
	struct duck_catalog_state before; /* when its step began */
	bool before_same;		  /* its tables were what they should be, too */
	bool changes_catalog; /* counted in qf_engine.changing */
	bool writes;	      /* counted in qf_engine.writing */
	bool rewritten; /* DuckDB made several statements of it: its positions are not in the client's text */
	struct duck_casts casts; /* in the statement that runs: neither are they then */
	uint32_t *oids; /* of its parameters, when it was described */
	size_t n_oids;
	duckdb_statement_type type;
	enum duck_error_kind kind; /* with end.outcome other than OK */
	struct qf_engine_end end;
};

struct qf_engine_conn {
	struct qf_engine *engine;
	struct qf_list link; /* of qf_engine.idle */
	struct qf_list used; /* of qf_engine.used */
	duckdb_connection db;
	struct duck_job job;
	struct duck_work closing;
	/* what the session holds; changed by steps, read by the loop between jobs */
	bool in_transaction, transaction_failed;
	bool dirty; /* a statement may have left state that no setting of ours describes */
	struct duck_savepoints savepoints;
	uint64_t catalog; /* the state of the catalog that its open transaction sees; 0 = not known */
	char *timezone, *search_path, *user, *database;
	bool settings_unknown; /* a client's own SET ran: set them again before the next statement */
	struct qf_tz *zone;    /* in which values are read, and its name */
	char *zone_name;
	struct duck_cache cache;
	struct qf_list portals; /* struct duck_portal; DuckDB has the rest of one at most, of the others we have it */
};

struct qf_engine {
	const struct qf_conf_cluster *cfg;
	struct qf_loop *loop;
	struct duck_api api;
	duckdb_database db; /* opened and closed by the loop, while no connection is in use */
	struct duck_crew *crew;
	struct duck_pool *pool;
	struct qf_wake *wake;
	unsigned max_running;
	struct qf_list idle;
	unsigned n_idle;
	bool delivering;
	_Atomic bool written; /* by a client, since it was opened */
	_Atomic bool closing; /* look-ups end early */
	pthread_mutex_t lock;
	/* guarded by lock */
	struct qf_list out;
	struct qf_list used; /* connections given out or being closed */
	struct qf_list looked; /* look-ups that are done */
	unsigned looking;      /* and those that are not: the database must stay open */
	uint64_t catalog;      /* see catalog.c */
	unsigned changing;     /* statements that may change it, running */
	uint64_t begun;	       /* and all of them that were ever begun */
	unsigned writing;      /* see cache.h: statements that may write, running */
	uint64_t writes;       /* and all that were ever begun */
	bool dead;	 /* DuckDB has invalidated the database: reopen it when nothing is in use */
};

/* database.c: on the loop thread */
int duck_database_open(struct qf_engine *e, struct qf_err *reterr) qf_must_check;
void duck_database_close(struct qf_engine *e);

/* session.c: on the thread of the running step */

/* Runs SQL of our own; the text of the error stays with the caller's *e. */
int duck_session_run(struct qf_engine_conn *c, const char *sql, struct qf_sql_error *e,
	enum duck_error_kind *ret_kind) qf_must_check;
int duck_session_settings(struct qf_engine_conn *c, const struct qf_engine_job *job, struct qf_sql_error *e)
	qf_must_check;
/* After a statement of that type: what the connection's state is now. */
void duck_session_succeeded(struct qf_engine_conn *c, duckdb_statement_type type, const char *sql);
void duck_session_failed(struct qf_engine_conn *c, const char *sql, enum duck_error_kind kind);
/* A fresh connection of the same database cannot run anything any more. */
bool duck_session_database_dead(struct qf_engine *e);
bool duck_session_is_commit(const char *sql);
bool duck_session_ends_transaction(const char *sql);
bool duck_session_reads_only(duckdb_statement_type type);
bool duck_session_leaves_no_state(duckdb_statement_type type);

/* catalog.c: on the loop thread */
int duck_lookup(struct qf_engine *e, struct qf_engine_lookup *l) qf_must_check;
void duck_lookups_deliver(struct qf_engine *e, bool to_caller);
uint64_t duck_catalog(struct qf_engine *e);
/* and on that of the running step: around a statement that may change the catalog */
void duck_catalog_begin(struct qf_engine_conn *c, duckdb_statement_type type, const char *sql);
void duck_catalog_end(struct qf_engine_conn *c);
/* The tables of the job are what its look-up found: called before the statement is bound, and after. */
void duck_catalog_before(struct qf_engine_conn *c);
bool duck_catalog_holds(struct qf_engine_conn *c);

/* guard.c: refuse what a client may not run, before it is parsed and before it is started. Pure. */
int duck_guard_text(const char *sql, struct qf_sql_error *e) qf_must_check;
int duck_guard_type(duckdb_statement_type type, const char *sql, struct qf_sql_error *e) qf_must_check;

/* job.c: on the thread of the running step, but for the last two */
struct qf_wake *duck_job_step(struct duck_work *w);
bool duck_job_cancelled(struct qf_engine_conn *c);
void duck_job_cancel_end(struct duck_job *j);
/* Ends the job with the error that DuckDB's text says. */
void duck_job_fail(struct qf_engine_conn *c, const char *text);
/* Takes the schema: what a description found, with the job's oids. */
void duck_job_described(struct qf_engine_conn *c, struct ArrowBuffer *schema);
/* A message of the job that is not published yet. */
struct duck_msg *duck_job_hold(struct qf_engine_conn *c, enum duck_msg_kind kind);
/* Asks for helpers when the statement has run for long. */
void duck_job_call_crew(struct qf_engine_conn *c);
void duck_msg_free(struct duck_msg *m);
/* Gives up a job that no step will go on with. */
void duck_job_drop(struct qf_engine_conn *c);

/* bind.c: the time zone that the job's values are read in; NULL is UTC */
const struct qf_tz *duck_zone(struct qf_engine_conn *c);

/* rows.c */

/* The first message of the result that is open, or of the portal's. False: the job has ended with the error. */
bool duck_rows_begin(struct qf_engine_conn *c) qf_must_check;
/* Encodes the next rows into *out, at most `most`; *ret_rows is 0 at the end. False: as above. */
bool duck_rows_next(struct qf_engine_conn *c, struct duck_rows *rows, uint64_t most, struct ArrowBuffer *out,
	uint64_t *ret_rows) qf_must_check;
/* Reads the rest ahead and gives the connection up. False: as above. */
bool duck_rows_spool(struct qf_engine_conn *c, struct duck_rows *rows, struct qf_slice schema) qf_must_check;
void duck_rows_close(struct qf_engine_conn *c, struct duck_rows *rows);

/* portal.c */

/* Before a statement: drops what its job says is closed, and lets no portal need the connection. False: as above. */
bool duck_portals_make_way(struct qf_engine_conn *c) qf_must_check;
/* The rows of the portal that the job names become those of the job. False: as above. */
bool duck_portal_take(struct qf_engine_conn *c) qf_must_check;
/* The job has given enough: the rest becomes a portal. False: as above. */
bool duck_portal_keep(struct qf_engine_conn *c) qf_must_check;
void duck_portals_drop(struct qf_engine_conn *c);
/* Its statement failed: those go that go with a transaction, and what DuckDB was still at work for. */
void duck_portals_failed(struct qf_engine_conn *c);
/* The transaction is over: those that are left stay. */
void duck_portals_settle(struct qf_engine_conn *c);
bool duck_portals_any_held(const struct qf_engine_conn *c);

/* execute.c: true when there are rows to fetch; else the job is over, well or not, as j->end says. */
bool duck_execute(struct qf_engine_conn *c) qf_must_check;
/* May a client run it; does it still mean what it was translated for? False: the job has ended with the error. */
bool duck_check_statement(struct qf_engine_conn *c, duckdb_prepared_statement prepared) qf_must_check;
bool duck_check_catalog(struct qf_engine_conn *c) qf_must_check;

#endif
