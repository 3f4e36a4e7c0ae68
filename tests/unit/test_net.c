/* Networks and addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "qf/net.h"

static const struct {
	const char *net, *address;
	bool has;
} cases[] = {
	{ "10.0.0.0/8", "10.255.0.1", true },
	{ "10.0.0.0/8", "11.0.0.1", false },
	{ "10.1.2.3", "10.1.2.3", true },
	{ "10.1.2.3", "10.1.2.4", false },
	{ "192.168.4.0/22", "192.168.7.255", true },
	{ "192.168.4.0/22", "192.168.8.0", false },
	{ "0.0.0.0/0", "203.0.113.9", true },
	{ "0.0.0.0/0", "::1", false },
	{ "::/0", "203.0.113.9", false },
	{ "::/0", "2001:db8::1", true },
	{ "10.0.0.0/8", "::ffff:10.2.3.4", true },
	{ "::ffff:10.0.0.0/104", "10.2.3.4", true },
	{ "::ffff:10.0.0.0/104", "11.2.3.4", false },
	{ "::ffff:0:0/90", "10.2.3.4", false },
	{ "fd00::/8", "fdff::1", true },
	{ "fd00::/8", "fe80::1", false },
	{ "fe80::/10", "fe80::1%eth0", true },
	{ "2001:db8::/33", "[2001:db8:7fff::1]", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "10.0.0.0/31", "10.0.0.1", true },
	{ "10.0.0.0/32", "10.0.0.1", false },
};

static void networks_hold_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_net net, address;

		if (!qf_net_parse(&net, cases[i].net) || !qf_net_address(&address, cases[i].address) ||
		    qf_net_has(&net, &address) != cases[i].has)
			fail_msg("%s in %s", cases[i].address, cases[i].net);
	}
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8",
		"::/129", "localhost", "10.0.0.0/ 8", "1111:2222:3333:4444:5555:6666:7777:8888:9999", "::1%eth0/8" };
	struct qf_net net;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (qf_net_parse(&net, bad[i]))
			fail_msg("%s", bad[i]);
	assert_false(qf_net_address(&net, "local"));
	assert_false(qf_net_address(&net, ""));
	assert_false(qf_net_address(&net, "10.0.0.0/8"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_hold_addresses),
		cmocka_unit_test(what_is_no_network_is_refused),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
