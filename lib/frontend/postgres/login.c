/* Who the client is: the rule that fits it, and the exchange which that asks for. [PG 55.2.1, 55.3] See session.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../login.h"
#include "qf/clock.h"
#include "qf/tls.h"
#include "session.h"

struct pg_login {
	struct qf_auth *auth; /* as it was when the login began */
	enum qf_auth_method method;
	uint8_t salt[4];
	struct qf_scram *scram; /* once the mechanism is chosen */
};

struct pg_login *pg_login_free(struct pg_login *l)
{
	if (!l)
		return NULL;
	qf_scram_free(l->scram);
	qf_auth_free(l->auth);
	free(l);
	return NULL;
}

/* ---- refusals ---- */

static void log_failure(struct pg_session *s, enum qf_auth_method m, const char *why)
{
	fe_login_failed(&s->listener->failed_logins, s->client, s->user, m, s->conn.tls, why);
}

/* Counts against its address. */
static void wrong(struct pg_session *s, const char *why)
{
	struct pg_login *l = s->login;

	log_failure(s, l->method, why);
	qf_auth_failed(l->auth, s->address, qf_mono_ns());
	if (l->method == QF_AUTH_CERT)
		pg_session_fatal(s, "28000", "certificate authentication failed for user \"%s\"", s->user);
	else
		pg_session_fatal(s, "28P01", "password authentication failed for user \"%s\"", s->user);
}

static void fatal_with(struct pg_session *s, const struct qf_sql_error *e)
{
	pg_reply_error(&s->conn.out, "FATAL", e);
	pg_session_end(s);
}

static void malformed(struct pg_session *s, const char *what, const char *why)
{
	struct qf_sql_error e;

	log_failure(s, s->login->method, why);
	qf_auth_failed(s->login->auth, s->address, qf_mono_ns());
	qf_sql_error_set(&e, "08P01", "%s", what);
	snprintf(e.detail, sizeof(e.detail), "%s", why);
	fatal_with(s, &e);
}

/* True when it was refused. */
static bool is_blocked(struct pg_session *s)
{
	if (!qf_auth_blocked(s->login->auth, s->address, qf_mono_ns()))
		return false;
	log_failure(s, s->login->method, "too many failed logins from there");
	pg_session_fatal(s, "28000", "too many failed logins from \"%s\", try again in a minute", s->address);
	return true;
}

static void reject(struct pg_session *s)
{
	struct qf_sql_error e;

	log_failure(s, QF_AUTH_REJECT, "no host rule lets it in");
	qf_sql_error_set(&e, "28000", "no pg_hba.conf entry for host \"%s\", user \"%s\", database \"%s\", %s",
		s->local ? "[local]" : s->address, s->user, s->database, s->conn.tls ? "SSL encryption" : "no encryption");
	snprintf(e.hint, sizeof(e.hint), "Who may come from where stands in auth.hostRules of queryflux.yaml(5).");
	fatal_with(s, &e);
}

/* ---- success ---- */

static void keep_keys(struct pg_session *s)
{
	struct qf_scram_keys keys;

	if (!s->login->scram || !qf_scram_keys(s->login->scram, &keys))
		return;
	s->facts.keyed = qf_hub_keys_put(s->listener->hub, s->user, &keys);
	explicit_bzero(&keys, sizeof(keys));
}

static void succeed(struct pg_session *s)
{
	keep_keys(s);
	s->login = pg_login_free(s->login);
	s->decoder.login = false;
	pg_startup_welcome(s);
}

/* ---- SCRAM ---- */

static struct qf_slice end_point(const struct pg_session *s)
{
	return s->conn.tls ? qf_tls_end_point(s->conn.tls) : QF_SLICE_NONE;
}

static void offer_mechanisms(struct pg_session *s)
{
	struct qf_buf list = { 0 };

	if (end_point(s).n > 0)
		qf_buf_add(&list, "SCRAM-SHA-256-PLUS", sizeof("SCRAM-SHA-256-PLUS"));
	qf_buf_add(&list, "SCRAM-SHA-256", sizeof("SCRAM-SHA-256"));
	qf_buf_u8(&list, 0);
	qf_pg_put_auth(&s->conn.out, QF_PG_AUTH_SASL, qf_buf_slice(&list));
	qf_buf_fini(&list);
}

