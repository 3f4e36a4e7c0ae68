/*
 * A script worker: Python embedded, questions on descriptor 3 (py/worker.py answers them), and a sandbox that
 * closes before a script's first line (sandbox.h).
 *
 * Debian's own Python is used through an isolated configuration whose search path is the standard library alone:
 * no environment, no site packages, no other Python on PATH can change what runs.
 */
#include <Python.h>

#include "pyscript.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sandbox.h"

#define WORKER_FD 3
#define PY_DIR "/usr/lib/python" Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION)

__asm__(".section .rodata\n"
	".global py_worker_at\n"
	"py_worker_at: .incbin \"cmd/qf-route/py/worker.py\"\n"
	".byte 0\n"
	".previous\n");
extern const char py_worker_at[];

static int fail(const char *what)
{
	char text[400];
	size_t n = (size_t)snprintf(text + 4, sizeof(text) - 4, "FAILED %s", what);

	n = n < sizeof(text) - 5 ? n : sizeof(text) - 5;
	memcpy(text, (char[4]){ 0, 0, (char)(n >> 8), (char)n }, 4);
	return write(WORKER_FD, text, n + 4) < 0 ? 2 : 1;
}

/* From worker.py, when the modules of the scripts are there and the scripts are not. */
static PyObject *seal(PyObject *self, PyObject *none)
{
	int rc = qf_sandbox_limit(WORKER_FD);

	(void)self;
	(void)none;
	if (rc == 0)
		rc = qf_sandbox_seal(WORKER_FD);
	if (rc != 0) {
		errno = -rc;
		return PyErr_SetFromErrno(PyExc_OSError);
	}
	Py_RETURN_NONE;
}

static PyObject *new_qf(void)
{
	static PyMethodDef functions[] = { { "seal", seal, METH_NOARGS, NULL }, { 0 } };
	static struct PyModuleDef def = { PyModuleDef_HEAD_INIT, .m_name = "_qf", .m_size = -1, .m_methods = functions };

	return PyModule_Create(&def);
}

static int start_python(void)
{
	static const wchar_t *const paths[] = { L"" PY_DIR, L"" PY_DIR "/lib-dynload" };
	PyConfig c;

	PyImport_AppendInittab("_qf", new_qf);
	PyConfig_InitIsolatedConfig(&c);
	c.site_import = 0;
	c.install_signal_handlers = 0;
	c.write_bytecode = 0;
	c.module_search_paths_set = 1;
	PyStatus st = PyConfig_SetString(&c, &c.program_name, L"qf-route");

	for (size_t i = 0; i < 2 && !PyStatus_Exception(st); i++)
		st = PyWideStringList_Append(&c.module_search_paths, paths[i]);
	if (!PyStatus_Exception(st))
		st = Py_InitializeFromConfig(&c);
	PyConfig_Clear(&c);
	return PyStatus_Exception(st) ? -1 : 0;
}

static int fail_python(void)
{
	PyObject *type, *value, *trace;
	char text[300];

	PyErr_Fetch(&type, &value, &trace);
	PyObject *str = value ? PyObject_Str(value) : NULL;
	const char *s = str ? PyUnicode_AsUTF8(str) : NULL;

	snprintf(text, sizeof(text), "Python cannot run scripts: %.250s", s ? s : "unknown error");
	return fail(text);
}

static int serve(void)
{
	PyObject *code = Py_CompileString(py_worker_at, "qf_worker.py", Py_file_input);
	PyObject *module = code ? PyImport_ExecCodeModule("qf_worker", code) : NULL;
	PyObject *r = module ? PyObject_CallMethod(module, "serve", "i", WORKER_FD) : NULL;

	Py_XDECREF(code);
	Py_XDECREF(module);
	if (!r)
		return fail_python();
	Py_DECREF(r);
	return 0;
}

int qf_pyscript_main(void)
{
	struct pollfd p = { .fd = WORKER_FD };

	/* The program that started us may be gone already; then its end of the socket is closed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "qf-route-w");
	if (poll(&p, 1, 0) < 0 || p.revents & (POLLHUP | POLLNVAL)) {
		fprintf(stderr, "qf-route: --worker is for qf-route itself\n");
		return 2;
	}
	int rc = qf_sandbox_early(), status;

	if (rc != 0)
		status = fail("the kernel refuses the system call filter (seccomp) that scripts must run under");
	else if (start_python() < 0)
		status = fail("Python cannot be started: its standard library is missing (install python3)");
	else
		status = serve();
	/* Python's own tear-down is skipped: nothing of it outlives the process. */
	_exit(status);
}
