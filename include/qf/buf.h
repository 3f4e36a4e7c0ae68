/*
 * Bytes: borrowed slices, a growable buffer, a bounds-checked reader and big-endian appenders.
 *
 * struct qf_slice borrows. struct qf_buf owns one heap block. struct qf_reader walks a slice; its first
 * error sticks and every getter after it yields zero, so that a parser reads ten fields and asks once.
 * Integers on every wire of ours are big-endian. No threads: a buffer belongs to one thread at a time.
 * Growth dies when memory is out; callers hold lengths from outside to a limit before they append.
 */
#ifndef QF_BUF_H
#define QF_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qf/err.h"

struct qf_slice {
	const uint8_t *p;
	size_t n;
};

#define QF_SLICE_NONE ((struct qf_slice){ 0 })
struct qf_slice qf_slice(const void *p, size_t n);
struct qf_slice qf_slice_str(const char *s); /* without the NUL; NULL gives an empty slice */
bool qf_slice_eq(struct qf_slice a, struct qf_slice b);
bool qf_slice_eq_str(struct qf_slice a, const char *s);
bool qf_slice_caseeq_str(struct qf_slice a, const char *s); /* ASCII case folded */
char *qf_slice_dup(struct qf_slice s);	       /* NUL-terminated copy; caller frees */

/* Memory that is there or the process ends with one line. */
void *qf_xmalloc(size_t n);
void *qf_xcalloc(size_t n, size_t size);
void *qf_xrealloc(void *p, size_t n);
char *qf_xstrdup(const char *s);
char *qf_xasprintf(const char *fmt, ...) qf_printf(1, 2);

/* {0} is an empty buffer. p and n are the live bytes; cap counts from p; the rest is the module's own. */
struct qf_buf {
	uint8_t *p;
	size_t n, cap;
	size_t front; /* consumed bytes between the start of the block and p */
};

void qf_buf_init(struct qf_buf *b);
void qf_buf_fini(struct qf_buf *b);
void qf_buf_clear(struct qf_buf *b);		     /* keeps the block */
uint8_t *qf_buf_reserve(struct qf_buf *b, size_t n); /* room for n more bytes; length unchanged */
void qf_buf_consume(struct qf_buf *b, size_t n);     /* drops n bytes from the front */
struct qf_slice qf_buf_slice(const struct qf_buf *b);
char *qf_buf_cstr(struct qf_buf *b); /* NUL behind the end, not counted; borrowed until the next change */
void qf_buf_add(struct qf_buf *b, const void *p, size_t n);
void qf_buf_add_slice(struct qf_buf *b, struct qf_slice s);
void qf_buf_add_str(struct qf_buf *b, const char *s);
void qf_buf_printf(struct qf_buf *b, const char *fmt, ...) qf_printf(2, 3);
void qf_buf_u8(struct qf_buf *b, uint8_t v);
void qf_buf_u16(struct qf_buf *b, uint16_t v);
void qf_buf_u32(struct qf_buf *b, uint32_t v);
void qf_buf_u64(struct qf_buf *b, uint64_t v);
void qf_buf_put_u32_at(struct qf_buf *b, size_t at, uint32_t v); /* patches a length written earlier */

struct qf_reader {
	const uint8_t *p;
	size_t n; /* bytes left */
	int err;  /* 0 or QF_EMALFORMED */
};

struct qf_reader qf_reader(struct qf_slice s);
uint8_t qf_read_u8(struct qf_reader *r);
uint16_t qf_read_u16(struct qf_reader *r);
uint32_t qf_read_u32(struct qf_reader *r);
uint64_t qf_read_u64(struct qf_reader *r);
struct qf_slice qf_read_bytes(struct qf_reader *r, size_t n);
/* Up to and over the next NUL; the slice is without it. No NUL left is an error. */
struct qf_slice qf_read_cstr(struct qf_reader *r);
void qf_reader_fail(struct qf_reader *r);
bool qf_reader_done(const struct qf_reader *r); /* no error and nothing left */

#endif
