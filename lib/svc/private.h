/* Inside lib/svc: what the skeleton knows beside the program's own context. */
#ifndef QF_SVC_PRIVATE_H
#define QF_SVC_PRIVATE_H

#include "qf/log.h"
#include "qf/str.h"
#include "qf/svc.h"

struct qf_svc_private {
	const struct qf_svc *svc;
	void *ctx;
	struct qf_run run;
	const char *config, *instance, *dump_names;
	enum qf_log_level level;
	bool check, serve, version, help, dump, dump_commands;
	bool ready, draining, drained;
	char doing[160]; /* for STATUS= */
	struct qf_conf *fresh; /* a reload that the program still looks at */
	bool reload_again;     /* asked for meanwhile */
	int failed;	       /* an exit status; 0: the service did not fail */
	struct qf_timer drain_limit, watchdog;
	uint64_t watchdog_ns;
};

int svc_parse(const struct qf_svc *svc, void *ctx, struct qf_svc_private *p, int argc, char **argv);
void svc_help(const struct qf_svc *svc);
void svc_dump(const struct qf_svc *svc);
/* commands.c */
int svc_command(const struct qf_svc *svc, void *ctx, struct qf_run *run, int argc, char **argv);
void svc_help_commands(const struct qf_svc *svc);
void svc_dump_commands(const struct qf_svc *svc);
/* names.c; the exit status */
int svc_dump_names(const char *kind, const char *conf_path);

/* listen.c: what was handed over and nobody asked for has clients that wait for ever. */
void svc_warn_unused_sockets(void);
bool svc_started_by_manager(void);
int svc_passed_socket(const char *fd_name); /* -1: none of that name */
/* It listens for streams, and from here on without blocking. family 0: any. */
int svc_check_stream(int fd, int family, struct qf_err *reterr);

#endif
