/* Loading libduckdb.so: see api.h. */
#include "api.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qf/buf.h"

#define LIBRARY "libduckdb.so"

static const struct {
	const char *symbol;
	size_t at;
} functions[] = {
#define X(name) { "duckdb_" #name, offsetof(struct duck_api, name) },
	DUCK_FUNCTIONS(X)
#undef X
};

static char *beside_program(void)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	char *slash = strrchr(exe, '/');

	if (!slash)
		return NULL;
	*slash = '\0';
	return qf_xasprintf("%s/../lib/queryflux", exe);
}

/* 0 with *ret NULL: there is none here. */
static int open_in(void **ret, const char *dir, struct qf_err *reterr)
{
	char *path = dir ? qf_xasprintf("%s/" LIBRARY, dir) : qf_xstrdup(LIBRARY);
	int r = 0;

	*ret = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!*ret && dir && access(path, F_OK) == 0)
		r = qf_err_set(reterr, QF_EUNSUPPORTED, "%s; run `make deps` for one that fits", dlerror());
	free(path);
	return r;
}

static int open_library(void **ret, struct qf_err *reterr)
{
	const char *env = getenv("QF_LIBDIR");
	char *beside = beside_program();
	int r = 0;

	*ret = NULL;
	if (env && *env)
		r = open_in(ret, env, reterr);
	if (r == 0 && !*ret && beside)
		r = open_in(ret, beside, reterr);
	if (r == 0 && !*ret)
		r = open_in(ret, NULL, reterr);
	if (r == 0 && !*ret)
		r = qf_err_set(reterr, QF_EUNSUPPORTED, LIBRARY " not found in %s%s%s: run `make deps`",
			env && *env ? env : "", env && *env ? ", " : "", beside ? beside : "the system's directories");
	free(beside);
	return r;
}

int duck_api_load(struct duck_api *ret, struct qf_err *reterr)
{
	void *lib;
	int r = open_library(&lib, reterr);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *fn = dlsym(lib, functions[i].symbol);

		if (!fn)
			return qf_err_set(reterr, QF_EUNSUPPORTED,
				LIBRARY " has no %s: it is not DuckDB 1.5.6; run `make deps`", functions[i].symbol);
		memcpy((char *)ret + functions[i].at, &fn, sizeof(fn));
	}
	return 0;
}
