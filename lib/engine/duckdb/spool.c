/* See spool.h. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <nanoarrow/nanoarrow_ipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qf/arena.h"
#include "slice.h"

/* Before each message in the file. */
struct head {
	uint64_t bytes, rows;
};

struct duck_spool {
	struct qf_buf schema, memory; /* memory: heads and messages, as in the file */
	size_t memory_at;	      /* what is to be read next */
	int fd;			      /* -1: not needed yet */
	uint64_t file_at, file_end, bytes, max;
	/* the batch being given */
	struct qf_buf message;
	uint64_t rows, row;
	/* for parts of a batch: ready from the first one on */
	bool cuts, decoded;
	struct ArrowIpcDecoder decoder;
	struct ArrowIpcEncoder encoder;
	struct ArrowSchema arrow;
	struct ArrowArrayView part;
	struct ArrowArrayView *whole; /* the decoder's */
	struct qf_arena *mem;
};

static int failed(struct qf_sql_error *e, const char *doing, const struct ArrowError *why)
{
	qf_sql_error_set(e, "XX000", "Arrow %s failed: %s", doing, why && *why->message ? why->message : "out of memory");
	return -EINVAL;
}

int duck_spool_new(struct duck_spool **ret, struct qf_slice schema, uint64_t max, struct qf_sql_error *reterr)
{
	struct duck_spool *s = qf_xcalloc(1, sizeof(*s));

	s->fd = -1;
	s->max = max;
	qf_buf_init(&s->schema);
	qf_buf_init(&s->memory);
	qf_buf_init(&s->message);
	qf_buf_add_slice(&s->schema, schema);
	if (ArrowIpcDecoderInit(&s->decoder) != NANOARROW_OK) {
		duck_spool_free(s);
		return failed(reterr, "decoder", NULL);
	}
	*ret = s;
	return 0;
}

struct duck_spool *duck_spool_free(struct duck_spool *s)
{
	if (!s)
		return NULL;
	if (s->fd >= 0)
		close(s->fd);
	ArrowIpcDecoderReset(&s->decoder);
	if (s->encoder.private_data)
		ArrowIpcEncoderReset(&s->encoder);
	if (s->cuts)
		ArrowArrayViewReset(&s->part);
	if (s->arrow.release)
		s->arrow.release(&s->arrow);
	qf_arena_free(s->mem);
	qf_buf_fini(&s->schema);
	qf_buf_fini(&s->memory);
	qf_buf_fini(&s->message);
	free(s);
	return NULL;
}

/* ---- the file ---- */

static const char *directory(void)
{
	const char *state = getenv("QF_STATE_DIR"), *tmp = getenv("TMPDIR");

	if (state && *state && access(state, W_OK | X_OK) == 0)
		return state;
	return tmp && *tmp ? tmp : "/tmp";
}

