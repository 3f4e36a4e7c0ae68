/*
 * Tables and their columns from a file, for translation without an engine: YAML (so JSON too),
 *
 *	orders:
 *	  id: INTEGER
 *	  amount: DECIMAL(10,2)
 *	sales.orders: { id: BIGINT }
 *
 * A table is named as statements name it: table, schema.table or catalog.schema.table. Blocking; any thread.
 */
#ifndef QF_COLUMNS_H
#define QF_COLUMNS_H

#include "qf/buf.h"

/*
 * The JSON form {"table": {"column": "TYPE"}} of QF_F_TABLES, names of tables in lower case; caller frees. What is
 * wrong is said as "FILE:LINE:COLUMN: text".
 */
int qf_columns_load(char **ret, const char *path, struct qf_err *reterr) qf_must_check;
/* The same of a text; name is for messages. */
int qf_columns_parse(char **ret, struct qf_slice text, const char *name, struct qf_err *reterr) qf_must_check;

#endif
