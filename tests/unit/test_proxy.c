/* PROXY headers, version 2: whole, byte by byte, and those that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "qf/proto/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\313\0\161\011" "\012\0\0\1" "\x15\xb3" "\x15\x38"
#define V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\5" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" "\x15\xb3" "\x15\x38"
#define BYTES(s) { (const uint8_t *)(s), sizeof(s) - 1 }

static void headers(void **state)
{
	static const struct {
		const char *name;
		struct qf_slice bytes;
		size_t used;
		bool known, v4;
		uint8_t last; /* of the address */
	} cases[] = {
		{ "IPv4", BYTES(SIGNATURE "\x21\x11\0\x0c" V4), 28, true, true, 9 },
		{ "IPv6", BYTES(SIGNATURE "\x21\x21\0\x24" V6), 52, true, false, 5 },
		{ "TLVs", BYTES(SIGNATURE "\x21\x11\0\x10" V4 "\x04\0\1x"), 32, true, true, 9 },
		{ "TLVs that are broken", BYTES(SIGNATURE "\x21\x11\0\x0e" V4 "\xff\xff"), 30, true, true, 9 },
		{ "what follows is not its", BYTES(SIGNATURE "\x21\x11\0\x0c" V4 "GET /"), 28, true, true, 9 },
		{ "LOCAL", BYTES(SIGNATURE "\x20\0\0\0"), 16, false, false, 0 },
		{ "LOCAL with addresses", BYTES(SIGNATURE "\x20\x11\0\x0c" V4), 28, false, false, 0 },
		{ "a Unix socket", BYTES(SIGNATURE "\x21\x31\0\x02" "ab"), 18, false, false, 0 },
		{ "datagrams", BYTES(SIGNATURE "\x21\x12\0\x0c" V4), 28, false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_proxy_client c = { 0 };
		size_t need = 0;

		for (size_t n = 0; n < cases[i].used; n++) {
			if (qf_proxy_read(qf_slice(cases[i].bytes.p, n), &need, &c, NULL) != 0 || need <= n || c.known)
				fail_msg("%s: after %zu bytes", cases[i].name, n);
		}
		if (qf_proxy_read(cases[i].bytes, &need, &c, NULL) != 0 || need != cases[i].used ||
		    c.known != cases[i].known || c.v4 != cases[i].v4)
			fail_msg("%s", cases[i].name);
		if (c.known && (c.address[c.v4 ? 3 : 15] != cases[i].last || c.port != 5555))
			fail_msg("%s: port %u", cases[i].name, c.port);
	}
}

static void what_is_none(void **state)
{
	static const struct {
		const char *name;
		struct qf_slice bytes;
		const char *says;
	} cases[] = {
		{ "version 1", BYTES("P"), "does not begin" },
		{ "an SSLRequest", BYTES("\0\0\0\x08"), "does not begin" },
		{ "HTTP", BYTES("GET / HTTP/1.1\r\n"), "does not begin" },
		{ "almost", BYTES("\r\n\r\n\0\r\nQUIT\r"), "does not begin" },
		{ "version 3", BYTES(SIGNATURE "\x31\x11\0\x0c" V4), "not known" },
		{ "another command", BYTES(SIGNATURE "\x22\x11\0\x0c" V4), "not known" },
		{ "too long", BYTES(SIGNATURE "\x21\x11\xff\xff"), "too long" },
		{ "too short", BYTES(SIGNATURE "\x21\x11\0\x0b" V4), "too short" },
		{ "too short for IPv6", BYTES(SIGNATURE "\x21\x21\0\x0c" V4), "too short" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_proxy_client c = { 0 };
		struct qf_err err = { 0 };
		size_t need;

		if (qf_proxy_read(cases[i].bytes, &need, &c, &err) != QF_EMALFORMED || c.known ||
		    !strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].name, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
