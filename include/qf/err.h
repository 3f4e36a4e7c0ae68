/*
 * Error codes and error text.
 *
 * A function that can fail returns 0 or a negative code: -errno for what the system said, or one of
 * QF_E* below for what only this project knows. Text for people travels in struct qf_err, filled once
 * where the failure was seen and given context on the way up by qf_err_prefix(). Library code returns;
 * programs log. Plain data, no threads, no lifetime beyond the caller's storage.
 */
#ifndef QF_ERR_H
#define QF_ERR_H

#include <errno.h>

#define qf_must_check __attribute__((warn_unused_result))
#define qf_printf(f, a) __attribute__((format(printf, f, a)))

enum qf_errcode {
	QF_EMALFORMED = -2001,   /* bytes that break the format they claim to have */
	QF_ELIMIT = -2002,	 /* a configured or built-in limit was passed */
	QF_ECONFIG = -2003,	 /* the configuration is wrong */
	QF_EUNSUPPORTED = -2004, /* understood, but not available here */
	QF_EREFUSED = -2005,	 /* a rule, a role check or a version check said no */
	QF_ECLOSED = -2006,	 /* the other side is gone */
};

struct qf_err {
	int code;
	char text[400];
};

/* Fills *e (NULL is fine) and returns code, so that it can end a function: return qf_err_set(...). */
int qf_err_set(struct qf_err *e, int code, const char *fmt, ...) qf_printf(3, 4);
/* Puts "context: " before the text that is there already. */
void qf_err_prefix(struct qf_err *e, const char *fmt, ...) qf_printf(2, 3);
/* A short text for a bare code: strerror for -errno, our own words for QF_E*. Never NULL. */
const char *qf_strerror(int code);

/* An invariant of our own code; stays in release builds. Never for input from outside. */
#define qf_assert(x) ((x) ? (void)0 : qf_assert_fail(#x, __FILE__, __LINE__))
_Noreturn void qf_assert_fail(const char *expr, const char *file, int line);

#endif
