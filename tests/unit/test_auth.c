/* Users, rules, verifiers and the SCRAM exchange. The vectors are those of RFC 7677 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "../../lib/auth/private.h"
#include "qf/clock.h"

#define VERIFIER \
	"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define HEAD FRONT("")
#define TLS "tls: { certFile: ./c, keyFile: ./Makefile, clientCaFile: ./c }, " /* a file that is there */
#define FRONT(tls) \
	"queryflux: { " tls "frontends: { postgresWire: {} } }\nclusters:\n  duck: { engine: duckDb }\nclusterGroups:\n" \
	"  gold: { members: [duck], maxRunningQueries: 2 }\nroutingFallback: gold\n"
#define USERS \
	"auth:\n  provider: static\n  staticUsers:\n    users:\n" \
	"      user: { password: \"" VERIFIER "\" }\n" \
	"      clear: { password: sesame, groups: [team] }\n" \
	"      md: { password: md5d7a84ec8cb0b9b78e5ac40740627a360 }\n" /* secret */ \
	"      none: { tokens: [0123456789abcdef, fedcba9876543210] }\n" \
	"      cafe: { password: \"naïve ☕\" }\n"

static struct qf_auth *try_auth(const char *yaml, struct qf_err *err)
{
	struct qf_auth *a = NULL;
	struct qf_conf *c;

	if (qf_conf_parse(&c, qf_slice_str(yaml), "q.yaml", err) != 0)
		fail_msg("%s", err->text);
	if (qf_auth_new(&a, c, err) != 0)
		a = NULL;
	qf_conf_free(c);
	return a;
}

static struct qf_auth *make_auth(const char *yaml)
{
	struct qf_err err;
	struct qf_auth *a = try_auth(yaml, &err);

	if (!a)
		fail_msg("%s", err.text);
	return a;
}

/* ---- passwords ---- */

static const struct {
	const char *user, *password;
	bool ok;
} passwords[] = {
	{ "user", "pencil", true },
	{ "user", "Pencil", false },
	{ "user", "pencil ", false },
	{ "user", "", false },
	{ "clear", "sesame", true },
	{ "clear", "sesam", false },
	{ "md", "secret", true },
	{ "md", "secrets", false },
	{ "md", "md5d7a84ec8cb0b9b78e5ac40740627a360", false },
	{ "user", VERIFIER, false },
	{ "none", "", false },
	{ "none", "0123456789abcdef", false },
	{ "nobody", "sesame", false },
	{ "nobody", "", false },
	{ "cafe", "naïve ☕", true },
	{ "cafe", "naive ☕", false },
};

static void passwords_in_clear(void **state)
{
	struct qf_auth *a = make_auth(HEAD USERS);

	(void)state;
	for (int turn = 0; turn < 2; turn++) /* the second time from memory */
		for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++)
			if (qf_auth_password(a, passwords[i].user, qf_slice_str(passwords[i].password)) != passwords[i].ok)
				fail_msg("%s %s", passwords[i].user, passwords[i].password);
	char *huge = qf_xcalloc(1, 5000);

	memset(huge, 'x', 4999);
	assert_false(qf_auth_password(a, "user", qf_slice_str(huge)));
	free(huge);
	assert_null(qf_auth_free(a));
	assert_null(qf_auth_free(NULL));
}

static void a_password_that_was_right_costs_little(void **state)
{
	struct qf_auth *a = make_auth(HEAD USERS);
	uint64_t began = qf_mono_ns(), first;

	(void)state;
	assert_true(qf_auth_password(a, "user", qf_slice_str("pencil")));
	first = qf_mono_ns() - began;
	began = qf_mono_ns();
	for (int i = 0; i < 100; i++)
		assert_true(qf_auth_password(a, "user", qf_slice_str("pencil")));
	assert_true(qf_mono_ns() - began < 50 * first);
	qf_auth_free(a);
}

