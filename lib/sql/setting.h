/* Time zones given as offsets, for qf_sql_setting(). Pure; results from the arena, NULL when malformed. */
#ifndef QF_SQL_SETTING_H
#define QF_SQL_SETTING_H

#include <stdio.h>

#include "qf/sql.h"

const char *qf_zone_number(struct qf_slice number, bool negative, struct qf_arena *a);
const char *qf_zone_interval(const char *text, struct qf_arena *a);

#endif
