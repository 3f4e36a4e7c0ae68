/* Bodies as gzip in chunks: what comes out is what went in, each step is short, and over a socket too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "http_server.h"

static bool is_hex(uint8_t b)
{
	return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f');
}

/* Takes the chunked coding off; returns how many bytes it took, 0 when it is not whole, and fails when it is wrong. */
static size_t unchunk(struct qf_slice in, struct qf_buf *out)
{
	for (size_t at = 0; at < in.n;) {
		size_t size = 0, begin = at;

		for (; at < in.n && is_hex(in.p[at]); at++)
			size = size * 16 + (size_t)(in.p[at] <= '9' ? in.p[at] - '0' : in.p[at] - 'a' + 10);
		if (in.n - at < size + 4)
			return 0;
		assert_true(at > begin);
		assert_memory_equal(in.p + at, "\r\n", 2);
		assert_memory_equal(in.p + at + 2 + size, "\r\n", 2);
		qf_buf_add(out, in.p + at + 2, size);
		at += size + 4;
		if (size == 0)
			return at;
	}
	return 0;
}

static void gunzip(struct qf_slice in, struct qf_buf *out)
{
	z_stream z = { 0 };
	int r = Z_OK;
	struct qf_buf copy = { 0 };

	qf_buf_add_slice(&copy, in);
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = copy.p;
	z.avail_in = (uInt)copy.n;
	while (r == Z_OK) {
		z.next_out = qf_buf_reserve(out, 65536);
		z.avail_out = 65536;
		r = inflate(&z, Z_NO_FLUSH);
		out->n += 65536 - z.avail_out;
	}
	assert_int_equal(r, Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	inflateEnd(&z);
	qf_buf_fini(&copy);
}

static void fill(struct qf_buf *b, size_t n, bool noise)
{
	uint32_t x = 7;

	while (b->n < n) {
		x = x * 1664525 + 1013904223;
		if (noise)
			qf_buf_u32(b, x);
		else
			qf_buf_printf(b, "row %u\n", x >> 24);
	}
	b->n = n;
}

static void round_trip(size_t n, bool noise)
{
	struct qf_buf bytes = { 0 }, out = { 0 }, zipped = { 0 }, back = { 0 };

	fill(&bytes, n, noise);
	struct qf_http_body *body = qf_http_body_new(&bytes);
	struct http_gzip *g = http_gzip_new(body);
	size_t steps = 1;

	assert_non_null(g);
	for (size_t before = 0; http_gzip_step(g, &out); steps++) {
		assert_true(out.n - before <= 128 * 1024);
		before = out.n;
	}
	http_gzip_free(g);
	assert_int_equal(steps, n <= 65536 ? 1 : (n + 65535) / 65536);
	assert_int_equal(unchunk(qf_buf_slice(&out), &zipped), out.n);
	gunzip(qf_buf_slice(&zipped), &back);
	assert_int_equal(back.n, n);
	if (n > 0)
		assert_memory_equal(back.p, http_body_slice(body).p, n);
	qf_http_body_free(body);
	qf_buf_fini(&out);
	qf_buf_fini(&zipped);
	qf_buf_fini(&back);
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 1000, 65535, 65536, 65537, 131072, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		round_trip(sizes[i], false);
		round_trip(sizes[i], true);
	}
}

static struct qf_slice body_of(struct client *c)
{
	const char *at = strstr(qf_buf_cstr(&c->in), "\r\n\r\n");

	assert_non_null(at);
	return qf_slice(at + 4, c->in.n - (size_t)(at + 4 - (const char *)c->in.p));
}

/* One body, two clients at once, one of them slow; then a request of the same connection. */
static void test_over_sockets(void **state)
{
	const struct qf_http_limits limits = { .max_body = 0 };
	struct site s;
	struct client c[2];

	(void)state;
	site_open(&s, &limits);
	for (int i = 0; i < 2; i++) {
		client_open(&c[i], &s);
		client_send(&c[i], "GET /big HTTP/1.1\r\nHost: h\r\nAccept-Encoding: deflate, gzip\r\n\r\n");
	}
	site_turn(&s, 50 * QF_MS);
	for (int i = 0; i < 2; i++) {
		struct qf_buf zipped = { 0 }, back = { 0 };
		uint64_t until = qf_mono_ns() + PATIENCE;
		size_t used = 0;

		client_wait(&c[i], "\r\n\r\n");
		assert_non_null(strstr(qf_buf_cstr(&c[i].in), "Content-Encoding: gzip\r\nTransfer-Encoding: ch"));
		while (!used && qf_mono_ns() < until) {
			qf_buf_clear(&zipped);
			used = unchunk(body_of(&c[i]), &zipped);
			site_turn(&s, QF_MS);
			client_read(&c[i]);
		}
		assert_int_equal(used, body_of(&c[i]).n);
		gunzip(qf_buf_slice(&zipped), &back);
		assert_int_equal(back.n, BIG);
		assert_memory_equal(back.p, http_body_slice(s.big).p, BIG);
		qf_buf_clear(&c[i].in);
		client_send(&c[i], "GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
		client_wait(&c[i], "\r\n\r\nnow\n");
		qf_buf_fini(&zipped);
		qf_buf_fini(&back);
		client_close(&c[i]);
	}
	site_close(&s);
}

/* As it is, to those who cannot have it otherwise; the owner's reference may be gone by then. */
static void test_identity(void **state)
{
	static const char *const sends[] = {
		"GET /big HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n",
		"GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept-Encoding: gzip;q=0\r\n\r\n",
	};
	const struct qf_http_limits limits = { .max_body = 0 };
	struct site s;
	struct client c;

	(void)state;
	for (size_t i = 0; i < sizeof(sends) / sizeof(sends[0]); i++) {
		site_open(&s, &limits);
		struct qf_buf want = { 0 };

		qf_buf_add_slice(&want, http_body_slice(s.big));
		client_open(&c, &s);
		client_send(&c, sends[i]);
		site_wait(&s, "ask:/big ");
		s.big = qf_http_body_free(s.big);
		client_wait(&c, NULL);
		assert_non_null(strstr(qf_buf_cstr(&c.in), "Content-Length: 4194304\r\nConnection: close\r\n\r\n"));
		assert_int_equal(body_of(&c).n, BIG);
		assert_memory_equal(body_of(&c).p, want.p, BIG);
		site_wait(&s, "ask:/big sent:1 ");
		client_close(&c);
		qf_buf_fini(&want);
		site_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_over_sockets),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