static void what_md5_clients_answer(void **state)
{
	static const uint8_t salt[4] = { 1, 2, 3, 4 };
	struct qf_auth *a = make_auth(HEAD USERS "  hostRules: [{ method: md5 }]\n");
	static const struct {
		const char *user, *password;
		bool ok;
	} cases[] = {
		{ "md", "secret", true }, { "md", "secret1", false }, { "clear", "sesame", true }, { "user", "pencil", false },
		{ "none", "x", false }, { "nobody", "x", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char inner[AUTH_MD5 + 1], answer[3 + AUTH_MD5 + 1] = "md5";

		assert_true(auth_md5(cases[i].password, strlen(cases[i].password), cases[i].user, strlen(cases[i].user), inner));
		assert_true(auth_md5(inner, AUTH_MD5, salt, 4, answer + 3));
		if (qf_auth_md5(a, cases[i].user, salt, qf_slice_str(answer)) != cases[i].ok)
			fail_msg("%s", cases[i].user);
		assert_false(qf_auth_md5(a, cases[i].user, salt, qf_slice(answer, 34)));
		assert_false(qf_auth_md5(a, cases[i].user, salt, QF_SLICE_NONE));
	}
	qf_auth_free(a);
}

static void tokens_have_their_user(void **state)
{
	struct qf_auth *a = make_auth(HEAD USERS);

	(void)state;
	assert_string_equal(qf_auth_token(a, qf_slice_str("fedcba9876543210")), "none");
	assert_null(qf_auth_token(a, qf_slice_str("fedcba987654321")));
	assert_null(qf_auth_token(a, qf_slice_str("fedcba98765432100")));
	assert_null(qf_auth_token(a, QF_SLICE_NONE));
	qf_auth_free(a);
}

/* ---- files ---- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void secrets_come_from_files(void **state)
{
	char dir[] = "/tmp/test_auth.XXXXXX", yaml[2000], pass[64], tokens[64];
	struct qf_auth *a;
	struct qf_err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(pass, sizeof(pass), "%s/pass", dir);
	snprintf(tokens, sizeof(tokens), "%s/tokens", dir);
	write_file(pass, "open sesame\nnot this\n");
	write_file(tokens, "\n  token-number-one-1  \r\n\ntoken-number-two-2");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	snprintf(yaml, sizeof(yaml), HEAD "auth: { provider: static, staticUsers: { users: { "
		"a: { passwordFile: pass, tokenFile: %s }, b: { passwordFile: %s } } } }\n", tokens, pass);
	a = make_auth(yaml);
	assert_true(qf_auth_password(a, "a", qf_slice_str("open sesame")));
	assert_true(qf_auth_password(a, "b", qf_slice_str("open sesame")));
	assert_false(qf_auth_password(a, "b", qf_slice_str("not this")));
	assert_string_equal(qf_auth_token(a, qf_slice_str("token-number-one-1")), "a");
	assert_string_equal(qf_auth_token(a, qf_slice_str("token-number-two-2")), "a");
	qf_auth_free(a);
	write_file(tokens, "short\n");
	assert_null(try_auth(yaml, &err));
	assert_string_equal(err.text, "auth.staticUsers.users.a: a token has at least 16 characters");
	write_file(tokens, "token-number-one-1\ntoken-number-one-1\n");
	assert_null(try_auth(yaml, &err));
	assert_string_equal(err.text, "auth.staticUsers.users.a has a token of a");
	write_file(pass, "\n");
	assert_null(try_auth(yaml, &err));
	assert_non_null(strstr(err.text, "auth.staticUsers.users.a: passwordFile pass is empty"));
	unlink(pass);
	assert_null(try_auth(yaml, &err));
	assert_non_null(strstr(err.text, "pass: No such file"));
	assert_int_equal(err.code, -ENOENT);
	unlink(tokens);
	rmdir(dir);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void malformed_verifiers_are_refused(void **state)
{
	static const char *const bad[] = {
		"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
		"SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"SCRAM-SHA-256$100001:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"SCRAM-SHA-256$4294971392:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"SCRAM-SHA-256$4096:$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWh",
		"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=x",
	};
	char yaml[2000];
	struct qf_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(yaml, sizeof(yaml), HEAD "auth: { provider: static, staticUsers: { users: { a: { password: \"%s\" } } } }\n",
			bad[i]);
		struct qf_auth *a = try_auth(yaml, &err);

		if (a)
			fail_msg("%s", bad[i]);
		assert_non_null(strstr(err.text, "users.a: the SCRAM verifier is malformed"));
		assert_null(strstr(err.text, "WG5d8"));
	}
}

static void base64_is_read_strictly(void **state)
{
	static const char *const bad[] = { "A", "AA", "AAA", "A===", "AA=A", "AAA=AAAA", "AB==", "AAB=", "AAA\n", " AAA", "====",
		"A-_A" };
	uint8_t raw[8];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (auth_unbase64(qf_slice_str(bad[i]), raw, sizeof(raw), &n))
			fail_msg("%s", bad[i]);
	assert_true(auth_unbase64(qf_slice_str("AQI="), raw, 2, &n));
	assert_int_equal(n, 2);
	assert_false(auth_unbase64(qf_slice_str("AQID"), raw, 2, &n));
	assert_true(auth_unbase64(QF_SLICE_NONE, raw, 0, &n));
	assert_int_equal(n, 0);
}

/* ---- rules ---- */

#define RULES \
	"  hostRules:\n" \
	"    - { addresses: [10.0.0.0/8, 'fd00::/8'], tls: only, method: cert }\n" \
	"    - { addresses: [10.0.0.0/8], tls: never, method: reject }\n" \
	"    - { addresses: [local], method: trust }\n" \
	"    - { users: [+team], databases: [sales], method: md5 }\n" \
	"    - { users: [user], protocols: [trinoHttp], method: password }\n" \
	"    - { users: [user, md], method: scram-sha-256 }\n"

static const struct {
	const char *name, *address, *user, *database;
	enum qf_frontend fe;
	bool tls;
	enum qf_auth_method method;
} clients[] = {
	{ "address and TLS", "10.1.1.1", "x", "d", QF_FE_POSTGRES, true, QF_AUTH_CERT },
	{ "IPv6", "fd00::1", "x", "d", QF_FE_POSTGRES, true, QF_AUTH_CERT },
	{ "IPv4 in IPv6", "::ffff:10.1.1.1", "x", "d", QF_FE_POSTGRES, true, QF_AUTH_CERT },
	{ "never TLS", "10.1.1.1", "user", "d", QF_FE_POSTGRES, false, QF_AUTH_REJECT },
	{ "IPv6 without TLS goes on", "fd00::1", "user", "d", QF_FE_POSTGRES, false, QF_AUTH_SCRAM },
	{ "local", "local", "anybody", NULL, QF_FE_POSTGRES, false, QF_AUTH_TRUST },
	{ "group and database", "192.0.2.1", "clear", "sales", QF_FE_POSTGRES, false, QF_AUTH_MD5 },
	{ "another database", "192.0.2.1", "clear", "sale", QF_FE_POSTGRES, false, QF_AUTH_REJECT },
	{ "no database", "192.0.2.1", "clear", NULL, QF_FE_TRINO, false, QF_AUTH_REJECT },
	{ "not of that group", "192.0.2.1", "none", "sales", QF_FE_POSTGRES, false, QF_AUTH_REJECT },
	{ "protocol", "192.0.2.1", "user", "sales", QF_FE_TRINO, false, QF_AUTH_PASSWORD },
	{ "another protocol", "192.0.2.1", "user", "sales", QF_FE_POSTGRES, false, QF_AUTH_SCRAM },
	{ "the second of a list", "192.0.2.1", "md", NULL, QF_FE_POSTGRES, true, QF_AUTH_SCRAM },
	{ "nobody", "192.0.2.1", "nobody", "sales", QF_FE_POSTGRES, true, QF_AUTH_REJECT },
	{ "no address at all", "?", "md", NULL, QF_FE_POSTGRES, true, QF_AUTH_SCRAM },
};

static void the_first_rule_that_fits_decides(void **state)
{
	struct qf_auth *a = make_auth(FRONT(TLS) USERS RULES);

	(void)state;
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		struct qf_auth_client c = { .frontend = clients[i].fe, .address = clients[i].address, .tls = clients[i].tls,
			.user = clients[i].user, .database = clients[i].database };

		if (qf_auth_method(a, &c) != clients[i].method)
			fail_msg("%s: %d", clients[i].name, (int)qf_auth_method(a, &c));
	}
	qf_auth_free(a);
}

