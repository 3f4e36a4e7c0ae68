/* Who a request is from: HTTP Basic and Bearer by the users and host rules that PostgreSQL's clients have too. See session.h. */
#include <stdlib.h>
#include <string.h>

#include "../login.h"
#include "listener.h"
#include "qf/clock.h"
#include "qf/net.h"
#include "qf/proto/trino.h"
#include "qf/secret.h"
#include "qf/str.h"
#include "session.h"

struct attempt {
	struct qf_listener *l;
	const struct qf_http_request *rq;
	struct qf_auth *auth;
	struct qf_err *err;
	char address[48];
	bool basic, bearer;
	struct qf_buf user, password; /* of Basic */
	struct qf_slice token;
	const char *name; /* whom it says to be, by what is checked; in user, in the configuration, or the owner's */
	enum qf_auth_method method;
};

static unsigned refuse(struct attempt *a, unsigned status, const char *text)
{
	qf_err_set(a->err, QF_EREFUSED, "%s", text);
	return status;
}

static void log_failure(const struct attempt *a, const char *why)
{
	fe_login_failed(&a->l->failed_logins, qf_http_client(a->rq), a->name ? a->name : "", a->method,
		qf_http_is_tls(a->rq), why);
}

/* Counts against its address. */
static unsigned wrong(struct attempt *a, const char *why)
{
	log_failure(a, why);
	qf_auth_failed(a->auth, a->address, qf_mono_ns());
	return refuse(a, 401, "Access Denied: Invalid credentials");
}

static bool is_blocked(const struct attempt *a)
{
	return qf_auth_blocked(a->auth, a->address, qf_mono_ns());
}

static unsigned blocked(struct attempt *a)
{
	log_failure(a, "too many failed logins from there");
	return refuse(a, 429, "Too many failed logins from this address, try again in a minute");
}

/* ---- what the request says ---- */

static bool read_credentials(struct attempt *a)
{
	struct qf_slice authorization = qf_http_header(a->rq, "Authorization");

	if (!authorization.p)
		return true;
	a->bearer = qf_trino_bearer(authorization, &a->token);
	a->basic = !a->bearer && qf_trino_basic(authorization, &a->user, &a->password);
	return a->bearer || (a->basic && qf_utf8_valid(qf_buf_slice(&a->user)));
}

/* The first that it has: a token's or a password's user, X-Trino-User, the certificate's name. */
static unsigned read_name(struct attempt *a)
{
	struct qf_slice said = qf_http_header(a->rq, "X-Trino-User");

	if (a->bearer) {
		a->name = qf_auth_token(a->auth, a->token);
		return a->name ? 0 : wrong(a, "the token is not known");
	}
	if (!a->basic && said.n > 0 && qf_utf8_valid(said) && !memchr(said.p, 0, said.n))
		qf_buf_add_slice(&a->user, said);
	if (a->user.n > 0)
		a->name = qf_buf_cstr(&a->user);
	else
		a->name = qf_http_peer_name(a->rq);
	return a->name ? 0 : refuse(a, 401, "Unauthorized");
}

static unsigned check_impersonation(struct attempt *a)
{
	struct qf_slice said = qf_http_header(a->rq, "X-Trino-User");

	if (said.n == 0 || qf_slice_eq_str(said, a->name))
		return 0;
	qf_err_set(a->err, QF_EREFUSED, "Access Denied: User %.100s cannot impersonate user %.*s", a->name,
		(int)(said.n > 100 ? 100 : said.n), (const char *)said.p);
	return 403;
}

/* ---- what the rule asks for ---- */

static bool is_loopback(const char *address)
{
	struct qf_net four, six, from;

	return qf_net_parse(&four, "127.0.0.0/8") && qf_net_parse(&six, "::1") && qf_net_address(&from, address) &&
	       (qf_net_has(&four, &from) || qf_net_has(&six, &from));
}

static unsigned check_certificate(struct attempt *a)
{
	const char *shown = qf_http_peer_name(a->rq);

	if (!shown)
		return wrong(a, "the client has shown no certificate");
	return strcmp(shown, a->name) == 0 ? 0 : wrong(a, "the certificate is another user's");
}

