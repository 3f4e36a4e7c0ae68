/*
 * Log lines: see qf/log.h. The line is built on the stack (logging works when memory is out), stays within
 * PIPE_BUF so that lines of several processes on one pipe do not mix, and leaves errno alone.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"

enum { MAX_TEXT = 3000, MAX_LINE = PIPE_BUF };

static _Atomic int log_level = QF_LOG_INFO;
static _Atomic bool to_journal;
static char program_name[32];

struct line {
	char s[MAX_LINE];
	size_t n;
};

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream; stderr may have been redirected since. */
static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	int used = 0;

	if (!env || sscanf(env, "%llu:%llu%n", &dev, &ino, &used) != 2 || env[used])
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void qf_log_init(const char *program, enum qf_log_level level)
{
	snprintf(program_name, sizeof(program_name), "%s", program ? program : "");
	to_journal = stderr_is_journal();
	log_level = (int)level;
}

bool qf_log_enabled(enum qf_log_level level)
{
	return (int)level <= log_level;
}

static const char *level_name(enum qf_log_level level)
{
	switch (level) {
	case QF_LOG_ERROR:
		return "error";
	case QF_LOG_WARN:
		return "warning";
	case QF_LOG_INFO:
		return "info";
	case QF_LOG_DEBUG:
		return "debug";
	}
	return "info";
}

static void add_prefix(struct line *l, enum qf_log_level level)
{
	const char *program = program_name[0] ? program_name : program_invocation_short_name;
	uint64_t us = qf_real_us();
	time_t seconds = (time_t)(us / 1000000u);
	struct tm tm;
	int n;

	if (to_journal) {
		n = snprintf(l->s, sizeof(l->s), "<%d>", (int)level);
	} else {
		gmtime_r(&seconds, &tm);
		n = snprintf(l->s, sizeof(l->s), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ %.31s %s: ", tm.tm_year + 1900,
			     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			     (unsigned)(us / 1000u % 1000u), program, level_name(level));
	}
	l->n = n > 0 ? (size_t)n : 0;
}

/*
 * How many bytes at p must be escaped. A terminal obeys control characters: the C0 ones, DEL, and C1 as bare
 * bytes or as U+0080 to U+009F.
 */
static size_t unsafe_len(const uint8_t *p, size_t n, bool utf8)
{
	if (p[0] < 0x20 || p[0] == 0x7f || (p[0] >= 0x80 && !utf8))
		return 1;
	return p[0] == 0xc2 && n > 1 && p[1] < 0xa0 ? 2 : 0;
}

static void add_hex(struct line *l, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";

	l->s[l->n++] = '\\';
	l->s[l->n++] = 'x';
	l->s[l->n++] = hex[c >> 4];
	l->s[l->n++] = hex[c & 15];
}

static void add_text(struct line *l, const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	bool utf8 = qf_utf8_valid(qf_slice(p, n));
	size_t i = 0;

	/* Room for the longest escape, two bytes of four, and the end of the line. */
	while (i < n && sizeof(l->s) - l->n > 8) {
		size_t unsafe = unsafe_len(p + i, n - i, utf8);

		if (!unsafe)
			l->s[l->n++] = text[i++];
		for (; unsafe > 0; unsafe--)
			add_hex(l, p[i++]);
	}
	l->s[l->n++] = '\n';
}

static void log_text(enum qf_log_level level, const char *text, size_t n)
{
	struct line l;
	ssize_t r;

	add_prefix(&l, level);
	add_text(&l, text, n);
	do
		r = write(STDERR_FILENO, l.s, l.n);
	while (r < 0 && errno == EINTR);
}

static void log_va(enum qf_log_level level, unsigned dropped, const char *fmt, va_list ap)
{
	int saved = errno;
	char text[MAX_TEXT + 64];
	int n = vsnprintf(text, MAX_TEXT, fmt, ap);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len >= MAX_TEXT) {
		len = qf_utf8_cut(qf_slice(text, MAX_TEXT - 1));
		len += (size_t)snprintf(text + len, 4, "...");
	}
	if (dropped)
		len += (size_t)snprintf(text + len, 48, " (%u more like this were dropped)", dropped);
	log_text(level, text, len);
	errno = saved;
}

void qf_log(enum qf_log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!qf_log_enabled(level))
		return;
	va_start(ap, fmt);
	log_va(level, 0, fmt, ap);
	va_end(ap);
}

void qf_log_limited(struct qf_log_limit *lim, unsigned burst, enum qf_log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!qf_log_enabled(level))
		return;
	uint64_t now = qf_mono_ns();

	if (lim->second_ns == 0 || now - lim->second_ns >= QF_SEC) {
		lim->second_ns = now;
		lim->shown = 0;
	}
	if (lim->shown >= burst) {
		lim->dropped++;
		return;
	}
	lim->shown++;
	va_start(ap, fmt);
	log_va(level, lim->dropped, fmt, ap);
	va_end(ap);
	lim->dropped = 0;
}
