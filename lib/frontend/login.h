/* What the frontends have in common of logins. One loop thread. */
#ifndef QF_FRONTEND_LOGIN_H
#define QF_FRONTEND_LOGIN_H

#include "qf/conf.h"
#include "qf/log.h"

/* One line at info, some a second: who, from where, why; never a secret. */
void fe_login_failed(struct qf_log_limit *limit, const char *client, const char *user, enum qf_auth_method method, bool tls,
		     const char *why);

#endif
