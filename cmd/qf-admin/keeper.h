/*
 * `qf-admin up` is two processes, so that kill -9 of either leaves nothing behind. The outer one, which the
 * user started, passes signals on and waits; when the inner one was killed it ends what that left. The inner
 * one does the work, and is told to stop when the outer one dies. Both are subreapers: whatever a command of
 * --exec leaves running comes to them.
 */
#ifndef QF_ADMIN_KEEPER_H
#define QF_ADMIN_KEEPER_H

#include "qf/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * 0: this is the inner process. 1: this is the outer one, all is over, and *ret_status is the exit status. patience:
 * what the programs get to end by themselves when the inner one was killed.
 */
int keeper_fork(uint64_t patience_ns, int *ret_status, struct qf_err *reterr) qf_must_check;
/* A signal to every child of this process that is not spared. */
void keeper_signal(int signo, bool (*spared)(void *arg, pid_t pid), void *arg);

#endif