static int open_unnamed(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	char *path = qf_xasprintf("%s/queryflux-portal-XXXXXX", dir);

	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

static int file_failed(struct qf_sql_error *e, const char *doing)
{
	bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

	qf_sql_error_set(e, full ? "53100" : "58030", "the rows left in an open portal cannot be %s: %s", doing,
		qf_strerror(-errno));
	return -EIO;
}

static int write_all(struct duck_spool *s, const void *p, size_t n, struct qf_sql_error *e)
{
	const char *from = p;

	while (n > 0) {
		ssize_t w = pwrite(s->fd, from, n, (off_t)s->file_end);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return file_failed(e, "kept");
		from += w;
		n -= (size_t)w;
		s->file_end += (uint64_t)w;
	}
	return 0;
}

static int read_all(struct duck_spool *s, void *p, size_t n, struct qf_sql_error *e)
{
	char *to = p;

	while (n > 0) {
		ssize_t r = pread(s->fd, to, n, (off_t)s->file_at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			errno = r < 0 ? errno : EIO;
			return file_failed(e, "read");
		}
		to += r;
		n -= (size_t)r;
		s->file_at += (uint64_t)r;
	}
	return 0;
}

int duck_spool_add(struct duck_spool *s, struct qf_slice batch, uint64_t rows, struct qf_sql_error *reterr)
{
	struct head h = { .bytes = batch.n, .rows = rows };

	s->bytes += sizeof(h) + batch.n;
	if (s->bytes > s->max) {
		qf_sql_error_set(reterr, "53400", "the rows left in an open portal take more than %llu MiB",
			(unsigned long long)(s->max >> 20));
		snprintf(reterr->hint, sizeof(reterr->hint), "Fetch them, or close the portal, before the next statement.");
		return -EFBIG;
	}
	if (s->fd < 0 && s->memory.n + sizeof(h) + batch.n <= DUCK_SPOOL_MEMORY) {
		qf_buf_add(&s->memory, &h, sizeof(h));
		qf_buf_add_slice(&s->memory, batch);
		return 0;
	}
	if (s->fd < 0)
		s->fd = open_unnamed(directory());
	if (s->fd < 0)
		return file_failed(reterr, "kept");
	int r = write_all(s, &h, sizeof(h), reterr);

	return r < 0 ? r : write_all(s, batch.p, batch.n, reterr);
}

/* The next message, when there is one. */
static int load(struct duck_spool *s, struct qf_sql_error *e)
{
	struct head h;
	int r;

	qf_buf_clear(&s->message);
	s->row = s->rows = 0;
	s->decoded = false;
	if (s->memory_at < s->memory.n) {
		memcpy(&h, s->memory.p + s->memory_at, sizeof(h));
		qf_buf_add(&s->message, s->memory.p + s->memory_at + sizeof(h), h.bytes);
		s->memory_at += sizeof(h) + h.bytes;
		s->rows = h.rows;
		return 0;
	}
	if (s->fd < 0 || s->file_at >= s->file_end)
		return 0;
	r = read_all(s, &h, sizeof(h), e);
	if (r == 0)
		r = read_all(s, qf_buf_reserve(&s->message, h.bytes), h.bytes, e);
	if (r < 0)
		return r;
	s->message.n = h.bytes;
	s->rows = h.rows;
	return 0;
}

/* ---- parts of a batch ---- */

static struct ArrowBufferView bytes_of(const struct qf_buf *b)
{
	struct ArrowBufferView v = { .size_bytes = (int64_t)b->n };

	v.data.data = b->p;
	return v;
}

static int begin_cuts(struct duck_spool *s, struct qf_sql_error *e)
{
	struct ArrowError why = { { 0 } };

	if (s->cuts)
		return 0;
	if (ArrowIpcDecoderDecodeHeader(&s->decoder, bytes_of(&s->schema), &why) != NANOARROW_OK ||
		ArrowIpcDecoderDecodeSchema(&s->decoder, &s->arrow, &why) != NANOARROW_OK ||
		ArrowIpcDecoderSetSchema(&s->decoder, &s->arrow, &why) != NANOARROW_OK)
		return failed(e, "schema", &why);
	if (ArrowArrayViewInitFromSchema(&s->part, &s->arrow, &why) != NANOARROW_OK)
		return failed(e, "schema", &why);
	s->cuts = true;
	s->mem = qf_arena_new(0);
	if (ArrowIpcEncoderInit(&s->encoder) != NANOARROW_OK)
		return failed(e, "encoder", NULL);
	return 0;
}

static int decode(struct duck_spool *s, struct qf_sql_error *e)
{
	struct ArrowBufferView all = bytes_of(&s->message), body;
	struct ArrowError why = { { 0 } };

	if (s->decoded)
		return 0;
	if (ArrowIpcDecoderDecodeHeader(&s->decoder, all, &why) != NANOARROW_OK)
		return failed(e, "batch", &why);
	body.data.as_uint8 = all.data.as_uint8 + s->decoder.header_size_bytes;
	body.size_bytes = s->decoder.body_size_bytes;
	if (ArrowIpcDecoderDecodeArrayView(&s->decoder, body, -1, &s->whole, &why) != NANOARROW_OK)
		return failed(e, "batch", &why);
	s->decoded = true;
	return 0;
}

static int encode(struct duck_spool *s, struct ArrowBuffer *out, struct qf_sql_error *e)
{
	struct ArrowError why = { { 0 } };
	struct ArrowBuffer body;
	int r = 0;

	ArrowBufferInit(&body);
	if (ArrowIpcEncoderEncodeSimpleRecordBatch(&s->encoder, &s->part, &body, &why) != NANOARROW_OK ||
		ArrowIpcEncoderFinalizeBuffer(&s->encoder, 1, out) != NANOARROW_OK ||
		ArrowBufferAppend(out, body.data, body.size_bytes) != NANOARROW_OK)
		r = failed(e, "encoding", &why);
	ArrowBufferReset(&body);
	return r;
}

static int cut(struct duck_spool *s, uint64_t n, struct ArrowBuffer *out, struct qf_sql_error *e)
{
	int r = begin_cuts(s, e);

	if (r == 0)
		r = decode(s, e);
	if (r < 0)
		return r;
	qf_arena_clear(s->mem);
	duck_slice(&s->part, s->whole, (int64_t)s->row, (int64_t)n, s->mem);
	return encode(s, out, e);
}

int duck_spool_next(struct duck_spool *s, uint64_t most, struct ArrowBuffer *out, uint64_t *ret_rows,
	struct qf_sql_error *reterr)
{
	int r = s->row < s->rows ? 0 : load(s, reterr);
	uint64_t n = s->rows - s->row < most ? s->rows - s->row : most;

	if (r < 0)
		return r;
	if (n > 0 && n == s->rows)
		r = ArrowBufferAppend(out, s->message.p, (int64_t)s->message.n) == NANOARROW_OK ? 0 :
			failed(reterr, "copy", NULL);
	else if (n > 0)
		r = cut(s, n, out, reterr);
	if (r < 0)
		return r;
	s->row += n;
	*ret_rows = n;
	return 0;
}
