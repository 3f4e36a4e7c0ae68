/*
 * The service skeleton that all five programs share: options, configuration, log, loop, bus, readiness
 * notification, reload and drain, in one order that nothing else may change. DESIGN §1, c-conventions §3.8.
 *
 * A program is one `const struct qf_svc` and a context structure. qf_svc_main() parses the options; without
 * --serve it calls tool() (the command-line use), with it it runs setup → READY=1 → loop → drain → teardown.
 * All callbacks run on the loop thread.
 */
#ifndef QF_SVC_H
#define QF_SVC_H

#include "qf/bus.h"
#include "qf/conf.h"

/* Exit status of every program (DESIGN §1). */
enum qf_exit {
	QF_EXIT_OK = 0,
	QF_EXIT_FAILED = 1,
	QF_EXIT_USAGE = 2,
	QF_EXIT_REFUSED = 3,
	QF_EXIT_NO_SERVICE = 4,
};

struct qf_run;

struct qf_option { /* one table per program: parser, --help, completions and man-page test read it */
	const char *name; /* "explain" → --explain */
	char letter;	  /* 0: long form only */
	const char *arg;  /* NULL: a flag; else the name of its argument in --help */
	const char *help; /* NULL: hidden */
	/* Called for each occurrence; returns 0, or prints a line and returns a negative code. */
	int (*set)(void *ctx, const char *value);
};

struct qf_command { /* a word behind the options; --help, completions and the man-page test read the table */
	const char *name; /* "status" */
	const char *args; /* what follows it in --help: "ID"; NULL: nothing may */
	const char *help;
	int (*run)(void *ctx, struct qf_run *run, int argc, char **argv); /* argv[0] is the command */
};

struct qf_svc {
	const char *name;    /* "qf-route" */
	enum qf_program program;
	const char *summary; /* one line for --help */
	const char *usage;   /* argument synopsis of the tool mode; NULL: there is none, --serve is needed */
	const struct qf_option *options; /* ends with name NULL; common ones (-c -t -v --serve --instance …) are added */
	const struct qf_command *commands; /* ends with name NULL; NULL: there is a tool, or --serve is needed */
	uint32_t asks;	     /* QF_ROLE() bits */
	bool rows;
	const struct qf_bus_handler *handlers;

	/* The tool: argv holds what is left after options. conf_path may be NULL. Returns an exit status. */
	int (*tool)(void *ctx, struct qf_run *run, int argc, char **argv);
	/* The service. setup may fail with text: logged, exit 1 (QF_ECONFIG: exit 2). */
	int (*setup)(void *ctx, struct qf_run *run, struct qf_err *reterr);
	/* -t: what only this program can tell of a configuration that loads. NULL: nothing. */
	int (*check)(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr);
	/*
	 * A new configuration: check and take it, or refuse and change nothing. The old one is freed after. When the
	 * check needs time: QF_APPLY_LATER, then qf_run_applied() once, not from inside apply(); until then the old one
	 * is in force and the new one stays valid. Other reloads wait.
	 */
	int (*apply)(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr);
	void (*on_peer)(void *ctx, struct qf_peer *p, enum qf_peer_change change);
	void (*on_retired)(void *ctx, struct qf_peer *p, const uint64_t *streams, size_t n);
	/* SIGTERM: stop taking work; call qf_run_drained() when done. NULL: nothing to drain. */
	void (*drain)(void *ctx, struct qf_run *run);
	void (*teardown)(void *ctx, struct qf_run *run);
};

struct qf_run {
	const char *conf_path; /* as given; NULL: embedded default */
	const char *instance;
	struct qf_conf *conf;  /* NULL in tool mode unless loaded */
	struct qf_loop *loop;
	struct qf_bus *bus;
	struct qf_svc_private *priv;
};

const char *qf_version(void);
enum { QF_APPLY_LATER = 1 };

int qf_svc_main(const struct qf_svc *svc, void *ctx, int argc, char **argv);
void qf_run_drained(struct qf_run *run);
void qf_run_applied(struct qf_run *run, const struct qf_err *refusal); /* NULL: taken; frees the old one */
/* The service cannot go on: logged; it ends with exit 1 (QF_ECONFIG: exit 2). */
void qf_run_failed(struct qf_run *run, const struct qf_err *err);
/* A listening TCP socket: one passed by the service manager under that name, else bound here. Non-blocking. */
int qf_run_listen(struct qf_run *run, const char *fd_name, const char *address, uint16_t port, int *ret_fd,
		  struct qf_err *reterr) qf_must_check;
/*
 * A listening Unix socket for clients: one passed under that name, else bound at path, where nobody else answers. *ret_fd is
 * -1 when neither is wanted. u is the caller's storage.
 */
struct qf_unix_socket {
	char path[108];
	int lock;
	bool bound; /* here, and removed with its end */
};
int qf_run_listen_unix(struct qf_run *run, const char *fd_name, const char *path, struct qf_unix_socket *u, int *ret_fd,
		       struct qf_err *reterr) qf_must_check;
void qf_unix_socket_close(struct qf_unix_socket *u); /* harmless when zero; not the listening descriptor */
/* What it does, for the service manager's STATUS=, which also has the configuration. At first "serving". */
void qf_run_status(struct qf_run *run, const char *fmt, ...) qf_printf(2, 3);

#endif