static void without_rules(void **state)
{
	struct qf_auth_client c = { .frontend = QF_FE_POSTGRES, .address = "192.0.2.1", .user = "x" };
	struct qf_auth *a = make_auth(HEAD), *b = make_auth(HEAD USERS);

	(void)state;
	assert_int_equal(qf_auth_method(a, &c), QF_AUTH_TRUST);
	assert_int_equal(qf_auth_method(b, &c), QF_AUTH_SCRAM);
	qf_auth_free(a);
	qf_auth_free(b);
}

static void an_address_that_fails_is_blocked_for_its_minute(void **state)
{
	struct qf_auth *a = make_auth(HEAD USERS "  failedLoginsPerMinute: 3\n"), *free_for_all =
		make_auth(HEAD USERS "  failedLoginsPerMinute: 0\n");
	uint64_t t = 1000 * QF_SEC;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_false(qf_auth_blocked(a, "192.0.2.1", t));
		qf_auth_failed(a, "192.0.2.1", t + (unsigned)i * QF_SEC);
		qf_auth_failed(a, i == 1 ? "2001:db8::1" : "2001:db8::2:1", t);
		qf_auth_failed(free_for_all, "192.0.2.1", t);
	}
	assert_true(qf_auth_blocked(a, "192.0.2.1", t + 59 * QF_SEC));
	assert_true(qf_auth_blocked(a, "::ffff:192.0.2.1", t + 59 * QF_SEC));
	assert_true(qf_auth_blocked(a, "2001:db8:0:0:ffff::9", t));
	assert_false(qf_auth_blocked(a, "2001:db8:0:1::1", t));
	assert_false(qf_auth_blocked(a, "192.0.2.2", t));
	assert_false(qf_auth_blocked(a, "192.0.2.1", t + 60 * QF_SEC));
	assert_false(qf_auth_blocked(free_for_all, "192.0.2.1", t));
	for (unsigned i = 0; i < 100000; i++) { /* the table is bounded: who failed long ago is forgotten */
		char address[32];

		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		qf_auth_failed(a, address, t);
	}
	assert_false(qf_auth_blocked(a, "192.0.2.1", t));
	qf_auth_free(a);
	qf_auth_free(free_for_all);
}

