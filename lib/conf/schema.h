/*
 * The tables that say what a configuration may hold. One table a section; each entry carries the key, its
 * type, where it goes in the model, default, range, unit, reload rule and help. The check (fill.c), the
 * configuration id (hash.c) and qf_conf_keys() (keys.c) all walk these same tables. Private to lib/conf.
 */
#ifndef QF_CONF_SCHEMA_H
#define QF_CONF_SCHEMA_H

#include "loader.h"

enum qf_item_kind {
	QF_ITEM_BOOL,
	QF_ITEM_UINT,
	QF_ITEM_TEXT,
	QF_ITEM_ENUM,	 /* one of names; stored as its index */
	QF_ITEM_REGEX,	 /* text that must compile */
	QF_ITEM_NAME,	 /* text of letters, digits, '_', '-' and '.' that becomes part of file names */
	QF_ITEM_FRONTEND,
	QF_ITEM_ENGINE,
	QF_ITEM_GROUP,	 /* name of a group of this configuration */
	QF_ITEM_TEXTS,	 /* list of texts */
	QF_ITEM_TAGS,	 /* mapping of texts to texts or null */
	QF_ITEM_TARGETS, /* mapping of texts to groups */
	QF_ITEM_MEMBERS, /* list of clusters of this configuration */
	QF_ITEM_SECTION, /* mapping of the keys of sub, part of the same model structure or embedded in it */
	QF_ITEM_LIST,	 /* list of sections */
	QF_ITEM_MAP,	 /* mapping of names to sections */
	QF_ITEM_ANY,	 /* known by name only */
};

enum qf_item_flags {
	QF_ITEM_REQUIRED = 1 << 0,
	QF_ITEM_UNBUILT = 1 << 1,    /* known, without effect yet: a warning */
	QF_ITEM_SECURITY = 1 << 2,   /* known, would protect something, not built: an error unless it says "off" */
	QF_ITEM_STATE_PATH = 1 << 3, /* a path: below the state directory it counts relative in the id */
};

#define QF_NOWHERE SIZE_MAX

struct qf_path { /* of keys, for messages: a.b[2].c */
	const struct qf_path *up;
	const char *key; /* NULL: element `index` of a list, counted from 1 */
	size_t index;
	const struct qf_node *node; /* what stands there; NULL: nothing, its defaults hold */
};

struct qf_item {
	const char *key;
	enum qf_item_kind kind;
	unsigned flags;
	size_t offset;	    /* in the section's structure; QF_NOWHERE: checked, not kept */
	size_t size;	    /* of the member: bool, integers, enums */
	size_t count;	    /* offset of the number of elements: lists and maps */
	uint64_t min, max;  /* in the file's unit */
	uint64_t scale;	    /* the file's unit in the model's; 0 = 1 */
	const char *const *names; /* NULL-terminated; those from the nth on are known but not built */
	unsigned built_names;
	unsigned engines;   /* bits of enum qf_engine_kind that read it; 0 = all */
	const struct qf_section *sub;
	const char *dflt; /* as it would be written; NULL = zero */
	const char *unit, *reload, *help;
};

struct qf_variant { /* further keys of a section whose `type` has this value */
	const char *name; /* NULL ends the table */
	int value;
	const struct qf_item *items;
	const char *help;
};

struct qf_section {
	const struct qf_item *items; /* ends with key NULL */
	size_t size;		     /* of its structure; 0: keys of the enclosing one */
	size_t place, name;	     /* offsets, or QF_NOWHERE */
	size_t type;		     /* offset of the enum that the variants set */
	const struct qf_variant *variants;
	/* What the table cannot say: keys that depend on each other. base may be NULL (nothing is kept). */
	int (*check)(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base);
};

extern const struct qf_section qf_schema_top, qf_schema_queryflux, qf_schema_cluster, qf_schema_group,
	qf_schema_router, qf_schema_translation, qf_schema_catalog, qf_schema_auth;

int qf_section_fill(struct qf_loader *ld, const struct qf_path *path, const struct qf_section *sec,
	const struct qf_node *node, void *base) qf_must_check;
void qf_section_serialise(struct qf_buf *out, const struct qf_section *sec, const void *base, const char *state_dir);

/* One item from its node. base may be NULL. The scalar kinds, and the kinds that list names. */
int qf_item_scalar(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base) qf_must_check;
int qf_item_names(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base) qf_must_check;
int qf_item_group(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node,
	const struct qf_conf_group **ret) qf_must_check;
int qf_item_text(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, const char **ret)
	qf_must_check;
/* The script of a pythonScript router: from its file, checked for size and encoding. */
int qf_script_load(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node,
	struct qf_conf_router *r) qf_must_check;
const char *qf_path_text(struct qf_loader *ld, const struct qf_path *path);

bool qf_conf_is_network(const char *text); /* 10.0.0.0/8, fd00::/8, 192.0.2.7 */
int qf_conf_check(struct qf_loader *ld) qf_must_check; /* what spans sections: addresses, ports, files */
extern const char qf_conf_default_text[];

#endif
