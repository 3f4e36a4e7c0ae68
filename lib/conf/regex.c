#define PCRE2_CODE_UNIT_WIDTH 8
#include "qf/regex.h"

#include <pcre2.h>
#include <stdlib.h>
#include <time.h>

enum {
	PATTERN_MAX = 64 * 1024,
	SHORT_SUBJECT = 1024,
	SHORT_STEPS = 50 * 1000,       /* for each start position: 1024 of these stay below 0.3 s */
	LONG_STEPS = 10 * 1000 * 1000, /* the clock is the limit there */
	DEPTH = 20 * 1000,
	HEAP_KIB = 32 * 1024,
	CALLOUTS_A_LOOK = 128,
	BUDGET_MS = 100, /* and once more for each MiB of subject */
};

struct qf_regex {
	pcre2_code *code;	  /* for short subjects: JIT where memory protection allows it */
	pcre2_code *guarded;	  /* the same with a callout before each item */
	pcre2_match_data *data;	  /* one pair: the whole match */
	pcre2_match_context *ctx; /* limits for short subjects */
	pcre2_match_context *guarded_ctx;
	unsigned callouts;
	uint64_t deadline_ns; /* thread CPU time */
};

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int on_callout(pcre2_callout_block *block, void *arg)
{
	struct qf_regex *re = arg;

	(void)block;
	if (++re->callouts % CALLOUTS_A_LOOK != 0 || cpu_ns() < re->deadline_ns)
		return 0;
	return PCRE2_ERROR_MATCHLIMIT;
}

static pcre2_match_context *new_context(uint32_t steps)
{
	pcre2_match_context *ctx = pcre2_match_context_create(NULL);

	qf_assert(ctx != NULL);
	pcre2_set_match_limit(ctx, steps);
	pcre2_set_depth_limit(ctx, DEPTH);
	pcre2_set_heap_limit(ctx, HEAP_KIB);
	return ctx;
}

static pcre2_code *compile(struct qf_slice pattern, uint32_t more, size_t *ret_at, struct qf_err *reterr)
{
	uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY | more;
	pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
	pcre2_code *code;
	PCRE2_SIZE at = 0;
	PCRE2_UCHAR text[200];
	int rc = 0;

	qf_assert(cc != NULL);
	pcre2_set_newline(cc, PCRE2_NEWLINE_LF);
	pcre2_set_max_pattern_length(cc, PATTERN_MAX);
	code = pcre2_compile(pattern.n > 0 ? pattern.p : (const uint8_t *)"", pattern.n, flags, &rc, &at, cc);
	pcre2_compile_context_free(cc);
	if (code != NULL)
		return code;
	pcre2_get_error_message(rc, text, sizeof(text));
	if (ret_at != NULL)
		*ret_at = at < pattern.n ? at : pattern.n;
	(void)qf_err_set(reterr, QF_ECONFIG, "%s", (const char *)text);
	return NULL;
}

int qf_regex_new(struct qf_regex **ret, struct qf_slice pattern, size_t *ret_at, struct qf_err *reterr)
{
	struct qf_regex *re = qf_xcalloc(1, sizeof(*re));

	re->code = compile(pattern, 0, ret_at, reterr);
	if (re->code != NULL)
		re->guarded = compile(pattern, PCRE2_AUTO_CALLOUT, ret_at, reterr);
	if (re->guarded == NULL) {
		qf_regex_free(re);
		return QF_ECONFIG;
	}
	/* Refused under MemoryDenyWriteExecute; then the interpreter runs. */
	(void)pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
	(void)pcre2_jit_compile(re->guarded, PCRE2_JIT_COMPLETE);
	re->data = pcre2_match_data_create(1, NULL);
	qf_assert(re->data != NULL);
	re->ctx = new_context(SHORT_STEPS);
	re->guarded_ctx = new_context(LONG_STEPS);
	pcre2_set_callout(re->guarded_ctx, on_callout, re);
	*ret = re;
	return 0;
}

struct qf_regex *qf_regex_free(struct qf_regex *re)
{
	if (re == NULL)
		return NULL;
	pcre2_code_free(re->code);
	pcre2_code_free(re->guarded);
	pcre2_match_data_free(re->data);
	pcre2_match_context_free(re->ctx);
	pcre2_match_context_free(re->guarded_ctx);
	free(re);
	return NULL;
}

static int match(struct qf_regex *re, struct qf_slice s, uint32_t flags)
{
	if (s.n <= SHORT_SUBJECT)
		return pcre2_match(re->code, s.n > 0 ? s.p : (const uint8_t *)"", s.n, 0, flags, re->data, re->ctx);
	return pcre2_match(re->guarded, s.p, s.n, 0, flags, re->data, re->guarded_ctx);
}

static const char *why_text(int rc)
{
	switch (rc) {
	case PCRE2_ERROR_MATCHLIMIT:
		return "it took too many steps";
	case PCRE2_ERROR_DEPTHLIMIT:
	case PCRE2_ERROR_HEAPLIMIT:
	case PCRE2_ERROR_NOMEMORY:
		return "it needed too much memory";
	default:
		return "the matcher failed";
	}
}

enum qf_regex_result qf_regex_match(
	struct qf_regex *re, struct qf_slice subject, struct qf_slice *ret_span, const char **ret_why)
{
	const PCRE2_SIZE *pair;
	int rc;

	re->callouts = 0;
	if (subject.n > SHORT_SUBJECT)
		re->deadline_ns = cpu_ns() + (1 + subject.n / (1024 * 1024)) * BUDGET_MS * 1000000u;
	rc = match(re, subject, PCRE2_NO_UTF_CHECK);
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter's stack is on the heap and larger */
		rc = match(re, subject, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT);
	if (rc == PCRE2_ERROR_NOMATCH)
		return QF_REGEX_NO;
	if (rc < 0) {
		if (ret_why != NULL)
			*ret_why = why_text(rc);
		return QF_REGEX_GAVE_UP;
	}
	pair = pcre2_get_ovector_pointer(re->data);
	if (ret_span != NULL) /* older PCRE2: \K in a lookahead puts the start behind the end */
		*ret_span = qf_slice(subject.p + pair[0], pair[1] > pair[0] ? pair[1] - pair[0] : 0);
	return QF_REGEX_YES;
}
