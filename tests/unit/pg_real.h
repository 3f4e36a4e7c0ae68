/*
 * A PostgreSQL server of our own for a test program, in a directory that goes with it. The group is skipped where
 * PostgreSQL is not installed.
 */
#ifndef QF_TESTS_PG_REAL_H
#define QF_TESTS_PG_REAL_H

#include <arpa/inet.h>
#include <glob.h>
#include <libpq-fe.h>
#include <sys/socket.h>

#include "engine_run.h"

static struct {
	char dir[64], bin[256], endpoint[256];
	unsigned port;
} pg_real;

static inline unsigned free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static inline int shell(const char *fmt, ...)
{
	char command[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

/* initdb refuses to run as root, so that root asks the user postgres to. */
static inline int pg_real_do(const char *program, const char *args)
{
	const char *as = getuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups" : "";

	return shell("cd %s && %s %s/%s -D %s/data %s >>%s/out 2>&1 </dev/null", pg_real.dir, as, pg_real.bin, program,
		     pg_real.dir, args, pg_real.dir);
}

static inline int pg_real_up(void)
{
	char args[600];

	snprintf(args, sizeof(args),
		 "-w -l %s/log -o '-p %u -k %s -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=UTC -c max_connections=40' start",
		 pg_real.dir, pg_real.port, pg_real.dir);
	return pg_real_do("pg_ctl", args);
}

static inline int pg_real_down(const char *how)
{
	char args[100];

	snprintf(args, sizeof(args), "-w -m %s stop", how);
	return pg_real_do("pg_ctl", args);
}

static inline int pg_real_start(void **state)
{
	glob_t found;

	(void)state;
	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0) {
		print_message("PostgreSQL is not installed\n");
		exit(0);
	}
	snprintf(pg_real.bin, sizeof(pg_real.bin), "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	snprintf(pg_real.dir, sizeof(pg_real.dir), "/tmp/qfpgXXXXXX");
	assert_non_null(mkdtemp(pg_real.dir));
	if (getuid() == 0)
		assert_int_equal(shell("chown postgres:postgres %s", pg_real.dir), 0);
	pg_real.port = free_port();
	snprintf(pg_real.endpoint, sizeof(pg_real.endpoint), "postgres://tester@127.0.0.1:%u/postgres", pg_real.port);
	assert_int_equal(pg_real_do("initdb", "-E UTF8 --locale=C.UTF-8 -A trust -U tester --no-sync"), 0);
	return pg_real_up();
}

static inline int pg_real_stop(void **state)
{
	(void)state;
	pg_real_down("immediate");
	return shell("rm -rf %s", pg_real.dir);
}

/* What a direct connection says: the first column of the first row; freed with the next call. */
static inline const char *direct(const char *sql)
{
	static char text[4000];
	PGconn *pg = PQconnectdb(pg_real.endpoint);
	PGresult *res = PQexec(pg, sql);

	if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	snprintf(text, sizeof(text), "%s", PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	PQfinish(pg);
	return text;
}

#endif
