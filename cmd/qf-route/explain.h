/*
 * qf-route --explain: where each statement of a text goes and why, from the configuration alone. It runs the
 * same walk along the chain as the service. Nothing here needs a running service; one thread.
 */
#ifndef QF_ROUTE_EXPLAIN_H
#define QF_ROUTE_EXPLAIN_H

#include <stdio.h>

#include "chain.h"
#include "qf/sql.h"
#include "qf/svc.h"
#include "translate.h"

struct qf_explain_opts { /* filled by the options; borrows from argv */
	bool explain, json, translate, dump_keys;
	const char *schema, *types; /* for qf-translate, see struct qf_translate_opts */
	enum qf_frontend frontend;
	enum qf_dialect dialect; /* NONE: a header's, else the protocol's */
	const char *user, *database, *file;
	struct qf_conf_kv headers[64], tags[64];
	size_t n_headers, n_tags;
};

struct qf_explain_member {
	const struct qf_conf_cluster *cluster;
	enum qf_dialect dialect;
	bool needed;			      /* translation */
	const struct qf_translated *translated; /* NULL: not asked for, or not needed */
};

struct qf_explained { /* one statement */
	const struct qf_explain_opts *opts;
	const struct qf_conf *conf;
	size_t number; /* from 1 */
	struct qf_statement statement;
	enum qf_dialect dialect;
	struct qf_facts facts;
	struct qf_route_verdict verdict;
	struct qf_explain_member *members;
	size_t n_members;
	size_t target; /* of members: the first that is enabled */
};

extern const struct qf_option qf_explain_options[];

/* -t: the scripts compile and define what they should. */
int route_check(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr);

/* Returns an exit status. conf_path NULL: the embedded default. argv: the statement, "-", or nothing. */
int qf_explain_run(const struct qf_explain_opts *o, const char *conf_path, int argc, char **argv);
int qf_explain_dump_keys(void);
void qf_explain_text(const struct qf_explained *e, FILE *out);
void qf_explain_json(const struct qf_explained *e, FILE *out);
/* Why a translation would not be sent, or NULL when it would. */
const char *qf_explain_refusal(const struct qf_explained *e, const struct qf_translated *t);

#endif
