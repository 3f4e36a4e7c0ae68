/*
 * Opening the database file and closing it to clients: see adapter.h for the order and why.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "private.h"
#include "qf/clock.h"

#define LOCK_WAIT_NS (2 * QF_SEC)
#define LOCK_RETRY_NS (50 * QF_MS)

/* What must be so from the first moment. */
static const struct {
	const char *name, *value;
} fixed[] = {
	{ "autoinstall_known_extensions", "false" },
	{ "autoload_known_extensions", "false" },
	{ "allow_community_extensions", "false" },
	{ "allow_persistent_secrets", "false" },
	{ "arrow_lossless_conversion", "true" },
	{ "produce_arrow_string_view", "false" },
	{ "arrow_large_buffer_size", "false" },
};

static int set_option(const struct duck_api *api, duckdb_config cf, const char *key, const char *name,
	const char *value, struct qf_err *reterr)
{
	if (api->set_config(cf, name, value) == DuckDBSuccess)
		return 0;
	return qf_err_set(reterr, QF_ECONFIG, "%s: DuckDB refuses %s = '%s'", key, name, value);
}

/* A database in memory has no directory of its own to spill to. */
static char *spill_directory(const struct qf_engine *e)
{
	const char *tmp = getenv("TMPDIR");

	return qf_xasprintf("%s/queryflux-duckdb-%d-%s", tmp && *tmp ? tmp : "/tmp", (int)getpid(), e->cfg->name);
}

static int set_options(struct qf_engine *e, duckdb_config cf, struct qf_err *reterr)
{
	const struct qf_conf_cluster *cfg = e->cfg;
	char threads[16];
	int r = 0;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed) && r == 0; i++)
		r = set_option(&e->api, cf, "this build", fixed[i].name, fixed[i].value, reterr);
	if (r == 0 && cfg->memory_limit)
		r = set_option(&e->api, cf, "memoryLimit", "max_memory", cfg->memory_limit, reterr);
	if (r == 0 && cfg->threads) {
		snprintf(threads, sizeof(threads), "%u", cfg->threads);
		r = set_option(&e->api, cf, "threads", "threads", threads, reterr);
		if (r == 0) /* not one thread of DuckDB's own is started */
			r = set_option(&e->api, cf, "threads", "external_threads", threads, reterr);
	}
	if (r == 0 && !cfg->database_path) {
		char *dir = spill_directory(e);

		r = set_option(&e->api, cf, "databasePath", "temp_directory", dir, reterr);
		free(dir);
	}
	return r;
}

/* "… Conflicting lock is held in /usr/bin/x (PID 12) …" */
static int say_locked(const char *path, const char *why, struct qf_err *reterr)
{
	const char *in = strstr(why, "held in ");
	const char *pid = in ? strstr(in, " (PID ") : NULL;

	if (!pid)
		return qf_err_set(reterr, -EBUSY, "databasePath: %s is in use by another process", path);
	in += strlen("held in ");
	return qf_err_set(reterr, -EBUSY,
		"databasePath: %s is in use by %.*s (pid %d): stop that process or name another file", path,
		(int)(pid - in), in, atoi(pid + strlen(" (PID ")));
}

static int check_parent(const char *path, struct qf_err *reterr)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	char *dir = qf_slice_dup(qf_slice(path, (size_t)(slash - path)));
	int r = access(dir, F_OK) < 0 ? -errno : 0;

	if (r < 0)
		qf_err_set(reterr, r, "databasePath: directory %s: %s; make it or name another file", dir,
			qf_strerror(r));
	free(dir);
	return r;
}

/*
 * DuckDB's lock belongs to the process, so it does not keep a second cluster of this one out; two would destroy
 * the file. The descriptors of this process tell.
 */
static int check_not_open_here(const char *path, struct qf_err *reterr)
{
	struct stat file, other;
	struct dirent *d;
	int r = 0;

	if (stat(path, &file) < 0)
		return 0;
	DIR *fds = opendir("/proc/self/fd");

	while (fds && r == 0 && (d = readdir(fds)))
		if (isdigit((unsigned char)d->d_name[0]) && fstat(atoi(d->d_name), &other) == 0 &&
			other.st_dev == file.st_dev && other.st_ino == file.st_ino)
			r = qf_err_set(reterr, -EBUSY, "databasePath: %s is open in this process already", path);
	if (fds)
		closedir(fds);
	return r;
}

/* A process that was killed gives up its lock when it is gone, which may take a moment. */
static int open_file(struct qf_engine *e, duckdb_config cf, struct qf_err *reterr)
{
	const char *path = e->cfg->database_path;
	uint64_t until = qf_mono_ns() + LOCK_WAIT_NS;
	const struct timespec nap = { .tv_nsec = LOCK_RETRY_NS };

	for (;;) {
		char *why = NULL;

		if (e->api.open_ext(path, &e->db, cf, &why) == DuckDBSuccess)
			return 0;
		bool locked = why && strstr(why, "Could not set lock");
		bool again = locked && qf_mono_ns() < until;
		int r = again	 ? 0 :
			locked	 ? say_locked(path, why, reterr) :
				   qf_err_set(reterr, -EIO, "%s: %s", path ? "databasePath" : "DuckDB",
					   why ? why : "cannot be opened");

		e->api.free(why);
		if (r < 0)
			return r;
		nanosleep(&nap, NULL);
	}
}

