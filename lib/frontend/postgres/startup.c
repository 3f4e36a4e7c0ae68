/* From the first byte to ReadyForQuery. [PG 55.2.1] See session.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "qf/str.h"
#include "session.h"

enum { MAX_NAME = 63 }; /* where PostgreSQL cuts user and database names */

/* One startup packet being read. */
struct startup {
	struct pg_session *s;
	struct qf_slice body;
	struct qf_sql_error error;
	struct qf_buf unknown; /* `_pq_.` options that are not known here, each with its NUL */
	uint32_t n_unknown;
};

/* ---- settings in the packet ---- */

static bool set(struct startup *u, const char *name, const char *value)
{
	return pg_settings_set(&u->s->settings, name, value, PG_SCOPE_STARTUP, &u->error);
}

/* name=value, with the name as in a switch. */
static bool set_assignment(struct startup *u, char *text)
{
	char *value = strchr(text, '=');

	if (!value) {
		qf_sql_error_set(&u->error, "42601", "-c %s requires a value", text);
		return false;
	}
	*value++ = 0;
	return set(u, text, value);
}

/* The startup parameter `options`: -c name=value, -cname=value, --name=value. */
static bool read_options(struct startup *u, struct qf_slice text)
{
	struct qf_reader r = qf_reader(text);
	struct qf_buf word;
	bool ok = true;

	qf_buf_init(&word);
	while (ok && qf_pg_options_next(&r, &word)) {
		bool apart = qf_slice_eq_str(qf_buf_slice(&word), "-c");

		if (apart)
			qf_buf_clear(&word);
		if (apart && !qf_pg_options_next(&r, &word))
			qf_buf_clear(&word);
		char *w = qf_buf_cstr(&word);

		if (apart) {
			ok = set_assignment(u, w);
		} else if (strncmp(w, "-c", 2) == 0 || strncmp(w, "--", 2) == 0) {
			ok = set_assignment(u, w + 2);
		} else {
			qf_sql_error_set(&u->error, "42601", "invalid command-line argument for server process: %s", w);
			ok = false;
		}
		qf_buf_clear(&word);
	}
	qf_buf_fini(&word);
	return ok;
}

/* ---- user, database and what is not a setting ---- */

static bool take_name(struct startup *u, const char *what, struct qf_slice value, char **at)
{
	if (value.n > MAX_NAME) {
		qf_sql_error_set(&u->error, "22023", "%s name is longer than %d bytes", what, MAX_NAME);
		return false;
	}
	free(*at);
	*at = qf_slice_dup(value);
	return true;
}

static bool refuse_replication(struct startup *u, struct qf_slice value)
{
	static const char *const off[] = { "false", "off", "no", "0" };

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		if (qf_slice_caseeq_str(value, off[i]))
			return true;
	qf_sql_error_set(&u->error, "0A000", "replication connections are not supported");
	return false;
}

static bool is_protocol_option(struct qf_slice name)
{
	return name.n >= 5 && memcmp(name.p, "_pq_.", 5) == 0;
}

/* Settings named in `options` come before those that stand alone, as in PostgreSQL: hence two passes. */
static bool first_pass(struct startup *u, struct qf_slice name, struct qf_slice value)
{
	if (qf_slice_eq_str(name, "user"))
		return take_name(u, "user", value, &u->s->user);
	if (qf_slice_eq_str(name, "database"))
		return take_name(u, "database", value, &u->s->database);
	if (qf_slice_eq_str(name, "replication"))
		return refuse_replication(u, value);
	if (qf_slice_eq_str(name, "options"))
		return read_options(u, value);
	if (is_protocol_option(name)) {
		qf_buf_add(&u->unknown, name.p, name.n);
		qf_buf_u8(&u->unknown, 0);
		u->n_unknown++;
	}
	return true;
}

static bool second_pass(struct startup *u, struct qf_slice name, struct qf_slice value)
{
	static const char *const taken[] = { "user", "database", "replication", "options" };

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (qf_slice_eq_str(name, taken[i]))
			return true;
	if (is_protocol_option(name))
		return true;
	char *n = qf_slice_dup(name);
	char *v = qf_slice_dup(value);
	bool ok = set(u, n, v);

	free(n);
	free(v);
	return ok;
}

static bool each(struct startup *u, bool (*fn)(struct startup *u, struct qf_slice name, struct qf_slice value))
{
	struct qf_reader r = qf_reader(u->body);
	struct qf_slice name, value;

	while (qf_pg_startup_next(&r, &name, &value))
		if (!fn(u, name, value))
			return false;
	return true;
}

static bool read_packet(struct startup *u)
{
	struct pg_session *s = u->s;

	if (!qf_utf8_valid(u->body)) {
		qf_sql_error_set(&u->error, "22021", "the startup packet is not valid UTF-8");
		return false;
	}
	if (!each(u, first_pass))
		return false;
	if (!s->user || !*s->user) {
		qf_sql_error_set(&u->error, "28000", "no PostgreSQL user name specified in startup packet");
		return false;
	}
	if (!s->database || !*s->database) {
		free(s->database);
		s->database = qf_xstrdup(s->user);
	}
	pg_settings_set_reset(&s->settings, PG_SESSION_AUTHORIZATION, s->user);
	return each(u, second_pass);
}

