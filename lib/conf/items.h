/* Short forms for the entries of the schema tables. Private to the schema_*.c files of lib/conf. */
#ifndef QF_CONF_ITEMS_H
#define QF_CONF_ITEMS_H

#include "qf/clock.h"
#include "schema.h"

#define AT(st, m) .offset = offsetof(struct st, m), .size = sizeof(((struct st *)0)->m)
#define AT_LIST(st, m, n) .offset = offsetof(struct st, m), .count = offsetof(struct st, n)
#define END { .key = NULL }

/* Known from the original, without effect yet. */
#define UNBUILT(k, kind_, ...) \
	{ .key = (k), .kind = (kind_), .flags = QF_ITEM_UNBUILT, .offset = QF_NOWHERE, __VA_ARGS__ }
#define UNBUILT_UINT(k, d, u, h) \
	UNBUILT(k, QF_ITEM_UINT, .max = UINT32_MAX, .dflt = (d), .unit = (u), .help = (h))
#define UNBUILT_TEXT(k, d, h) UNBUILT(k, QF_ITEM_TEXT, .dflt = (d), .help = (h))
#define UNBUILT_BOOL(k, d, h) UNBUILT(k, QF_ITEM_BOOL, .dflt = (d), .help = (h))
#define UNBUILT_ANY(k, h) UNBUILT(k, QF_ITEM_ANY, .help = (h))
/* Would protect something: refused until it is built. */
#define SECURITY(k, kind_, h) \
	{ .key = (k), .kind = (kind_), .flags = QF_ITEM_SECURITY, .offset = QF_NOWHERE, .help = (h) }

#define LIVE "reload"	  /* a reload takes it */
#define RESTART "restart" /* of the program that uses it */

#endif