/* ---- SCRAM ---- */

struct talk {
	const char *name, *user, *first, *binding; /* binding: of c=; NULL: biws */
	const char *password;
	bool plus, end_point; /* chosen by the client; there at the connection */
	enum { AT_FIRST, AT_FINAL, NEVER } fails;
	bool malformed;
	const char *why;
};

#define FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define BOUND "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsZm9v" /* p=tls-server-end-point,,foo */
static const struct talk talks[] = {
	{ "right", "user", FIRST, NULL, "pencil", false, false, NEVER, false, NULL },
	{ "wrong", "user", FIRST, NULL, "pencils", false, false, AT_FINAL, false, "the password is wrong" },
	{ "unknown", "nobody", FIRST, NULL, "pencil", false, false, AT_FINAL, false, "not known" },
	{ "another name in the message", "user", "n,,n=,r=abc", NULL, "pencil", false, false, NEVER, false, NULL },
	{ "extensions", "user", "n,,n=user,r=abc,x=y", NULL, "pencil", false, false, NEVER, false, NULL },
	{ "an md5 user", "md", FIRST, NULL, "secret", false, false, AT_FINAL, false, "not known" },
	{ "made from a clear password", "clear", FIRST, NULL, "sesame", false, false, NEVER, false, NULL },
	{ "bytes beyond ASCII", "cafe", FIRST, NULL, "naïve ☕", false, false, NEVER, false, NULL },
	{ "could bind, and there is nothing", "user", "y,,n=,r=abc", "eSws", "pencil", false, false, NEVER, false, NULL },
	{ "binds", "user", "p=tls-server-end-point,,n=,r=abc", BOUND, "pencil", true, true, NEVER, false, NULL },
	{ "does not bind", "user", FIRST, NULL, "pencil", false, true, NEVER, false, NULL },
	{ "was told there is nothing", "user", "y,,n=,r=abc", "eSws", "pencil", false, true, AT_FIRST, false, "in between" },
	{ "binds to another", "user", "p=tls-server-end-point,,n=,r=abc", "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsYmFy", "pencil",
		true, true, AT_FINAL, false, "binding check" },
	{ "another header in c=", "user", FIRST, "eSws", "pencil", false, false, AT_FINAL, false, "binding check" },
	{ "another type", "user", "p=tls-unique,,n=,r=abc", NULL, "pencil", true, true, AT_FIRST, true, "unsupported" },
	{ "plus without binding", "user", FIRST, NULL, "pencil", true, true, AT_FIRST, true, "does not bind" },
	{ "binding without plus", "user", "p=tls-server-end-point,,n=,r=abc", NULL, "pencil", false, true, AT_FIRST, true,
		"without having selected" },
	{ "an authorization identity", "user", "n,a=root,n=,r=abc", NULL, "pencil", false, false, AT_FIRST, true,
		"authorization identity" },
	{ "a required extension", "user", "n,,m=x,n=,r=abc", NULL, "pencil", false, false, AT_FIRST, true, "extension" },
	{ "no nonce", "user", "n,,n=user,r=", NULL, "pencil", false, false, AT_FIRST, true, "nonce" },
	{ "a nonce with a space", "user", "n,,n=user,r=a b", NULL, "pencil", false, false, AT_FIRST, true, "nonce" },
	{ "nothing", "user", "", NULL, "pencil", false, false, AT_FIRST, true, "empty" },
	{ "a flag alone", "user", "n", NULL, "pencil", false, false, AT_FIRST, true, "comma" },
	{ "another flag", "user", "z,,n=,r=abc", NULL, "pencil", false, false, AT_FIRST, true, "flag" },
};

