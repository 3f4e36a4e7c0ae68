/*
 * The session of one statement. Trino's protocol keeps it at the client, who sends all of it with each POST:
 * user, catalog, schema, properties, prepared statements. Later requests of the same query say nothing of it.
 *
 * Read once, then fixed; lives as long as its query. Everything is in one arena.
 */
#ifndef QF_FRONTEND_TRINO_SESSION_H
#define QF_FRONTEND_TRINO_SESSION_H

#include "qf/frontend.h"
#include "qf/http.h"
#include "qf/types.h"

struct tr_session {
	struct qf_arena *arena;
	struct qf_session_facts facts;
	struct qf_conf_kv *properties; /* X-Trino-Session */
	size_t n_properties;
	struct qf_conf_kv *prepared; /* X-Trino-Prepared-Statement */
	size_t n_prepared;
	const char *transaction;   /* NULL: autocommit */
	bool may_begin;		   /* the client understands transactions: it sent X-Trino-Transaction-Id */
	uint64_t limit_ns;	   /* query_max_run_time or query_max_execution_time; 0 = none */
	struct qf_tz *tz;
	struct qf_trino_style style;
};

/*
 * user: who the client has proven to be; NULL: whom its headers name.
 * 0, or the HTTP status that refuses the request, 400 or 401, with the text in *reterr. After a refusal there
 * is nothing to free.
 */
unsigned tr_session_init(struct tr_session *s, const struct qf_http_request *rq, uint64_t id, const char *user,
			 struct qf_err *reterr) qf_must_check;
void tr_session_fini(struct tr_session *s);
size_t tr_session_bytes(const struct tr_session *s);
const char *tr_session_property(const struct tr_session *s, const char *name); /* NULL: not set */

/* The session properties that exist here. */
struct tr_setting {
	const char *name, *type, *dflt, *help;
	/* What is wrong with a value, in *reterr. NULL: any value. */
	int (*check)(const char *value, struct qf_err *reterr);
};
extern const struct tr_setting tr_settings[]; /* ends with a NULL name */
const struct tr_setting *tr_setting_find(const char *name);

/*
 * login.c: who a request is from. 0 and the user's name (the caller frees it; NULL: nobody is checked, the headers say it),
 * or the HTTP status that refuses it, 401, 403 or 429, with the text in *reterr. owner and catalog: of the query that the
 * request is about; owner NULL: it begins one.
 */
struct qf_listener;
unsigned tr_login(struct qf_listener *l, const struct qf_http_request *rq, const char *owner, const char *catalog,
		  char **ret_user, struct qf_err *reterr) qf_must_check;

#endif
