/* See login.h. */
#include "login.h"

#include "qf/str.h"

enum { BURST = 20 }; /* lines a second */

void fe_login_failed(struct qf_log_limit *limit, const char *client, const char *user, enum qf_auth_method method, bool tls,
		     const char *why)
{
	static const char *const names[QF_AUTH_N] = { "scram-sha-256", "md5", "password", "cert", "trust", "reject" };
	struct qf_buf quoted = { 0 };

	qf_quote_log(&quoted, qf_slice_str(user), 64);
	qf_log_limited(limit, BURST, QF_LOG_INFO, "login failed: client=%s user=%s method=%s tls=%s: %s", client,
		qf_buf_cstr(&quoted), names[method], tls ? "yes" : "no", why);
	qf_buf_fini(&quoted);
}