/* The client's final message to that server-first-message, as far as its proof. RFC 5802 3. */
static void client_final(struct qf_buf *out, struct qf_slice first, struct qf_slice server, const struct talk *t)
{
	struct auth_verifier v = { 0 };
	struct qf_buf message = { 0 };
	uint8_t stored[32], server_key[32], signature[32], proof[32];
	const char *text = (const char *)server.p, *s = strstr(text, ",s=") + 3, *i = strstr(text, ",i=") + 3;
	struct qf_slice bare = qf_slice(strstr((const char *)first.p, ",,") + 2, 0);

	bare.n = first.n - (size_t)(bare.p - first.p);
	assert_true(auth_unbase64(qf_slice(s, (size_t)(i - 3 - s)), v.salt, sizeof(v.salt), &v.salt_n));
	v.iterations = (unsigned)atoi(i);
	auth_derive(&v, qf_slice_str(t->password), stored, server_key);
	qf_buf_printf(out, "c=%s,%.*s", t->binding ? t->binding : "biws", (int)(s - 3 - text), text);
	qf_buf_add_slice(&message, bare);
	qf_buf_printf(&message, ",%s,%.*s", text, (int)out->n, (const char *)out->p);
	/* ClientKey XOR ClientSignature, where ClientKey is what its own derivation gives. */
	uint8_t salted[32], client[32];

	PKCS5_PBKDF2_HMAC(t->password, (int)strlen(t->password), v.salt, (int)v.salt_n, (int)v.iterations, EVP_sha256(), 32,
		salted);
	auth_hmac(salted, qf_slice_str("Client Key"), client);
	auth_hmac(stored, qf_buf_slice(&message), signature);
	for (int k = 0; k < 32; k++)
		proof[k] = client[k] ^ signature[k];
	qf_buf_add_str(out, ",p=");
	auth_base64(out, proof, sizeof(proof));
	qf_buf_fini(&message);
}

