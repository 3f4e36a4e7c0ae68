/* The HTTP codec: golden conversations, at once and byte by byte, and each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/http/gzip.h"
#include "http_trace.h"

enum { MAX_HEAD = 300, MAX_BODY = 20 };

struct conversation {
	const char *name, *in;
	size_t n;
	const char *want;
};

#define IN(s) s, sizeof(s) - 1
#define H "Host: h\r\n"
#define POST "POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct conversation taken[] = {
	{ "plain", IN("GET /a HTTP/1.1\r\n" H "\r\n"), "GET path=/a 1.1 keep [Host=h]" },
	{ "query", IN("GET /a/b?c=d&e=%20?f HTTP/1.1\r\n" H "\r\n"),
		"GET path=/a/b query=c=d&e=%20?f 1.1 keep [Host=h]" },
	{ "empty query", IN("GET /a? HTTP/1.1\r\n" H "\r\n"), "GET path=/a 1.1 keep [Host=h]" },
	{ "values are trimmed", IN("GET / HTTP/1.1\r\nHost: \t h \t\r\nA:b  c\r\nEmpty:\r\nBlank:  \r\n\r\n"),
		"GET path=/ 1.1 keep [Host=h] [A=b  c] [Empty=] [Blank=]" },
	{ "bytes above ASCII in a value", IN("GET / HTTP/1.1\r\n" H "A: \xc3\xa4\r\n\r\n"),
		"GET path=/ 1.1 keep [Host=h] [A=\\c3\\a4]" },
	{ "methods", IN("HEAD / HTTP/1.1\r\n" H "\r\nPUT / HTTP/1.1\r\n" H "\r\nDELETE / HTTP/1.1\r\n" H
			"\r\nPATCH / HTTP/1.1\r\n" H "\r\nOPTIONS * HTTP/1.1\r\n" H "\r\n"),
		"HEAD path=/ 1.1 keep [Host=h]; PUT path=/ 1.1 keep [Host=h]; DELETE path=/ 1.1 keep [Host=h]; "
		"OTHER path=/ 1.1 keep [Host=h]; OPTIONS path=* 1.1 keep [Host=h]" },
	{ "body", IN(POST "Content-Length: 5\r\n\r\nhello"),
		"POST path=/ 1.1 keep [Host=h] [Content-Length=5] \"hello\"" },
	{ "body at the limit", IN(POST "content-length: 20\r\n\r\n12345678901234567890"),
		"POST path=/ 1.1 keep [Host=h] [content-length=20] \"12345678901234567890\"" },
	{ "POST without a body", IN(POST "\r\n"), "POST path=/ 1.1 keep [Host=h]" },
	{ "length of zero", IN(POST "Content-Length: 0\r\n\r\n"), "POST path=/ 1.1 keep [Host=h] [Content-Length=0]" },
	{ "chunks", IN(CHUNKED "5\r\nhello\r\nA\r\n, world!!!\r\n0\r\n\r\n"),
		"POST path=/ 1.1 keep [Host=h] [Transfer-Encoding=chunked] \"hello, world!!!\"" },
	{ "no chunk", IN(CHUNKED "0\r\n\r\n"), "POST path=/ 1.1 keep [Host=h] [Transfer-Encoding=chunked]" },
	{ "chunks with extensions and trailers", IN(CHUNKED "5;c=\"d;e\"\r\nhello\r\n00;x\r\nT: v\r\nU: w\r\n\r\n"),
		"POST path=/ 1.1 keep [Host=h] [Transfer-Encoding=chunked] \"hello\"" },
	{ "framing headers in trailers are nothing",
		IN(CHUNKED "1\r\nx\r\n0\r\nContent-Length: 9\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"),
		"POST path=/ 1.1 keep [Host=h] [Transfer-Encoding=chunked] \"x\"; GET path=/ 1.1 keep [Host=h]" },
	{ "Chunked in any case", IN(POST "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"),
		"POST path=/ 1.1 keep [Host=h] [transfer-encoding=CHUNKED]" },
	{ "pipelined",
		IN(POST "Content-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\n" H "\r\n" CHUNKED
			"1\r\nc\r\n0\r\n\r\nGET /4 HTTP/1.1\r\n" H "\r\n"),
		"POST path=/ 1.1 keep [Host=h] [Content-Length=2] \"ab\"; GET path=/2 1.1 keep [Host=h]; "
		"POST path=/ 1.1 keep [Host=h] [Transfer-Encoding=chunked] \"c\"; GET path=/4 1.1 keep [Host=h]" },
	{ "empty lines before", IN("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n"),
		"GET path=/ 1.1 keep [Host=h]; GET path=/2 1.1 keep [Host=h]" },
	{ "1.1 close", IN("GET / HTTP/1.1\r\n" H "Connection: foo, Close\r\n\r\n"),
		"GET path=/ 1.1 close [Host=h] [Connection=foo, Close]" },
	{ "1.1 close and keep-alive", IN("GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n"),
		"GET path=/ 1.1 close [Host=h] [Connection=keep-alive] [Connection=close]" },
	{ "1.0", IN("GET / HTTP/1.0\r\n\r\n"), "GET path=/ 1.0 close" },
	{ "1.0 keep-alive", IN("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
		"GET path=/ 1.0 keep [Connection=Keep-Alive]" },
	{ "1.0 with a body", IN("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"),
		"POST path=/ 1.0 close [Content-Length=1] \"x\"" },
	{ "1.0 expects nothing", IN("POST / HTTP/1.0\r\nExpect: something\r\nContent-Length: 1\r\n\r\nx"),
		"POST path=/ 1.0 close [Expect=something] [Content-Length=1] \"x\"" },
	{ "expects", IN(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"),
		"expects; POST path=/ 1.1 keep [Host=h] [Expect=100-Continue] [Content-Length=1] \"x\"" },
	{ "expects, but has no body", IN(POST "Expect: 100-continue\r\n\r\n"),
		"POST path=/ 1.1 keep [Host=h] [Expect=100-continue]" },
	{ "absolute form", IN("GET http://other:80/a?b HTTP/1.1\r\n" H "\r\n"),
		"GET path=/a query=b 1.1 keep [Host=h]" },
	{ "absolute form without a path", IN("GET HTTPS://[::1]?b HTTP/1.1\r\n" H "\r\n"),
		"GET path=/ query=b 1.1 keep [Host=h]" },
	{ "absolute form for the server", IN("OPTIONS http://o HTTP/1.1\r\n" H "\r\n"),
		"OPTIONS path=* 1.1 keep [Host=h]" },
	{ "two slashes are a path", IN("GET //x/y HTTP/1.1\r\n" H "\r\n"), "GET path=//x/y 1.1 keep [Host=h]" },
	{ "empty Host", IN("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "GET path=/ 1.1 keep [Host=]" },
	{ "Host and port", IN("GET / HTTP/1.1\r\nHost: a.b-c_d~:80\r\n\r\n"),
		"GET path=/ 1.1 keep [Host=a.b-c_d~:80]" },
	{ "IPv6 Host", IN("GET / HTTP/1.1\r\nHost: [fe80::1]:1\r\n\r\n"), "GET path=/ 1.1 keep [Host=[fe80::1]:1]" },
	{ "Upgrade is ignored",
		IN("GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n"),
		"GET path=/ 1.1 keep [Host=h] [Connection=Upgrade] [Upgrade=h2c]; GET path=/2 1.1 keep [Host=h]" },
	{ "Upgrade with a body is ignored",
		IN(POST "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx"
			"GET /2 HTTP/1.1\r\n" H "\r\n"),
		"POST path=/ 1.1 keep [Host=h] [Connection=upgrade] [Upgrade=h2c] [Content-Length=1] \"x\"; "
		"GET path=/2 1.1 keep [Host=h]" },
	{ "GET with a body", IN("GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n" H "\r\n"),
		"GET path=/ 1.1 keep [Host=h] [Content-Length=3] \"abc\"; GET path=/2 1.1 keep [Host=h]" },
	{ "not whole", IN("GET / HTTP/1.1\r\n" H "\r"), "" },
	{ "body not whole", IN(POST "Content-Length: 5\r\n\r\nhell"), "" },
	{ "chunk not whole", IN(CHUNKED "5\r\nhello\r\n0\r\n\r"), "" },
};

#define GET(headers) "GET / HTTP/1.1\r\n" headers "\r\n"

static const struct conversation refused[] = {
	/* the request line */
	{ "TLS", IN("\x16\x03\x01\x02"), "refused 400 the request line has a byte that is not text" },
	{ "NUL", IN("GET /\0 HTTP/1.1\r\n"), "refused 400 the request line has a byte that is not text" },
	{ "above ASCII", IN("GET /\xc3\xa4 HTTP/1.1\r\n"), "refused 400 the request line has a byte that is not text" },
	{ "tab", IN("GET\t/ HTTP/1.1\r\n"), "refused 400 the request line has a byte that is not text" },
	{ "bare LF", IN("GET / HTTP/1.1\nHost: h\n\n"), "refused 400 LF without CR in the request line" },
	{ "bare CR", IN("GET / HTTP/1.1\rHost: h\r\r"), "refused 400 CR without LF" },
	{ "bare CR before", IN("\rGET / HTTP/1.1\r\n"), "refused 400 CR without LF" },
	{ "bare LF before", IN("\nGET / HTTP/1.1\r\n"), "refused 400 LF without CR in the request line" },
	{ "HTTP/0.9", IN("GET /\r\n"), "refused 400 the request line has no version: HTTP/0.9 is not served" },
	{ "one word", IN("GET\r\n"), "refused 400 the request line does not begin with a method" },
	{ "no method", IN(" / HTTP/1.1\r\n"), "refused 400 the request line does not begin with a method" },
	{ "method is no token", IN("G(T / HTTP/1.1\r\n"), "refused 400 the request line does not begin with a method" },
	{ "two spaces", IN("GET  / HTTP/1.1\r\n"), "refused 400 the request line has no target" },
	{ "two spaces behind", IN("GET /  HTTP/1.1\r\n"),
		"refused 400 the request line is not METHOD TARGET HTTP/1.1" },
	{ "space at the end", IN("GET / HTTP/1.1 \r\n"), "refused 400 the request line is not METHOD TARGET HTTP/1.1" },
	{ "space in the target", IN("GET /a b HTTP/1.1\r\n"),
		"refused 400 the request line is not METHOD TARGET HTTP/1.1" },
	{ "lower case", IN("GET / http/1.1\r\n"), "refused 400 the request line is not METHOD TARGET HTTP/1.1" },
	{ "two digits", IN("GET / HTTP/1.10\r\n"), "refused 400 the request line is not METHOD TARGET HTTP/1.1" },
	{ "not a digit", IN("GET / HTTP/1.x\r\n"), "refused 400 the request line is not METHOD TARGET HTTP/1.1" },
	{ "HTTP/1.2", IN("GET / HTTP/1.2\r\n"), "refused 505 HTTP/1.0 and HTTP/1.1 are served" },
	{ "HTTP/2.0", IN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "refused 505 HTTP/1.0 and HTTP/1.1 are served" },
	{ "the preface in disguise", IN("PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"), "refused 505 HTTP/2 is not served" },
	{ "unknown method", IN("FROB / HTTP/1.1\r\n" H "\r\n"), "refused 501 the method is not known" },
	{ "method in lower case", IN("get / HTTP/1.1\r\n" H "\r\n"), "refused 501 the method is not known" },
	{ "CONNECT", IN("CONNECT h:1 HTTP/1.1\r\n" H "\r\n"), "refused 400 CONNECT is not served" },
	/* the target */
	{ "no slash", IN("GET a HTTP/1.1\r\n" H "\r\n"), "refused 400 Invalid characters in url" },
	{ "asterisk", IN("GET * HTTP/1.1\r\n" H "\r\n"), "refused 400 the target is neither a path nor an http URI" },
	{ "other scheme", IN("GET ftp://a/ HTTP/1.1\r\n" H "\r\n"),
		"refused 400 the target is neither a path nor an http URI" },
	{ "no host", IN("GET http:/// HTTP/1.1\r\n" H "\r\n"), "refused 400 the target names no host" },
	{ "user", IN("GET http://u@h/ HTTP/1.1\r\n" H "\r\n"), "refused 400 the target names no host" },
	{ "port", IN("GET http://h:x/ HTTP/1.1\r\n" H "\r\n"), "refused 400 the target names no host" },
	{ "fragment", IN("GET /a#b HTTP/1.1\r\n" H "\r\n"), "refused 400 the target has a fragment" },
	/* header lines */
	{ "folded", IN(GET("A: b\r\n c\r\n" H)), "refused 400 a header line is folded, or begins with white space" },
	{ "first line folded", IN(GET(" A: b\r\n" H)),
		"refused 400 a header line is folded, or begins with white space" },
	{ "space before the colon", IN(GET("Host : h\r\n")),
		"refused 400 white space between a header's name and its colon" },
	{ "tab before the colon", IN(GET("Host\t: h\r\n")),
		"refused 400 white space between a header's name and its colon" },
	{ "no name", IN(GET(": h\r\n")), "refused 400 a header line does not begin with a name" },
	{ "no colon", IN(GET("Host\r\n")), "refused 400 a header's name has a byte that may not be in it" },
	{ "name is no token", IN(GET("Ho(st: h\r\n")), "refused 400 a header's name has a byte that may not be in it" },
	{ "NUL in a name", IN(GET("Ho\0st: h\r\n")), "refused 400 a header's name has a byte that may not be in it" },
	{ "NUL in a value", IN(GET("Host: h\0\r\n")), "refused 400 a header's value has a control byte" },
	{ "control in a value", IN(GET("Host: h\x7f\r\n")), "refused 400 a header's value has a control byte" },
	{ "bare LF behind a header", IN(GET("Host: h\n")), "refused 400 LF without CR behind a header" },
	{ "bare CR in a value", IN(GET("Host: h\rA: b\r\n")), "refused 400 CR without LF" },
	{ "bare LF as the end", IN("GET / HTTP/1.1\r\n" H "\nGET"),
		"refused 400 LF without CR at the end of the head" },
	{ "bare CR as the end", IN("GET / HTTP/1.1\r\n" H "\rGET"), "refused 400 CR without LF" },
	/* Host */
	{ "Host is absent", IN(GET("A: b\r\n")), "refused 400 no Host" },
	{ "Host twice", IN(GET(H H)), "refused 400 more than one Host" },
	{ "Host with a path", IN(GET("Host: h/a\r\n")), "refused 400 Host is not a host" },
	{ "Host with a user", IN(GET("Host: u@h\r\n")), "refused 400 Host is not a host" },
	{ "Host list", IN(GET("Host: a, b\r\n")), "refused 400 Host is not a host" },
	{ "Host port", IN(GET("Host: h:8x\r\n")), "refused 400 Host is not a host" },
	{ "Host bracket", IN(GET("Host: [::1\r\n")), "refused 400 Host is not a host" },
	{ "Host in brackets is no address", IN(GET("Host: [x]\r\n")), "refused 400 Host is not a host" },
	{ "Host behind a bracket", IN(GET("Host: [::1]x\r\n")), "refused 400 Host is not a host" },
	{ "Host twice in 1.0", IN("GET / HTTP/1.0\r\n" H H "\r\n"), "refused 400 more than one Host" },
	/* framing */
	{ "both", IN(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
		"refused 400 Content-Length can't be present with Transfer-Encoding" },
	{ "both, the other way", IN(POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
		"refused 400 Content-Length can't be present with Transfer-Encoding" },
	{ "two lengths", IN(POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
		"refused 400 Duplicate Content-Length" },
	{ "the same length twice", IN(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
		"refused 400 Duplicate Content-Length" },
	{ "list of lengths", IN(POST "Content-Length: 1, 1\r\n\r\n"),
		"refused 400 Invalid character in Content-Length" },
	{ "signed", IN(POST "Content-Length: +1\r\n\r\n"), "refused 400 Invalid character in Content-Length" },
	{ "negative", IN(POST "Content-Length: -1\r\n\r\n"), "refused 400 Invalid character in Content-Length" },
	{ "hexadecimal", IN(POST "Content-Length: 0x1\r\n\r\n"), "refused 400 Invalid character in Content-Length" },
	{ "no number", IN(POST "Content-Length:\r\n\r\n"), "refused 400 Empty Content-Length" },
	{ "blank number", IN(POST "Content-Length: \t\r\n\r\n"), "refused 400 Empty Content-Length" },
	{ "length of 2^64", IN(POST "Content-Length: 18446744073709551616\r\n\r\n"),
		"refused 400 Content-Length overflow" },
	{ "too large", IN(POST "Content-Length: 21\r\n\r\n"), "refused 413 the body is larger than the limit" },
	{ "too large, and expects", IN(POST "Expect: 100-continue\r\nContent-Length: 21\r\n\r\n"),
		"refused 413 the body is larger than the limit" },
	{ "identity", IN(POST "Transfer-Encoding: identity\r\n\r\n"),
		"refused 400 a Transfer-Encoding other than chunked" },
	{ "gzip, chunked", IN(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
		"refused 400 a Transfer-Encoding other than chunked" },
	{ "chunked twice", IN(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
		"refused 400 Invalid `Transfer-Encoding` header value" },
	{ "chunked, then no more", IN(POST "Transfer-Encoding: chunked, identity\r\n\r\n"),
		"refused 400 Invalid `Transfer-Encoding` header value" },
	{ "chunked with a tail", IN(POST "Transfer-Encoding: chunked;q=1\r\n\r\n"),
		"refused 400 a Transfer-Encoding other than chunked" },
	{ "xchunked", IN(POST "Transfer-Encoding: xchunked\r\n\r\n"),
		"refused 400 a Transfer-Encoding other than chunked" },
	{ "no coding", IN(POST "Transfer-Encoding:\r\n\r\n"), "refused 400 a Transfer-Encoding other than chunked" },
	{ "chunked in 1.0", IN("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
		"refused 400 Transfer-Encoding in HTTP/1.0" },
	{ "1.0 without a length", IN("POST / HTTP/1.0\r\n\r\n"), "refused 411 no Content-Length" },
	{ "other expectation", IN(POST "Expect: cake\r\nContent-Length: 1\r\n\r\n"),
		"refused 417 an expectation other than 100-continue" },
	/* chunks */
	{ "no size", IN(CHUNKED "\r\n"), "refused 400 Invalid character in chunk size" },
	{ "bad size", IN(CHUNKED "g\r\n"), "refused 400 Invalid character in chunk size" },
	{ "0x", IN(CHUNKED "0x1\r\nx\r\n"), "refused 400 Invalid character in chunk size" },
	{ "signed size", IN(CHUNKED "+1\r\nx\r\n"), "refused 400 Invalid character in chunk size" },
	{ "space behind the size", IN(CHUNKED "1 \r\nx\r\n"), "refused 400 Invalid character in chunk size" },
	{ "size of 2^64", IN(CHUNKED "10000000000000000\r\nx\r\n"), "refused 400 Chunk size overflow" },
	{ "LF behind the size", IN(CHUNKED "1\nx\r\n0\r\n\r\n"), "refused 400 Invalid character in chunk size" },
	{ "CR behind the size", IN(CHUNKED "1\rx\r\n0\r\n\r\n"), "refused 400 Expected LF after chunk size" },
	{ "CR in an extension", IN(CHUNKED "1;a\rb\r\nx\r\n0\r\n\r\n"), "refused 400 Expected LF after chunk size" },
	{ "LF in an extension", IN(CHUNKED "1;a\nb\r\nx\r\n0\r\n\r\n"),
		"refused 400 Invalid character in chunk extensions name" },
	{ "LF in a quoted extension", IN(CHUNKED "1;a=\"\n\"\r\nx\r\n0\r\n\r\n"),
		"refused 400 Invalid character in chunk extensions quoted value" },
	{ "chunk longer than said", IN(CHUNKED "1\r\nxy\r\n0\r\n\r\n"), "refused 400 Expected CRLF after chunk" },
	{ "LF behind a chunk", IN(CHUNKED "1\r\nx\n0\r\n\r\n"), "refused 400 Expected CRLF after chunk" },
	{ "chunk too large", IN(CHUNKED "15\r\n"), "refused 413 the body is larger than the limit" },
	{ "chunks too large", IN(CHUNKED "14\r\n12345678901234567890\r\n1\r\n"),
		"refused 413 the body is larger than the limit" },
	{ "LF ends trailers", IN(CHUNKED "0\r\n\nGET"), "refused 400 LF without CR at the end of the head" },
	{ "LF in trailers", IN(CHUNKED "0\r\nA: b\n\r\n"), "refused 400 LF without CR behind a header" },
	{ "folded trailer", IN(CHUNKED "0\r\nA: b\r\n c\r\n\r\n"),
		"refused 400 a header line is folded, or begins with white space" },
	/* what follows a refusal is not looked at */
	{ "behind a good one", IN("GET / HTTP/1.1\r\n" H "\r\nGET /\r\nGET / HTTP/1.1\r\n" H "\r\n"),
		"GET path=/ 1.1 keep [Host=h]; refused 400 the request line has no version: HTTP/0.9 is not served" },
};

static int check(const struct conversation *v, size_t piece)
{
	struct http_trace t;

	trace_open(&t, MAX_HEAD, MAX_BODY);
	trace_pieces(&t, qf_slice(v->in, v->n), piece);
	int bad = strcmp(qf_buf_cstr(&t.text), v->want) != 0;

	if (bad)
		print_error("%s, pieces of %zu:\n got %s\nwant %s\n", v->name, piece, qf_buf_cstr(&t.text), v->want);
	trace_close(&t);
	return bad;
}

static int check_all(const struct conversation *v, size_t n)
{
	static const size_t pieces[] = { 0, 1, 2, 3, 7, 40 };
	int bad = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++)
			bad += check(&v[i], pieces[k]);
	return bad;
}

static void test_taken(void **state)
{
	(void)state;
	assert_int_equal(check_all(taken, sizeof(taken) / sizeof(taken[0])), 0);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(check_all(refused, sizeof(refused) / sizeof(refused[0])), 0);
}

/* ---- limits ---- */

static void repeat(struct qf_buf *b, const char *s, size_t n)
{
	while (n-- > 0)
		qf_buf_add_str(b, s);
}

/* prefix, n times the middle, suffix: what becomes of it at once and byte by byte */
static void expect_limit(size_t max_head, const char *prefix, const char *middle, size_t n, const char *suffix,
	const char *want)
{
	struct qf_buf in = { 0 };

	qf_buf_add_str(&in, prefix);
	repeat(&in, middle, n);
	qf_buf_add_str(&in, suffix);
	for (size_t piece = 0; piece < 2; piece++) {
		struct http_trace t;

		trace_open(&t, max_head, MAX_BODY);
		trace_pieces(&t, qf_buf_slice(&in), piece);
		qf_buf_cstr(&t.text);
		if (t.text.n > strlen(want))
			t.text.p[strlen(want)] = 0;
		assert_string_equal((char *)t.text.p, want);
		trace_close(&t);
	}
	qf_buf_fini(&in);
}

static void test_limits(void **state)
{
	(void)state;
	/* a head of 300 bytes is taken, and one of 301 is not */
	expect_limit(300, "GET / HTTP/1.1\r\n" H "A: ", "x", 300 - 32, "\r\n\r\n", "GET path=/");
	expect_limit(300, "GET / HTTP/1.1\r\n" H "A: ", "x", 300 - 31, "\r\n\r\n", "refused 431 the head is larger");
	expect_limit(300, "GET /", "x", 400, " HTTP/1.1\r\n", "refused 414 the request line is larger");
	expect_limit(1 << 20, "GET / HTTP/1.1\r\n" H, "A: b\r\n", 1999, "\r\n", "GET path=/");
	expect_limit(1 << 20, "GET / HTTP/1.1\r\n" H, "A: b\r\n", 2000, "\r\n", "refused 431 too many headers");
	expect_limit(300, CHUNKED "0\r\n", "A: b\r\n", 100, "\r\n", "refused 431 the trailers are larger");
	expect_limit(300, CHUNKED, "0", 100000, "1\r\nx\r\n0\r\n\r\n", "refused 413 the framing of the body is larger");
	expect_limit(300, CHUNKED "1;a=", "b", 100000, "\r\n", "refused 413 the framing of the body is larger");
	expect_limit(300, CHUNKED, "1\r\nx\r\n", 20, "0\r\n\r\n", "POST path=/");
}

/* ---- helpers of owners ---- */

static void test_query(void **state)
{
	struct qf_slice name, value, query = qf_slice_str("a=1&&b&c=&=d&e=f=g&");
	struct qf_buf got = { 0 };
	size_t pos = 0;

	(void)state;
	while (qf_http_query_next(query, &pos, &name, &value))
		qf_buf_printf(&got, "%.*s:%.*s ", (int)name.n, (const char *)name.p, (int)value.n,
			(const char *)value.p);
	assert_string_equal(qf_buf_cstr(&got), "a:1 b: c: :d e:f=g ");
	pos = 0;
	assert_false(qf_http_query_next(QF_SLICE_NONE, &pos, &name, &value));
	qf_buf_fini(&got);
}

static void test_percent(void **state)
{
	static const struct {
		const char *in;
		bool plus;
		const char *want; /* NULL: malformed */
	} cases[] = {
		{ "", false, "" },
		{ "abc", false, "abc" },
		{ "a%20b", false, "a b" },
		{ "a+b", true, "a b" },
		{ "a+b", false, "a+b" },
		{ "%C3%a4", true, "\xc3\xa4" },
		{ "%2541", false, "%41" },
		{ "%", false, NULL },
		{ "a%2", false, NULL },
		{ "%2g", false, NULL },
		{ "%g2", false, NULL },
		{ "%%41", false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_buf out = { 0 };
		bool ok = qf_http_percent(qf_slice_str(cases[i].in), cases[i].plus, &out);

		if (ok != (cases[i].want != NULL) || (ok && strcmp(qf_buf_cstr(&out), cases[i].want) != 0))
			fail_msg("%s", cases[i].in);
		qf_buf_fini(&out);
	}
}

static void test_accepts_gzip(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} cases[] = {
		{ "", false },
		{ "gzip", true },
		{ "GZIP", true },
		{ "x-gzip", true },
		{ "deflate, gzip;q=1.0, *;q=0.5", true },
		{ "deflate", false },
		{ "gzip;q=0", false },
		{ "gzip ; q=0.000", false },
		{ "gzip;q=0.001", true },
		{ "*", true },
		{ "*;q=0", false },
		{ "gzip;q=0, *", false },
		{ "gzip, *;q=0", true },
		{ "identity;q=1, gzipped", false },
		{ " ,, ;,", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (http_gzip_accepted(qf_slice_str(cases[i].in)) != cases[i].want)
			fail_msg("%s", cases[i].in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),	cmocka_unit_test(test_refused), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_query),	cmocka_unit_test(test_percent), cmocka_unit_test(test_accepts_gzip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
