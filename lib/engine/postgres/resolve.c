/* Connecting, as far as it may block: see resolve.h. */
#include "resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/secret.h"

enum { MAX_PARAMS = 24 };

struct params {
	const char *keys[MAX_PARAMS + 1], *values[MAX_PARAMS + 1];
	size_t n;
};

struct lists { /* one entry an address, as libpq wants them */
	struct qf_buf host, hostaddr, port;
};

static char *dup_or_null(const char *s)
{
	return s ? qf_xstrdup(s) : NULL;
}

/* In a form that libpq takes for "dbname". Caller frees. */
static char *conninfo_of(const struct qf_conf_cluster *cfg)
{
	bool known = strstr(cfg->endpoint, "://") || strchr(cfg->endpoint, '=');

	return known ? qf_xstrdup(cfg->endpoint) : qf_xasprintf("postgresql://%s", cfg->endpoint);
}

static void add_option(struct qf_buf *b, const char *key, const char *value)
{
	qf_buf_printf(b, "%s='", key);
	for (const char *p = value; *p; p++) {
		if (*p == '\'' || *p == '\\')
			qf_buf_u8(b, '\\');
		qf_buf_u8(b, (uint8_t)*p);
	}
	qf_buf_add_str(b, "' ");
}

static bool is_accounts(const char *key)
{
	return strcmp(key, "user") == 0 || strcmp(key, "password") == 0 || strcmp(key, "passfile") == 0;
}

/* The endpoint without its account. What libpq cannot read it cannot connect to either. */
static char *conninfo_without_account(const struct qf_conf_cluster *cfg)
{
	char *whole = conninfo_of(cfg), *text;
	PQconninfoOption *all = PQconninfoParse(whole, NULL);
	struct qf_buf b;

	qf_buf_init(&b);
	for (PQconninfoOption *o = all; o && o->keyword; o++)
		if (o->val && *o->val && !is_accounts(o->keyword))
			add_option(&b, o->keyword, o->val);
	if (all)
		PQconninfoFree(all);
	qf_secret_free(whole);
	text = qf_xstrdup(qf_buf_cstr(&b));
	qf_buf_fini(&b);
	return text;
}

bool pge_target_has_user(const struct qf_conf_cluster *cfg)
{
	char *whole = conninfo_of(cfg);
	PQconninfoOption *all = PQconninfoParse(whole, NULL);
	bool has = cfg->username;

	for (PQconninfoOption *o = all; o && o->keyword; o++)
		has |= (strcmp(o->keyword, "user") == 0 || strcmp(o->keyword, "service") == 0) && o->val && *o->val;
	if (all)
		PQconninfoFree(all);
	qf_secret_free(whole);
	return has;
}

void pge_target_init(struct pge_target *t, const struct qf_conf_cluster *cfg, const char *user,
	const struct qf_conf_engine_user *map, const struct qf_scram_keys *keys)
{
	*t = (struct pge_target){ 0 };
	t->endpoint = user ? conninfo_without_account(cfg) : conninfo_of(cfg);
	t->database = dup_or_null(cfg->database);
	if (!user) {
		t->username = dup_or_null(cfg->username);
		t->password = dup_or_null(cfg->password);
		t->password_file = dup_or_null(cfg->password_file);
		return;
	}
	t->username = qf_xstrdup(map && map->username ? map->username : user);
	t->password = dup_or_null(map ? map->password : NULL);
	t->password_file = dup_or_null(map ? map->password_file : NULL);
	t->keys = keys ? pge_keys_copy(keys) : NULL;
}

void pge_target_fini(struct pge_target *t)
{
	qf_secret_free(t->endpoint);
	qf_secret_free(t->password);
	pge_keys_free(t->keys);
	free(t->username);
	free(t->password_file);
	free(t->database);
}

/* ---- libpq ---- */

static void add(struct params *p, const char *key, const char *value)
{
	if (!value)
		return;
	qf_assert(p->n < MAX_PARAMS);
	p->keys[p->n] = key;
	p->values[p->n++] = value;
}

static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

/* libpq ends its texts with a newline, and says each address on a line of its own. */
static int libpq_error(PGconn *pg, struct qf_err *reterr)
{
	const char *text = pg ? PQerrorMessage(pg) : "no memory";
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == '\n')
		n--;
	int r = qf_err_set(reterr, QF_ECLOSED, "%.*s", (int)n, text);

	for (char *p = reterr->text; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	return r;
}

