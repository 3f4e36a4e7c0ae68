/*
 * What a client sends in a SCRAM exchange. The first byte says what it selected, what there is to bind to and whether the
 * user is known; a line is a message. No message may log in, since none can have the proof; what is answered is text
 * without NUL. The same bytes are read as a stored verifier.
 */
#include <stdlib.h>
#include <string.h>

#include "../../lib/auth/private.h"

static const char yaml[] =
	"queryflux: { frontends: { postgresWire: {} } }\nclusters:\n  duck: { engine: duckDb }\nclusterGroups:\n"
	"  gold: { members: [duck], maxRunningQueries: 2 }\nroutingFallback: gold\n"
	"auth: { provider: static, staticUsers: { users: { user: { password: \"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
	"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\" } } } }\n";

static struct qf_auth *auth(void)
{
	static struct qf_auth *a;
	struct qf_conf *c;
	struct qf_err err;

	if (a)
		return a;
	if (qf_conf_parse(&c, qf_slice_str(yaml), "fuzz", &err) != 0 || qf_auth_new(&a, c, &err) != 0)
		abort();
	qf_conf_free(c);
	return a;
}

static void exchange(uint8_t how, struct qf_slice rest)
{
	struct qf_scram *s = qf_scram_new(auth(), how & 4 ? "user" : "nobody", how & 1,
		how & 2 ? qf_slice_str("end point") : QF_SLICE_NONE);
	struct qf_buf reply = { 0 };

	auth_scram_nonce(s, "nonce");
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		bool malformed;
		enum qf_scram_step step = qf_scram_step(s, qf_slice(rest.p, n), &reply, &malformed);

		if (step == QF_SCRAM_DONE || (step == QF_SCRAM_CONTINUE && (i > 0 || malformed)) || !qf_scram_why(s))
			abort();
		rest = qf_slice(rest.p + n + (end != NULL), rest.n - n - (end != NULL));
	}
	if (reply.n > 0 && memchr(reply.p, 0, reply.n))
		abort();
	qf_buf_fini(&reply);
	qf_scram_free(s);
}

static void verifier(struct qf_slice in)
{
	char *text = qf_slice_dup(in);
	struct auth_verifier v;

	if (auth_verifier_parse(&v, text) && (v.salt_n == 0 || v.salt_n > AUTH_MAX_SALT || v.iterations == 0 ||
					      v.iterations > AUTH_MAX_ITERATIONS))
		abort();
	free(text);
}

/* What can be read is written the same. */
static void base64(struct qf_slice in)
{
	struct qf_buf again = { 0 };
	uint8_t raw[256];
	size_t n;

	if (auth_unbase64(in, raw, sizeof(raw), &n)) {
		auth_base64(&again, raw, n);
		if (!qf_slice_eq(qf_buf_slice(&again), in))
			abort();
	}
	qf_buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct qf_slice rest = qf_slice(data + 1, size - 1);

	exchange(data[0], rest);
	verifier(rest);
	base64(rest);
	return 0;
}
