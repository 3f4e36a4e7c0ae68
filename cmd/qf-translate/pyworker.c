/*
 * The worker process: Python and sqlglot embedded, requests on descriptor 3.
 *
 * Debian's own Python is used through an isolated configuration whose search path is our private directory
 * and the standard library: no environment, no site packages, no other Python on PATH can change what runs.
 * It runs on a thread of its own because the compiled parser recurses on the C stack.
 */
#include <Python.h>

#include "pyworker.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)512 << 20)
#define WORKER_FD 3
#define PY_DIR "/usr/lib/python" Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION)

struct job {
	const char *warm;
	int status;
};

static int send_frame(const char *text)
{
	size_t n = strlen(text);
	unsigned char head[4] = { (unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
				  (unsigned char)n };

	return write(WORKER_FD, head, 4) == 4 && write(WORKER_FD, text, n) == (ssize_t)n ? 0 : -1;
}

static int fail(const char *what)
{
	char text[400];

	snprintf(text, sizeof(text), "FAILED %s", what);
	send_frame(text);
	return 1;
}

/* $QF_LIBDIR/python, else <directory of this program>/../lib/queryflux/python. */
static int private_dir(char *buf, size_t size)
{
	const char *dir = getenv("QF_LIBDIR");
	char exe[PATH_MAX];
	ssize_t n;
	int r;

	if (dir) {
		r = snprintf(buf, size, "%s/python", dir);
		return r < 0 || (size_t)r >= size ? -1 : 0;
	}
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return -1;
	exe[n] = 0;
	*strrchr(exe, '/') = 0;
	r = snprintf(buf, size, "%s/../lib/queryflux/python", exe);
	return r < 0 || (size_t)r >= size ? -1 : 0;
}

static PyStatus add_path(PyConfig *c, const char *path)
{
	wchar_t *w = Py_DecodeLocale(path, NULL);
	PyStatus st = w ? PyWideStringList_Append(&c->module_search_paths, w) : PyStatus_NoMemory();

	PyMem_RawFree(w);
	return st;
}

static int start_python(const char *dir)
{
	const char *paths[] = { dir, PY_DIR, PY_DIR "/lib-dynload" };
	PyConfig c;

	PyConfig_InitIsolatedConfig(&c);
	c.site_import = 0;
	c.install_signal_handlers = 0;
	c.module_search_paths_set = 1;
	PyStatus st = PyConfig_SetString(&c, &c.program_name, L"qf-translate");

	for (size_t i = 0; i < 3 && !PyStatus_Exception(st); i++)
		st = add_path(&c, paths[i]);
	if (!PyStatus_Exception(st))
		st = Py_InitializeFromConfig(&c);
	PyConfig_Clear(&c);
	return PyStatus_Exception(st) ? -1 : 0;
}

static int load(const struct pysource *s)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.py", s->module);
	PyObject *code = Py_CompileString(s->text, name, Py_file_input);
	PyObject *module = code ? PyImport_ExecCodeModule(s->module, code) : NULL;

	Py_XDECREF(code);
	Py_XDECREF(module);
	return module ? 0 : -1;
}

/* The text of the Python error that stands, for the program that started us. */
static int fail_python(const char *dir)
{
	PyObject *type, *value, *trace;
	char text[400];
	bool missing = PyErr_ExceptionMatches(PyExc_ModuleNotFoundError);

	PyErr_Fetch(&type, &value, &trace);
	PyObject *str = value ? PyObject_Str(value) : NULL;
	const char *s = str ? PyUnicode_AsUTF8(str) : NULL;

	if (missing)
		snprintf(text, sizeof(text), "sqlglot is not installed in %.200s: run \"make deps\", or install the package again", dir);
	else
		snprintf(text, sizeof(text), "Python cannot load the translator: %.300s", s ? s : "unknown error");
	return fail(text);
}

static int serve(const char *warm)
{
	PyObject *module = PyImport_ImportModule("qf_worker");
	PyObject *r = module ? PyObject_CallMethod(module, "serve", "iz", WORKER_FD, warm) : NULL;

	if (!r)
		PyErr_Print();
	Py_XDECREF(module);
	Py_XDECREF(r);
	return r ? 0 : 1;
}

static int run(const char *warm)
{
	char dir[PATH_MAX + 64];

	if (private_dir(dir, sizeof(dir)) < 0)
		return fail("the private directory of this program cannot be found");
	if (start_python(dir) < 0)
		return fail("Python cannot be started: its standard library is missing (install python3)");
	for (const struct pysource *s = pysources; s->module; s++)
		if (load(s) < 0)
			return fail_python(dir);
	return serve(warm);
}

static void *thread(void *arg)
{
	struct job *j = arg;

	j->status = run(j->warm);
	return NULL;
}

int pyworker_main(const char *warm)
{
	struct pollfd p = { .fd = WORKER_FD };
	struct job j = { .warm = warm, .status = 1 };
	pthread_attr_t at;
	pthread_t th;

	/* The program that started us may be gone already; then its end of the socket is closed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "qf-translate-w");
	if (poll(&p, 1, 0) < 0 || p.revents & (POLLHUP | POLLNVAL)) {
		fprintf(stderr, "qf-translate: --worker is for qf-translate itself\n");
		return 2;
	}
	if (pthread_attr_init(&at) || pthread_attr_setstacksize(&at, STACK_BYTES) || pthread_create(&th, &at, thread, &j))
		return fail("no memory for the worker's stack");
	pthread_attr_destroy(&at);
	pthread_join(th, NULL);
	/* Python's own tear-down is skipped: nothing of it outlives the process. */
	fflush(NULL);
	_exit(j.status);
}