static void expect_failure(const struct talk *t, struct qf_scram *s, enum qf_scram_step step, bool malformed, size_t n)
{
	struct qf_scram_keys keys;

	if (step != QF_SCRAM_FAILED || malformed != t->malformed || n != 0 || !strstr(qf_scram_why(s), t->why))
		fail_msg("%s: %d %d %s", t->name, (int)step, malformed, qf_scram_why(s));
	assert_false(qf_scram_keys(s, &keys));
}

static void talk(struct qf_auth *a, const struct talk *t)
{
	struct qf_scram *s = qf_scram_new(a, t->user, t->plus, t->end_point ? qf_slice_str("foo") : QF_SLICE_NONE);
	struct qf_buf reply = { 0 }, final = { 0 }, last = { 0 };
	struct qf_scram_keys keys;
	uint8_t hash[32];
	bool malformed;
	enum qf_scram_step step = qf_scram_step(s, qf_slice_str(t->first), &reply, &malformed);

	if (t->fails == AT_FIRST) {
		expect_failure(t, s, step, malformed, reply.n);
		assert_int_equal(qf_scram_step(s, qf_slice_str(t->first), &reply, &malformed), QF_SCRAM_FAILED);
		goto out;
	}
	if (step != QF_SCRAM_CONTINUE)
		fail_msg("%s: %s", t->name, qf_scram_why(s));
	assert_false(qf_scram_keys(s, &keys));
	qf_buf_cstr(&reply);
	client_final(&final, qf_slice_str(t->first), qf_buf_slice(&reply), t);
	step = qf_scram_step(s, qf_buf_slice(&final), &last, &malformed);
	if (t->fails == AT_FINAL) {
		expect_failure(t, s, step, malformed, last.n);
		goto out;
	}
	if (step != QF_SCRAM_DONE || !qf_scram_keys(s, &keys))
		fail_msg("%s: %s", t->name, qf_scram_why(s));
	SHA256(keys.client, 32, hash);
	struct auth_verifier v;

	assert_true(auth_verifier_of(a, t->user, &v));
	assert_memory_equal(hash, v.stored_key, 32);
	assert_memory_equal(keys.server, v.server_key, 32);
out:
	qf_buf_fini(&reply);
	qf_buf_fini(&final);
	qf_buf_fini(&last);
	qf_scram_free(s);
}

static void exchanges(void **state)
{
	struct qf_auth *a = make_auth(HEAD USERS);

	(void)state;
	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++)
		talk(a, &talks[i]);
	qf_auth_free(a);
}

#define NONCES "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

static struct qf_scram *begin_rfc(struct qf_auth *a, struct qf_buf *reply)
{
	struct qf_scram *s = qf_scram_new(a, "user", false, QF_SLICE_NONE);
	bool malformed;

