/*
 * What the steps of one load share, and the document tree they hand on: text → tree with places (doc.c) →
 * checked against the tables (fill.c) → model. Private to lib/conf; lives for one qf_conf_parse().
 */
#ifndef QF_CONF_LOADER_H
#define QF_CONF_LOADER_H

#include "qf/conf.h"

enum {
	QF_DOC_MAX_BYTES = 4 * 1024 * 1024,
	QF_DOC_MAX_DEPTH = 64,
};

enum qf_node_kind { QF_NODE_SCALAR, QF_NODE_LIST, QF_NODE_MAP };

struct qf_node {
	enum qf_node_kind kind;
	bool plain;    /* a scalar without quotes: null, true and 12 are not text */
	bool expanded; /* a variable stood in it: what type it is meant to be cannot be seen */
	struct qf_conf_place place, key_place;
	const char *key; /* of a map's child */
	const char *text;
	size_t len;
	struct qf_node *first, *next; /* children of a list or map; the next sibling */
	size_t n;
};

struct qf_loader {
	struct qf_conf *conf;
	struct qf_arena *arena;
	const char *file; /* for messages */
	struct qf_slice text;
	bool embedded;	       /* the embedded default: every built frontend is on */
	unsigned quiet;	       /* inside something that is not built: its own warning was given */
	struct qf_buf warnings; /* struct qf_conf_warning */
	struct qf_err *err;
};

/* Fills the error with "FILE:LINE:COLUMN: text" and returns QF_ECONFIG. */
int qf_loader_fail(struct qf_loader *ld, struct qf_conf_place at, const char *fmt, ...) qf_printf(3, 4) qf_must_check;
void qf_loader_warn(struct qf_loader *ld, struct qf_conf_place at, const char *fmt, ...) qf_printf(3, 4);
/* `; did you mean "x"?`, or `; WHAT: a, b, c` when nothing is near. From the arena. */
const char *qf_loader_hint(struct qf_loader *ld, const char *word, const char *const *names, const char *what);

int qf_doc_parse(struct qf_loader *ld, struct qf_node **ret) qf_must_check;
/*
 * Expands ${VAR} and ${VAR:-default} of a scalar that stands at characters from … to of the text (libyaml
 * counts characters). Fills text, len and expanded of the node.
 */
int qf_doc_expand(struct qf_loader *ld, struct qf_node *node, size_t from, size_t to) qf_must_check;

bool qf_node_is_null(const struct qf_node *n);
bool qf_node_is_plain(const struct qf_node *n, const char *text);
const struct qf_node *qf_node_get(const struct qf_node *map, const char *key);

#endif
