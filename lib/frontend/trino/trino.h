/* The Trino frontend's entry in the registry. */
#ifndef QF_FRONTEND_TRINO_H
#define QF_FRONTEND_TRINO_H

#include "qf/frontend.h"

extern const struct qf_frontend_ops qf_frontend_trino;

#endif