	auth_scram_nonce(s, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
	assert_int_equal(qf_scram_step(s, qf_slice_str(FIRST), reply, &malformed), QF_SCRAM_CONTINUE);
	assert_string_equal(qf_buf_cstr(reply), "r=" NONCES ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	qf_buf_clear(reply);
	return s;
}

static void the_exchange_of_rfc_7677(void **state)
{
	struct qf_auth *a = make_auth(HEAD USERS);
	struct qf_buf reply = { 0 };
	struct qf_scram *s = begin_rfc(a, &reply);
	bool malformed;

	(void)state;
	assert_int_equal(qf_scram_step(s, qf_slice_str("c=biws,r=" NONCES ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
				 &reply, &malformed), QF_SCRAM_DONE);
	assert_string_equal(qf_buf_cstr(&reply), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	qf_buf_clear(&reply);
	assert_int_equal(qf_scram_step(s, qf_slice_str("c=biws,r=" NONCES ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
				 &reply, &malformed), QF_SCRAM_FAILED);
	assert_null(qf_scram_free(s));
	assert_null(qf_scram_free(NULL));
	qf_buf_fini(&reply);
	qf_auth_free(a);
}

static void malformed_final_messages(void **state)
{
	static const char *const bad[] = {
		"", "c=biws", "c=biws,r=" NONCES, "c=biws,r=" NONCES ",p=", "c=biws,r=" NONCES ",p=AAAA",
		"c=biws,r=" NONCES ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ",
		"c=biws,r=" NONCES ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=y",
		"c=biws,r=" NONCES "x,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"c=biws,r=,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"r=" NONCES ",c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	};
	struct qf_auth *a = make_auth(HEAD USERS);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct qf_buf reply = { 0 };
		struct qf_scram *s = begin_rfc(a, &reply);
		bool malformed;

		if (qf_scram_step(s, qf_slice_str(bad[i]), &reply, &malformed) != QF_SCRAM_FAILED || !malformed)
			fail_msg("%s", bad[i]);
		qf_scram_free(s);
		qf_buf_fini(&reply);
	}
	qf_auth_free(a);
}

/* The same salt each time, another for each name, and as many iterations as others have. */
static void an_unknown_user_looks_like_a_known_one(void **state)
{
	struct qf_auth *a = make_auth(HEAD USERS), *b = make_auth(HEAD USERS);
	struct auth_verifier first, again, reloaded, other, known;

	(void)state;
	assert_false(auth_verifier_of(a, "nobody", &first));
	assert_false(auth_verifier_of(a, "nobody", &again));
	assert_false(auth_verifier_of(b, "nobody", &reloaded));
	assert_false(auth_verifier_of(a, "nobody2", &other));
	assert_true(auth_verifier_of(a, "clear", &known));
	assert_memory_equal(&first, &again, sizeof(first));
	assert_memory_equal(&first, &reloaded, sizeof(first));
	assert_memory_not_equal(first.salt, other.salt, AUTH_SALT);
	assert_int_equal(first.salt_n, known.salt_n);
	assert_int_equal(first.iterations, known.iterations);
	assert_true(auth_verifier_of(b, "clear", &reloaded));
	assert_memory_equal(known.salt, reloaded.salt, AUTH_SALT);
	qf_auth_free(a);
	qf_auth_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_in_clear),
		cmocka_unit_test(a_password_that_was_right_costs_little),
		cmocka_unit_test(what_md5_clients_answer),
		cmocka_unit_test(tokens_have_their_user),
		cmocka_unit_test(secrets_come_from_files),
		cmocka_unit_test(malformed_verifiers_are_refused),
		cmocka_unit_test(base64_is_read_strictly),
		cmocka_unit_test(the_first_rule_that_fits_decides),
		cmocka_unit_test(without_rules),
		cmocka_unit_test(an_address_that_fails_is_blocked_for_its_minute),
		cmocka_unit_test(the_exchange_of_rfc_7677),
		cmocka_unit_test(exchanges),
		cmocka_unit_test(malformed_final_messages),
		cmocka_unit_test(an_unknown_user_looks_like_a_known_one),
	};

	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
