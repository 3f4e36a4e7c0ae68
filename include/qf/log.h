/*
 * Log lines on stderr. Under journald (JOURNAL_STREAM names stderr) each line starts with <N> and has no
 * time; else it starts with time, program and level. Fields are key=value in the text itself.
 * Levels: error = a person must act. No SQL text, literals or secrets at info or above.
 * Global state is the level and the program name only. Thread safe (one write(2) a line).
 */
#ifndef QF_LOG_H
#define QF_LOG_H

#include <stdbool.h>

#include "qf/err.h"

enum qf_log_level { QF_LOG_ERROR = 3, QF_LOG_WARN = 4, QF_LOG_INFO = 6, QF_LOG_DEBUG = 7 };

void qf_log_init(const char *program, enum qf_log_level level);
void qf_log(enum qf_log_level level, const char *fmt, ...) qf_printf(2, 3);
bool qf_log_enabled(enum qf_log_level level);

#define qf_error(...) qf_log(QF_LOG_ERROR, __VA_ARGS__)
#define qf_warn(...) qf_log(QF_LOG_WARN, __VA_ARGS__)
#define qf_info(...) qf_log(QF_LOG_INFO, __VA_ARGS__)
#define qf_debug(...) (qf_log_enabled(QF_LOG_DEBUG) ? qf_log(QF_LOG_DEBUG, __VA_ARGS__) : (void)0)

/* At most `burst` lines per second from one place; what was dropped is said with the next line. */
struct qf_log_limit {
	unsigned long long second_ns;
	unsigned shown, dropped;
};
void qf_log_limited(struct qf_log_limit *lim, unsigned burst, enum qf_log_level level, const char *fmt, ...)
	qf_printf(4, 5);

#endif