static void scram_step(struct pg_session *s, struct qf_slice message)
{
	struct qf_scram *scram = s->login->scram;
	struct qf_buf reply = { 0 };
	bool bad;

	switch (qf_scram_step(scram, message, &reply, &bad)) {
	case QF_SCRAM_CONTINUE:
		qf_pg_put_auth(&s->conn.out, QF_PG_AUTH_SASL_CONTINUE, qf_buf_slice(&reply));
		break;
	case QF_SCRAM_DONE:
		qf_pg_put_auth(&s->conn.out, QF_PG_AUTH_SASL_FINAL, qf_buf_slice(&reply));
		succeed(s);
		break;
	case QF_SCRAM_FAILED:
		if (bad)
			malformed(s, "malformed SCRAM message", qf_scram_why(scram));
		else
			wrong(s, qf_scram_why(scram));
		break;
	}
	qf_buf_fini(&reply);
}

static void choose_mechanism(struct pg_session *s, struct qf_slice body)
{
	struct qf_slice mechanism, data;
	bool plus;

	if (qf_pg_read_sasl(body, &mechanism, &data) < 0) {
		malformed(s, "invalid message format", "the initial SASL response cannot be read");
		return;
	}
	plus = qf_slice_eq_str(mechanism, "SCRAM-SHA-256-PLUS") && end_point(s).n > 0;
	if (!plus && !qf_slice_eq_str(mechanism, "SCRAM-SHA-256")) {
		malformed(s, "client selected an invalid SASL authentication mechanism", "it is none of those offered");
		return;
	}
	s->login->scram = qf_scram_new(s->login->auth, s->user, plus, end_point(s));
	if (data.p)
		scram_step(s, data);
	else
		qf_pg_put_auth(&s->conn.out, QF_PG_AUTH_SASL_CONTINUE, QF_SLICE_NONE);
}

/* ---- passwords ---- */

static void check_password(struct pg_session *s, struct qf_slice body)
{
	struct pg_login *l = s->login;
	struct qf_slice password;

	if (qf_pg_read_string(body, &password) < 0) {
		malformed(s, "invalid password packet size", "it is no string");
		return;
	}
	bool ok = l->method == QF_AUTH_MD5 ? qf_auth_md5(l->auth, s->user, l->salt, password) :
					     qf_auth_password(l->auth, s->user, password);

	explicit_bzero(s->conn.in.p + (body.p - s->conn.in.p), body.n);
	if (ok)
		succeed(s);
	else
		wrong(s, qf_auth_why(l->auth, s->user, l->method));
}

/* Connections that were asked together, before any had failed, have no guess each. */
void pg_login_message(struct pg_session *s, struct qf_slice body)
{
	if (is_blocked(s))
		return;
	if (s->login->method != QF_AUTH_SCRAM)
		check_password(s, body);
	else if (!s->login->scram)
		choose_mechanism(s, body);
	else
		scram_step(s, body);
}

/* ---- the request ---- */

static void check_certificate(struct pg_session *s, const char *name)
{
	if (!name)
		wrong(s, "the client has shown no certificate");
	else if (strcmp(name, s->user) != 0)
		wrong(s, "the certificate is another user's");
	else
		succeed(s);
}

static void ask_md5(struct pg_session *s)
{
	if (getrandom(s->login->salt, sizeof(s->login->salt), 0) != sizeof(s->login->salt)) {
		pg_session_fatal(s, "58000", "no random bytes for a salt");
		return;
	}
	qf_pg_put_auth(&s->conn.out, QF_PG_AUTH_MD5, qf_slice(s->login->salt, sizeof(s->login->salt)));
}

static void ask(struct pg_session *s, const char *certificate)
{
	if (is_blocked(s))
		return;
	s->decoder.login = true;
	switch (s->login->method) {
	case QF_AUTH_SCRAM:
		offer_mechanisms(s);
		break;
	case QF_AUTH_MD5:
		ask_md5(s);
		break;
	case QF_AUTH_CERT:
		check_certificate(s, certificate);
		break;
	default:
		qf_pg_put_auth(&s->conn.out, QF_PG_AUTH_CLEARTEXT, QF_SLICE_NONE);
		break;
	}
}

void pg_login_begin(struct pg_session *s)
{
	struct qf_auth *auth = qf_hub_auth(s->listener->hub);
	struct qf_auth_client c = {
		.frontend = QF_FE_POSTGRES,
		.address = s->local ? "local" : s->address,
		.tls = s->conn.tls != NULL,
		.user = s->user,
		.database = s->database,
		.certificate = s->conn.tls ? qf_tls_peer_name(s->conn.tls) : NULL,
	};
	enum qf_auth_method m = qf_auth_method(auth, &c);

	if (m == QF_AUTH_TRUST) {
		pg_startup_welcome(s);
		return;
	}
	if (m == QF_AUTH_REJECT) {
		reject(s);
		return;
	}
	s->phase = PG_PHASE_LOGIN;
	s->login = qf_xcalloc(1, sizeof(*s->login));
	s->login->auth = qf_auth_ref(auth);
	s->login->method = m;
	ask(s, c.certificate);
}
