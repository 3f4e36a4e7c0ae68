/* From configuration and files to verifiers. See qf/auth.h and private.h. */
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "private.h"
#include "qf/secret.h"

enum { RIGHT_BYTES = 256 * 1024, FAILURE_BYTES = 2 * 1024 * 1024, MIN_TOKEN = 16 };

/* ---- keys ---- */

/*
 * Salts stay what they are over a reload: else those of users would change and those of stored verifiers not, which tells
 * them apart. With TLS they also stay over a restart, and are the same in all processes that share the port.
 */
static int make_keys(struct qf_auth *a, struct qf_err *reterr)
{
	static uint8_t of_process[AUTH_HASH];
	static bool made;
	struct qf_buf file = { 0 };

	if (!made && getrandom(of_process, sizeof(of_process), 0) != sizeof(of_process))
		return qf_err_set(reterr, -EIO, "auth: no random bytes");
	made = true;
	auth_hmac(of_process, qf_slice_str("hashes"), a->hash_key);
	if (!a->conf->tls.key_file) {
		auth_hmac(of_process, qf_slice_str("salts"), a->key);
		return 0;
	}
	int r = qf_secret_read(&file, "queryflux.tls.keyFile", a->conf->tls.key_file, reterr);

	if (r < 0)
		return r;
	SHA256(file.p, file.n, a->key);
	auth_hmac(a->key, qf_slice_str("queryflux salts"), a->key);
	qf_secret_wipe(&file);
	return 0;
}

/* ---- passwords ---- */

static bool md5_is_asked(const struct qf_conf *conf)
{
	for (size_t i = 0; i < conf->auth.n_rules; i++)
		if (conf->auth.rules[i].method == QF_AUTH_MD5)
			return true;
	return false;
}

/* A password in clear: what is kept of it is all that the rules ask for. */
static void keep_password(struct qf_auth *a, struct auth_user *u, const char *password)
{
	struct auth_verifier *v = &u->scram;

	*v = (struct auth_verifier){ .salt_n = AUTH_SALT, .iterations = AUTH_ITERATIONS };
	auth_salt(a, u->conf->name, v->salt);
	auth_derive(v, qf_slice_str(password), v->stored_key, v->server_key);
	u->has_scram = true;
	u->has_md5 = md5_is_asked(a->conf) &&
		     auth_md5(password, strlen(password), u->conf->name, strlen(u->conf->name), u->md5);
}

static int take_secret(struct qf_auth *a, struct auth_user *u, const char *text, struct qf_err *reterr)
{
	if (strncmp(text, "SCRAM-SHA-256$", 14) == 0) {
		u->has_scram = auth_verifier_parse(&u->scram, text);
		return u->has_scram ? 0 :
				      qf_err_set(reterr, QF_ECONFIG,
					      "auth.staticUsers.users.%s: the SCRAM verifier is malformed; it is "
					      "SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY with at most %d iterations",
					      u->conf->name, AUTH_MAX_ITERATIONS);
	}
	if (auth_is_md5(text)) {
		memcpy(u->md5, text + 3, AUTH_MD5 + 1);
		u->has_md5 = true;
		return 0;
	}
	keep_password(a, u, text);
	return 0;
}

static int read_password(struct qf_auth *a, struct auth_user *u, struct qf_err *reterr)
{
	char *line = NULL;
	int r;

	if (u->conf->password)
		return take_secret(a, u, u->conf->password, reterr);
	if (!u->conf->password_file)
		return 0;
	r = qf_secret_line(&line, "passwordFile", u->conf->password_file, reterr);
	if (r < 0)
		qf_err_prefix(reterr, "auth.staticUsers.users.%s", u->conf->name);
	else
		r = take_secret(a, u, line, reterr);
	qf_secret_free(line);
	return r < 0 ? QF_ECONFIG : 0;
}

/* ---- tokens ---- */