/* ---- answers ---- */

/* Those at their defaults too, which a later report leaves out. */
static void report_all(struct pg_session *s)
{
	const char *name, *value;
	size_t at = 0;

	while (pg_settings_next_report(&s->settings, &at, &name, &value))
		continue;
	for (int i = 0; i < PG_SETTING_N; i++)
		if (pg_setting_table[i].flags & PG_SETTING_REPORT)
			qf_pg_put_parameter_status(&s->conn.out, pg_setting_table[i].name,
				pg_settings_get(&s->settings, (enum pg_setting_id)i));
}

/* There was no 3.1. */
static uint32_t agree(uint32_t version)
{
	return version >= QF_PG_VERSION_3_2 ? QF_PG_VERSION_3_2 : QF_PG_VERSION_3_0;
}

/* A newer minor version, or options nobody knows here: say what there is and go on. */
static void negotiate(struct startup *u, uint32_t version)
{
	uint32_t agreed = agree(version);

	if (agreed != version || u->n_unknown > 0)
		qf_pg_put_negotiate_version(&u->s->conn.out, agreed, qf_buf_slice(&u->unknown), u->n_unknown);
	u->s->secret_n = agreed >= QF_PG_VERSION_3_2 ? PG_SECRET : 4;
}

void pg_startup_welcome(struct pg_session *s)
{
	struct qf_buf *out = &s->conn.out;

	if (!pg_listener_has_room(s->listener)) {
		pg_session_fatal(s, "53300", "sorry, too many clients already");
		return;
	}
	if (!pg_listener_register(s->listener, s)) {
		pg_session_fatal(s, "58000", "no random bytes for a cancel key");
		return;
	}
	qf_pg_put_auth_ok(out);
	report_all(s);
	qf_pg_put_backend_key_data(out, s->pid, qf_slice(s->secret, s->secret_n));
	s->phase = PG_PHASE_READY;
	pg_session_ready(s);
}

static void start(struct pg_session *s, const struct qf_pg_event *ev)
{
	struct startup u = { .s = s, .body = ev->body };

	if (!s->conn.tls && pg_startup_tls_mode(s) == QF_TLS_REQUIRE) {
		pg_session_fatal(s, "28000", "connections that are not encrypted are refused here: "
				 "connect with sslmode=require or better");
		return;
	}
	qf_buf_init(&u.unknown);
	if (!read_packet(&u)) {
		pg_reply_error(&s->conn.out, "FATAL", &u.error);
		pg_session_end(s);
	} else if (s->listener->draining) {
		pg_session_fatal(s, "57P03", "the database system is shutting down");
	} else {
		negotiate(&u, ev->version);
		pg_login_begin(s);
	}
	qf_buf_fini(&u.unknown);
}

/* ---- encryption ---- */

enum qf_tls_mode pg_startup_tls_mode(const struct pg_session *s)
{
	const struct qf_hub *hub = s->listener->hub;

	return s->local || !qf_hub_tls(hub) ? QF_TLS_OFF : qf_hub_conf(hub)->frontends[QF_FE_POSTGRES].tls;
}

/* Within TLS neither kind of encryption can be asked for. */
static void begin_tls(struct pg_session *s, bool direct)
{
	s->decoder.ssl_asked = s->decoder.gss_asked = true;
	pg_conn_start_tls(&s->conn, qf_hub_tls(s->listener->hub), direct);
}

/* A reload since it was accepted may have taken TLS away: then its first bytes are no startup packet. */
void pg_startup_direct_tls(struct pg_session *s)
{
	if (pg_startup_tls_mode(s) != QF_TLS_OFF)
		begin_tls(s, true);
}

/*
 * A client that speaks before it knows the answer is broken or not the only one speaking: what came in clear must not
 * be taken for what it encrypts (CVE-2021-23214).
 */
static void answer_encryption_request(struct pg_session *s, bool more_behind, bool offered)
{
	if (more_behind) {
		pg_session_fatal(s, "08P01", "received unencrypted data after encryption request");
		return;
	}
	if (!offered) {
		qf_pg_put_ssl_no(&s->conn.out);
		return;
	}
	qf_pg_put_ssl_yes(&s->conn.out);
	begin_tls(s, false);
}

void pg_startup_event(struct pg_session *s, const struct qf_pg_event *ev, bool more_behind)
{
	switch (ev->type) {
	case QF_PG_SSL_REQUEST:
		answer_encryption_request(s, more_behind, pg_startup_tls_mode(s) != QF_TLS_OFF);
		break;
	case QF_PG_GSS_REQUEST:
		answer_encryption_request(s, more_behind, false);
		break;
	case QF_PG_CANCEL_REQUEST:
		pg_listener_cancel(s->listener, ev->pid, ev->key);
		pg_session_close(s); /* never answered [PG 55.2.8] */
		break;
	default:
		start(s, ev);
		break;
	}
}
