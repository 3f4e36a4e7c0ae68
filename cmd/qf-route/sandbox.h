/*
 * What a script worker may ask of the kernel. Two seccomp filters on the process itself, each for good:
 *
 * early   before anything of a script is read: no other program, process or socket. Modules are still found.
 * sealed  before a script's first line runs: read and write on the worker's own socket, memory without execution,
 *         locks, clocks, random numbers, the end. All else fails with EPERM, which a script sees as PermissionError.
 */
#ifndef QF_ROUTE_SANDBOX_H
#define QF_ROUTE_SANDBOX_H

/* 0 or -errno. fd: the socket. */
int qf_sandbox_early(void);
int qf_sandbox_seal(int fd);
/* Memory, core dumps and file sizes; descriptors but fd lead to /dev/null. Before qf_sandbox_seal(). */
int qf_sandbox_limit(int fd);

#endif