static unsigned check_credentials(struct attempt *a)
{
	if (!a->basic && !a->bearer)
		return refuse(a, 401, "Unauthorized");
	if (!qf_http_is_tls(a->rq) && a->method != QF_AUTH_PASSWORD && !is_loopback(a->address)) {
		log_failure(a, "credentials came in clear, and the rule's method is not password");
		return refuse(a, 403, "Access Denied: passwords and tokens are taken over HTTPS only");
	}
	if (a->bearer || qf_auth_password(a->auth, a->name, qf_buf_slice(&a->password)))
		return 0;
	return wrong(a, qf_auth_why(a->auth, a->name, QF_AUTH_PASSWORD));
}

static void find_rule(struct attempt *a, const char *name, const char *database)
{
	struct qf_auth_client c = {
		.frontend = QF_FE_TRINO,
		.address = a->address,
		.tls = qf_http_is_tls(a->rq),
		.user = name,
		.database = database,
		.certificate = qf_http_peer_name(a->rq),
	};

	a->method = qf_auth_method(a->auth, &c);
}

static unsigned prove(struct attempt *a)
{
	switch (a->method) {
	case QF_AUTH_TRUST:
		return a->password.n > 0 ? refuse(a, 401, "Password not allowed for insecure authentication") : 0;
	case QF_AUTH_REJECT:
		log_failure(a, "no host rule lets it in");
		qf_err_set(a->err, QF_EREFUSED, "Access Denied: no host rule lets user %.100s in from %s", a->name, a->address);
		return 403;
	case QF_AUTH_CERT:
		return check_certificate(a);
	default:
		return check_credentials(a);
	}
}

/* ---- the two kinds of requests ---- */

static unsigned begin(struct attempt *a)
{
	struct qf_slice catalog = qf_http_header(a->rq, "X-Trino-Catalog");
	char *database = catalog.n > 0 ? qf_slice_dup(catalog) : NULL;
	unsigned status = a->bearer && is_blocked(a) ? blocked(a) : read_name(a);

	if (!status)
		find_rule(a, a->name, database);
	if (!status && a->method != QF_AUTH_TRUST && a->method != QF_AUTH_REJECT && is_blocked(a))
		status = blocked(a);
	if (!status)
		status = prove(a);
	if (!status)
		status = check_impersonation(a);
	free(database);
	return status;
}

/*
 * Of a query that runs: whoever knows its path and proves to be its owner. An address that is blocked is not kept from it,
 * because only the owner's own password is looked at.
 */
static unsigned go_on(struct attempt *a, const char *owner, const char *catalog)
{
	const char *whose = NULL;

	find_rule(a, owner, catalog);
	a->name = owner;
	if (a->method == QF_AUTH_TRUST)
		return 0;
	if (a->bearer)
		whose = qf_auth_token(a->auth, a->token);
	else if (a->basic)
		whose = qf_buf_cstr(&a->user);
	if ((a->bearer || a->basic) && (!whose || strcmp(whose, owner) != 0))
		return refuse(a, 403, "Access Denied: Cannot access the query of another user");
	return prove(a);
}

unsigned tr_login(struct qf_listener *l, const struct qf_http_request *rq, const char *owner, const char *catalog,
		  char **ret_user, struct qf_err *reterr)
{
	struct attempt a = { .l = l, .rq = rq, .auth = qf_hub_auth(l->hub), .err = reterr, .method = QF_AUTH_PASSWORD };
	unsigned status;

	if (qf_hub_conf(l->hub)->auth.provider == QF_AUTH_NONE)
		return 0;
	fe_address_of(qf_http_client(rq), a.address, sizeof(a.address));
	if (!read_credentials(&a))
		status = refuse(&a, 401, "Only Basic and Bearer authentication are understood");
	else
		status = owner ? go_on(&a, owner, catalog) : begin(&a);
	if (!status)
		*ret_user = qf_xstrdup(a.name);
	qf_buf_fini(&a.user);
	qf_secret_wipe(&a.password);
	return status;
}
