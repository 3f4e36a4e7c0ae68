/*
 * Patterns of rules: PCRE2, compiled once, matched within fixed limits.
 *
 * A pattern comes from the configuration, the subject from a client, so no pair of them may hold the
 * program: steps, depth and memory are bounded, and a subject beyond 1 KiB is matched against a copy of the
 * pattern that looks at the clock (100 ms of CPU time, and 100 ms more for each MiB). What goes beyond ends
 * as QF_REGEX_GAVE_UP, which is neither yes nor no: the caller must not let it pass silently.
 *
 * Semantics follow the original's: unanchored, Unicode, case-sensitive unless (?i), '.' stops at a newline,
 * '$' is the very end. One thread at a time per pattern; no globals.
 */
#ifndef QF_REGEX_H
#define QF_REGEX_H

#include "qf/buf.h"

struct qf_regex;

enum qf_regex_result { QF_REGEX_NO, QF_REGEX_YES, QF_REGEX_GAVE_UP };

/* On failure *ret_at (may be NULL) is the byte offset in the pattern that the error text is about. */
int qf_regex_new(struct qf_regex **ret, struct qf_slice pattern, size_t *ret_at, struct qf_err *reterr) qf_must_check;
struct qf_regex *qf_regex_free(struct qf_regex *re); /* NULL is fine; returns NULL */
/*
 * subject must be valid UTF-8 (qf_utf8_valid). *ret_span is the matched part of it on YES; *ret_why a static
 * text ("it took too many steps") on GAVE_UP; both may be NULL.
 */
enum qf_regex_result qf_regex_match(struct qf_regex *re, struct qf_slice subject, struct qf_slice *ret_span,
				    const char **ret_why);

#endif