static void first_params(struct params *p, const struct pge_target *t, const char *password)
{
	*p = (struct params){ 0 };
	/* Before the endpoint: it may say otherwise. */
	add(p, "fallback_application_name", "queryflux");
	add(p, "keepalives_idle", "30");
	add(p, "keepalives_interval", "10");
	add(p, "keepalives_count", "3");
	add(p, "tcp_user_timeout", "30000");
	add(p, "dbname", t->endpoint);
	add(p, "user", t->username);
	add(p, "password", password);
	add(p, "dbname", t->database);
	/* What the relay relies on. */
	add(p, "client_encoding", "UTF8");
	add(p, "gssencmode", "disable");
	add(p, "replication", "false");
}

static int start(const struct params *p, PGconn **ret, struct qf_err *reterr)
{
	PGconn *pg = PQconnectStartParams(p->keys, p->values, 1);

	if (!pg || PQstatus(pg) == CONNECTION_BAD) {
		int r = libpq_error(pg, reterr);

		PQfinish(pg);
		return r;
	}
	PQsetNoticeReceiver(pg, ignore_notice, NULL);
	*ret = pg;
	return 0;
}

/* ---- several hosts ---- */

/* The i-th of a list, the only one of it, or empty. */
static struct qf_slice list_item(const char *list, size_t i)
{
	const char *p = list ? list : "", *comma = strchr(p, ',');

	for (; comma && i > 0; i--) {
		p = comma + 1;
		comma = strchr(p, ',');
	}
	return comma ? qf_slice(p, (size_t)(comma - p)) : qf_slice_str(p);
}

static void add_item(struct qf_buf *list, bool first, struct qf_slice item)
{
	if (!first)
		qf_buf_u8(list, ',');
	qf_buf_add_slice(list, item);
}

static void add_address(struct lists *l, struct qf_slice host, const char *address, struct qf_slice port)
{
	bool first = l->host.n == 0;

	add_item(&l->host, first, host);
	add_item(&l->hostaddr, first, qf_slice_str(address));
	add_item(&l->port, first, port);
}

static void resolve(struct lists *l, struct qf_slice host, struct qf_slice port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	char *name = qf_slice_dup(host), text[NI_MAXHOST];

	if (host.n == 0 || host.p[0] == '/' || host.p[0] == '@') {
		add_address(l, host, "", port);
	} else if (getaddrinfo(name, NULL, &hints, &all) == 0) {
		for (struct addrinfo *a = all; a; a = a->ai_next)
			if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
				add_address(l, host, text, port);
		freeaddrinfo(all);
	}
	free(name);
}

static const char *option(const PQconninfoOption *o, const char *key)
{
	for (; o->keyword; o++)
		if (strcmp(o->keyword, key) == 0)
			return o->val && *o->val ? o->val : NULL;
	return NULL;
}

/*
 * libpq resolves the first of several hosts when it starts and each other one when it comes to it, which would be on the
 * loop: all of them are resolved here, and it begins anew with addresses.
 */
static int start_with_addresses(struct params *p, PGconn **pg, struct qf_err *reterr)
{
	PQconninfoOption *o = PQconninfo(*pg);
	const char *hosts = o ? option(o, "host") : NULL, *ports = o ? option(o, "port") : NULL;
	struct lists l = { 0 };
	int r = 0;

	if (hosts && strchr(hosts, ',') && !option(o, "hostaddr")) {
		for (size_t i = 0, n = 1; i < n; i++) {
			resolve(&l, list_item(hosts, i), list_item(ports, i));
			if (i == 0)
				for (const char *c = hosts; *c; c++)
					n += *c == ',';
		}
		PQfinish(*pg);
		*pg = NULL;
		if (l.host.n == 0) {
			r = qf_err_set(reterr, QF_ECLOSED, "none of the hosts %s has an address", hosts);
		} else {
			add(p, "host", qf_buf_cstr(&l.host));
			add(p, "hostaddr", qf_buf_cstr(&l.hostaddr));
			add(p, "port", qf_buf_cstr(&l.port));
			r = start(p, pg, reterr);
		}
	}
	qf_buf_fini(&l.host);
	qf_buf_fini(&l.hostaddr);
	qf_buf_fini(&l.port);
	PQconninfoFree(o);
	return r;
}

int pge_target_connect(const struct pge_target *t, PGconn **ret, struct qf_err *reterr)
{
	char *from_file = NULL;
	struct params p;
	int r = t->password_file ? qf_secret_line(&from_file, "passwordFile", t->password_file, reterr) : 0;

	if (r < 0)
		return r;
	first_params(&p, t, from_file ? from_file : t->password);
	r = start(&p, ret, reterr);
	if (r == 0)
		r = start_with_addresses(&p, ret, reterr);
	qf_secret_free(from_file);
	return r;
}