static int add_token(struct qf_auth *a, const struct auth_user *u, struct qf_slice text, struct qf_err *reterr)
{
	struct auth_token t = { .user = u };

	if (text.n < MIN_TOKEN)
		return qf_err_set(reterr, QF_ECONFIG, "auth.staticUsers.users.%s: a token has at least %d characters",
			u->conf->name, MIN_TOKEN);
	auth_hmac(a->hash_key, text, t.hash);
	for (size_t i = 0; i < a->n_tokens; i++)
		if (CRYPTO_memcmp(a->tokens[i].hash, t.hash, AUTH_HASH) == 0)
			return qf_err_set(reterr, QF_ECONFIG, "auth.staticUsers.users.%s has a token of %s", u->conf->name,
				a->tokens[i].user->conf->name);
	a->tokens = qf_xrealloc(a->tokens, (a->n_tokens + 1) * sizeof(t));
	a->tokens[a->n_tokens++] = t;
	return 0;
}

/* One a line; white space around it and empty lines do not count. */
static int read_lines(struct qf_auth *a, const struct auth_user *u, char *text, struct qf_err *reterr)
{
	char *rest = text, *line;
	int r = 0;

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t\r");
		size_t n = strcspn(line, " \t\r");

		if (n > 0)
			r = add_token(a, u, qf_slice(line, n), reterr);
	}
	return r;
}

static int read_tokens(struct qf_auth *a, const struct auth_user *u, struct qf_err *reterr)
{
	struct qf_buf file = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->conf->n_tokens; i++)
		r = add_token(a, u, qf_slice_str(u->conf->tokens[i]), reterr);
	if (r < 0 || !u->conf->token_file)
		return r;
	r = qf_secret_read(&file, "tokenFile", u->conf->token_file, reterr);
	if (r < 0) {
		qf_err_prefix(reterr, "auth.staticUsers.users.%s", u->conf->name);
		return QF_ECONFIG;
	}
	r = read_lines(a, u, qf_buf_cstr(&file), reterr);
	qf_secret_wipe(&file);
	return r;
}

/* ---- life ---- */

static int read_user(struct qf_auth *a, struct auth_user *u, struct qf_err *reterr)
{
	int r = read_password(a, u, reterr);

	qf_map_put(a->by_name, qf_slice_str(u->conf->name), u);
	return r < 0 ? r : read_tokens(a, u, reterr);
}

/* Unknown users seem to have as many as the first user who has any. */
static unsigned seeming_iterations(const struct qf_auth *a)
{
	for (size_t i = 0; i < a->conf->auth.n_users; i++)
		if (a->users[i].has_scram)
			return a->users[i].scram.iterations;
	return AUTH_ITERATIONS;
}

static int load(struct qf_auth *a, struct qf_err *reterr)
{
	const struct qf_conf_auth *conf = &a->conf->auth;
	int r = make_keys(a, reterr);

	if (r == 0)
		r = auth_rules_load(a, reterr);
	a->users = qf_xcalloc(conf->n_users + 1, sizeof(*a->users));
	for (size_t i = 0; r == 0 && i < conf->n_users; i++) {
		a->users[i].conf = &conf->users[i];
		r = read_user(a, &a->users[i], reterr);
	}
	a->iterations = seeming_iterations(a);
	return r;
}

int qf_auth_new(struct qf_auth **ret, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct qf_auth *a = qf_xcalloc(1, sizeof(*a));
	int r = 0;

	a->conf = qf_conf_ref(conf);
	a->by_name = qf_map_new();
	a->right = qf_lru_new(RIGHT_BYTES);
	a->failures = qf_lru_new(FAILURE_BYTES);
	if (conf->auth.provider == QF_AUTH_STATIC)
		r = load(a, reterr);
	if (r < 0) {
		qf_auth_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct qf_auth *qf_auth_ref(struct qf_auth *a)
{
	a->refs++;
	return a;
}

static void wipe(void *p, size_t n)
{
	if (p)
		OPENSSL_cleanse(p, n);
	free(p);
}

struct qf_auth *qf_auth_free(struct qf_auth *a)
{
	if (!a || a->refs-- > 0)
		return NULL;
	wipe(a->users, a->users ? a->conf->auth.n_users * sizeof(*a->users) : 0);
	wipe(a->tokens, a->n_tokens * sizeof(*a->tokens));
	auth_rules_free(a);
	qf_map_free(a->by_name);
	qf_lru_free(a->right);
	qf_lru_free(a->failures);
	qf_conf_free(a->conf);
	wipe(a, sizeof(*a));
	return NULL;
}

const struct auth_user *auth_user_find(const struct qf_auth *a, const char *name)
{
	return qf_map_get(a->by_name, qf_slice_str(name));
}