static int run(struct qf_engine *e, duckdb_connection c, const char *key, const char *sql, struct qf_err *reterr)
{
	duckdb_result res;
	int r = 0;

	if (e->api.query(c, sql, &res) != DuckDBSuccess) {
		const char *why = e->api.result_error(&res);

		r = qf_err_set(reterr, QF_ECONFIG, "%s: %.*s", key, why ? (int)strcspn(why, "\n") : 0, why);
	}
	e->api.destroy_result(&res);
	return r;
}

static void add_quoted(struct qf_buf *b, const char *s)
{
	qf_buf_u8(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			qf_buf_u8(b, '\'');
		qf_buf_u8(b, (uint8_t)*s);
	}
	qf_buf_u8(b, '\'');
}

static int allow_directories(struct qf_engine *e, duckdb_connection c, struct qf_err *reterr)
{
	struct qf_buf sql;

	for (size_t i = 0; i < e->cfg->n_allowed_directories; i++)
		if (!*e->cfg->allowed_directories[i]) /* DuckDB would take it for where this program stands */
			return qf_err_set(reterr, QF_ECONFIG, "allowedDirectories: an empty name");
	qf_buf_init(&sql);
	qf_buf_add_str(&sql, "SET GLOBAL allowed_directories = [");
	for (size_t i = 0; i < e->cfg->n_allowed_directories; i++) {
		if (i > 0)
			qf_buf_add_str(&sql, ", ");
		add_quoted(&sql, e->cfg->allowed_directories[i]);
	}
	qf_buf_add_str(&sql, "]");
	int r = run(e, c, "allowedDirectories", qf_buf_cstr(&sql), reterr);

	qf_buf_fini(&sql);
	return r;
}

static int read_threads(struct qf_engine *e, duckdb_connection c, unsigned *ret)
{
	duckdb_result res;
	int r = -EIO;

	if (e->api.query(c, "SELECT current_setting('threads')::BIGINT", &res) == DuckDBSuccess) {
		duckdb_data_chunk chunk = e->api.fetch_chunk(res);

		if (chunk && e->api.data_chunk_get_size(chunk) == 1) {
			const int64_t *v = e->api.vector_get_data(e->api.data_chunk_get_vector(chunk, 0));

			*ret = (unsigned)v[0];
			r = 0;
		}
		if (chunk)
			e->api.destroy_data_chunk(&chunk);
	}
	e->api.destroy_result(&res);
	return r;
}

/* From here on every thread that DuckDB may use is one of ours. */
static int take_threads(struct qf_engine *e, duckdb_connection c, struct qf_err *reterr)
{
	unsigned threads = 1;
	char sql[64];
	int r = read_threads(e, c, &threads);

	if (r < 0)
		return qf_err_set(reterr, r, "DuckDB does not say how many threads it uses");
	snprintf(sql, sizeof(sql), "SET GLOBAL external_threads = %u", threads);
	r = run(e, c, "threads", sql, reterr);
	if (r == 0)
		e->crew = duck_crew_new(&e->api, e->db, threads - 1);
	return r;
}

/* The order matters: allowed_directories cannot change once access is off, nothing once the lock is on. */
static int configure(struct qf_engine *e, duckdb_connection c, struct qf_err *reterr)
{
	static const char *const closing[] = {
		"SET GLOBAL TimeZone = 'UTC'",
		"SET GLOBAL allowed_configs = ['TimeZone']",
		"SET GLOBAL enable_external_access = false",
		"SET GLOBAL errors_as_json = true",
		"SET GLOBAL lock_configuration = true",
	};
	int r = 0;

	if (e->cfg->n_allowed_directories > 0)
		r = allow_directories(e, c, reterr);
	if (r == 0 && e->cfg->init_sql)
		r = run(e, c, "initSql", e->cfg->init_sql, reterr);
	if (r == 0)
		r = take_threads(e, c, reterr);
	for (size_t i = 0; i < sizeof(closing) / sizeof(*closing) && r == 0; i++)
		r = run(e, c, "this build", closing[i], reterr);
	return r;
}

int duck_database_open(struct qf_engine *e, struct qf_err *reterr)
{
	duckdb_config cf = NULL;
	duckdb_connection c = NULL;
	int r = e->cfg->database_path ? check_parent(e->cfg->database_path, reterr) : 0;

	if (r == 0 && e->cfg->database_path)
		r = check_not_open_here(e->cfg->database_path, reterr);
	if (r < 0)
		goto out;
	r = e->api.create_config(&cf) == DuckDBSuccess ? set_options(e, cf, reterr) :
							 qf_err_set(reterr, -ENOMEM, "DuckDB has no memory");
	if (r == 0)
		r = open_file(e, cf, reterr);
	if (r == 0 && e->api.connect(e->db, &c) != DuckDBSuccess)
		r = qf_err_set(reterr, -EIO, "DuckDB accepts no connection");
	if (r == 0)
		r = configure(e, c, reterr);
out:
	if (c)
		e->api.disconnect(&c);
	if (cf)
		e->api.destroy_config(&cf);
	if (r < 0)
		duck_database_close(e);
	return r;
}

void duck_database_close(struct qf_engine *e)
{
	e->crew = duck_crew_free(e->crew);
	if (e->db)
		e->api.close(&e->db);
}
