/* Connections whose preface is on its way: see qf/accept.h. */
#ifndef QF_LOOP_PREFACE_H
#define QF_LOOP_PREFACE_H

#include "qf/accept.h"

/* Owns fd; hands it to a->fn when the preface was read. */
void preface_wait(struct qf_acceptor *a, int fd, const char *name);
void preface_drop_all(struct qf_acceptor *a);

#endif
