/* The session properties that exist here. See session.h. */
#include <strings.h>

#include "qf/proto/trino.h"
#include "session.h"

static int check_dialect(const char *value, struct qf_err *reterr)
{
	if (qf_dialect_find(qf_slice_str(value)) != QF_DIALECT_NONE)
		return 0;
	return qf_err_set(reterr, -EINVAL, "\"%.60s\" is not a dialect", value);
}

static int check_duration(const char *value, struct qf_err *reterr)
{
	uint64_t ns;

	if (qf_trino_duration(qf_slice_str(value), &ns))
		return 0;
	return qf_err_set(reterr, -EINVAL, "\"%.60s\" is not a duration of at most 1000 days, for example 30s or 5m", value);
}

static int check_zone(const char *value, struct qf_err *reterr)
{
	struct qf_tz *tz = NULL;
	struct qf_buf name;
	int rc;

	qf_buf_init(&name);
	rc = qf_trino_time_zone(qf_slice_str(value), &name, reterr);
	if (rc == 0)
		rc = qf_tz_open(&tz, qf_buf_cstr(&name), reterr);
	qf_tz_free(tz);
	qf_buf_fini(&name);
	return rc;
}

const struct tr_setting tr_settings[] = {
	{ "query_max_execution_time", "varchar", "100.00d", "Longest time from the start to the last row",
		check_duration },
	{ "query_max_run_time", "varchar", "100.00d", "Longest time from the start to the last row", check_duration },
	{ "query_tags", "varchar", "", "Tags for the routing rules: name:value or a word, separated by commas", NULL },
	{ "queryflux.dialect", "varchar", "trino", "SQL dialect of the statements of this session", check_dialect },
	{ "time_zone_id", "varchar", "", "Time zone of the session; without it X-Trino-Time-Zone", check_zone },
	{ 0 },
};

const struct tr_setting *tr_setting_find(const char *name)
{
	for (const struct tr_setting *st = tr_settings; st->name; st++)
		if (strcasecmp(st->name, name) == 0)
			return st;
	return NULL;
}
