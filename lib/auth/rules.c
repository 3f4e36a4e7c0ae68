/* Host rules, and addresses that failed too often. See qf/auth.h. */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/clock.h"

#define MINUTE_NS (60 * QF_SEC)

struct failures { /* a value of qf_auth.failures */
	uint64_t since_ns;
	uint32_t n;
};

/* ---- reading the rules ---- */

static int read_addresses(struct auth_rule *r, struct qf_err *reterr)
{
	r->nets = qf_xcalloc(r->conf->n_addresses + 1, sizeof(*r->nets));
	for (size_t i = 0; i < r->conf->n_addresses; i++) {
		const char *text = r->conf->addresses[i];

		if (!strcmp(text, "local"))
			r->local = true;
		else if (!qf_net_parse(&r->nets[r->n_nets++], text))
			return qf_err_set(reterr, QF_ECONFIG, "auth.hostRules: \"%.60s\" is no network", text);
	}
	return 0;
}

static int read_protocols(struct auth_rule *r, struct qf_err *reterr)
{
	enum qf_frontend fe;

	if (r->conf->n_protocols == 0)
		r->protocols = ~0u;
	for (size_t i = 0; i < r->conf->n_protocols; i++) {
		if (qf_frontend_find(r->conf->protocols[i], &fe) != 0)
			return qf_err_set(reterr, QF_ECONFIG, "auth.hostRules: \"%.60s\" is no frontend",
				r->conf->protocols[i]);
		r->protocols |= 1u << fe;
	}
	return 0;
}

int auth_rules_load(struct qf_auth *a, struct qf_err *reterr)
{
	int r = 0;

	a->rules = qf_xcalloc(a->conf->auth.n_rules + 1, sizeof(*a->rules));
	for (size_t i = 0; r == 0 && i < a->conf->auth.n_rules; i++) {
		a->rules[i].conf = &a->conf->auth.rules[i];
		r = read_addresses(&a->rules[i], reterr);
		if (r == 0)
			r = read_protocols(&a->rules[i], reterr);
	}
	return r;
}

void auth_rules_free(struct qf_auth *a)
{
	for (size_t i = 0; a->rules && i < a->conf->auth.n_rules; i++)
		free(a->rules[i].nets);
	free(a->rules);
}

/* ---- which rule ---- */

static bool fits_address(const struct auth_rule *r, const char *address)
{
	struct qf_net from;

	if (r->conf->n_addresses == 0)
		return true;
	if (!strcmp(address, "local"))
		return r->local;
	if (!qf_net_address(&from, address))
		return false;
	for (size_t i = 0; i < r->n_nets; i++)
		if (qf_net_has(&r->nets[i], &from))
			return true;
	return false;
}

static bool in_list(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

static bool fits_user(const struct qf_auth *a, const struct qf_conf_host_rule *r, const char *user)
{
	const struct auth_user *u = auth_user_find(a, user);

	for (size_t i = 0; i < r->n_users; i++) {
		if (r->users[i][0] != '+' && !strcmp(r->users[i], user))
			return true;
		if (r->users[i][0] == '+' && u && in_list(u->conf->groups, u->conf->n_groups, r->users[i] + 1))
			return true;
	}
	return r->n_users == 0;
}

static bool fits(const struct qf_auth *a, const struct auth_rule *r, const struct qf_auth_client *c)
{
	const struct qf_conf_host_rule *conf = r->conf;

	if (!(r->protocols & 1u << c->frontend) || (conf->tls == QF_RULE_TLS_ONLY && !c->tls) ||
	    (conf->tls == QF_RULE_TLS_NEVER && c->tls))
		return false;
	if (conf->n_databases > 0 && !(c->database && in_list(conf->databases, conf->n_databases, c->database)))
		return false;
	return fits_address(r, c->address) && fits_user(a, conf, c->user);
}

enum qf_auth_method qf_auth_method(const struct qf_auth *a, const struct qf_auth_client *c)
{
	if (a->conf->auth.provider == QF_AUTH_NONE)
		return QF_AUTH_TRUST;
	for (size_t i = 0; i < a->conf->auth.n_rules; i++)
		if (fits(a, &a->rules[i], c))
			return a->rules[i].conf->method;
	return a->conf->auth.n_rules > 0 ? QF_AUTH_REJECT : QF_AUTH_SCRAM;
}

/* ---- addresses that failed too often ---- */

/* An IPv6 client has a whole /64 to itself. */
static struct qf_slice limited(const char *address, struct qf_net *scratch)
{
	if (!qf_net_address(scratch, address))
		return qf_slice_str(address);
	return qf_slice(scratch->address, scratch->v4 ? sizeof(scratch->address) : 8);
}

static struct failures failures_of(struct qf_auth *a, struct qf_slice key, uint64_t now_ns)
{
	struct failures f = { .since_ns = now_ns };
	struct qf_slice known;

	if (!qf_lru_get(a->failures, key, &known))
		return f;
	struct failures was;

	memcpy(&was, known.p, sizeof(was));
	return now_ns - was.since_ns < MINUTE_NS ? was : f;
}

bool qf_auth_blocked(struct qf_auth *a, const char *address, uint64_t now_ns)
{
	uint32_t limit = a->conf->auth.failures_per_minute;
	struct qf_net scratch;

	return limit > 0 && failures_of(a, limited(address, &scratch), now_ns).n >= limit;
}

void qf_auth_failed(struct qf_auth *a, const char *address, uint64_t now_ns)
{
	struct qf_net scratch;
	struct qf_slice key = limited(address, &scratch);
	struct failures f = failures_of(a, key, now_ns);

	if (f.n < UINT32_MAX)
		f.n++;
	qf_lru_put(a->failures, key, qf_slice(&f, sizeof(f)));
}
