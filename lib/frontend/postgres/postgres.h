/* The PostgreSQL frontend's entry in the registry. */
#ifndef QF_FRONTEND_POSTGRES_H
#define QF_FRONTEND_POSTGRES_H

#include "qf/frontend.h"

extern const struct qf_frontend_ops qf_frontend_postgres;

#endif
