/*
 * Text: UTF-8 checks, safe quoting for logs, nearest-name hints, number and size parsing. Pure.
 */
#ifndef QF_STR_H
#define QF_STR_H

#include "qf/buf.h"

bool qf_utf8_valid(struct qf_slice s);
/* Offset of the first byte that is not well-formed UTF-8, or s.n when all is. */
size_t qf_utf8_bad_at(struct qf_slice s);
/* Length of s without the beginning of a character at its end; for text that a limit has cut. */
size_t qf_utf8_cut(struct qf_slice s);
/*
 * Appends s in double quotes with control bytes, quotes and non-ASCII escaped. Of more than max bytes only the
 * first max, with ... behind the closing quote.
 */
void qf_quote_log(struct qf_buf *b, struct qf_slice s, size_t max);
/* Appends UTF-8 text as a JSON string, quotes included. */
void qf_quote_json(struct qf_buf *b, struct qf_slice s);
/* The entry of names (NULL-terminated) nearest to s, or NULL when none is near enough to be meant. */
const char *qf_nearest(const char *s, const char *const *names);
/* Decimal integers with bounds; the whole text must be digits. -EINVAL, or -ERANGE when out of bounds. */
int qf_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret) qf_must_check;
/* Writes v in decimal, with a NUL, for paths where printf shows; returns the number of digits. */
size_t qf_decimal(char to[21], uint64_t v);
/* 1-based line and column (in characters) of a byte offset. */
void qf_text_place(struct qf_slice text, size_t at, unsigned *ret_line, unsigned *ret_column);

#endif
