/* The routing chain of qf-route: every router type, matched or not and why, pins, denials, what gives up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cmd/qf-route/chain.c"
#include "../../cmd/qf-route/routers.c"
#include "../../cmd/qf-route/script_frame.c"

#define GROUPS \
	"clusters: { c: { engine: duckDb } }\n" \
	"clusterGroups:\n" \
	"  a: { members: [c], maxRunningQueries: 1 }\n" \
	"  b: { members: [c], maxRunningQueries: 1 }\n" \
	"  off: { members: [c], maxRunningQueries: 1, enabled: false }\n"

#define PROTOCOL "routers: [{ type: protocolBased, trinoHttp: a, mysqlWire: b }]\nroutingFallback: b\n"
#define HEADER \
	"routers: [{ type: header, headerName: X-Target, headerValueToGroup: { one: a, two: off } }]\n" \
	"routingFallback: b\n"
#define USER "routers: [{ type: userGroup, userToGroup: { ann: a } }]\nroutingFallback: b\n"
#define REGEX \
	"routers:\n- type: queryRegex\n  rules:\n" \
	"  - { regex: '(?i)^\\s*drop\\b', action: deny, error: no drops }\n" \
	"  - { regex: off_table, targetGroup: off }\n" \
	"  - { regex: big_table, targetGroup: a }\n" \
	"  - { regex: '(?i)insert', action: deny }\n" \
	"routingFallback: b\n"
#define TAGS \
	"routers:\n- type: tags\n  rules:\n" \
	"  - { tags: { team: eng, batch: null }, targetGroup: a }\n" \
	"  - { tags: { team: ops }, targetGroup: off }\n" \
	"routingFallback: b\n"
#define COMPOUND(combine) \
	"routers:\n- type: compound\n  combine: " combine "\n  conditions:\n" \
	"  - { type: protocol, protocol: postgresWire }\n" \
	"  - { type: header, headerName: X-Env, headerValue: prod }\n" \
	"  - { type: user, username: ann }\n" \
	"  - { type: clientTag, tag: \"team:eng\" }\n" \
	"  - { type: queryRegex, regex: fact_ }\n" \
	"  targetGroup: a\nroutingFallback: b\n"
#define PYTHON(more) "routers: [{ type: pythonScript, script: x" more " }]\nroutingFallback: b\n"
#define SCRIPTS \
	"routers:\n- { type: pythonScript, script: x }\n- { type: userGroup, userToGroup: { ann: off } }\n" \
	"- { type: pythonScript, script: y, deadlineMs: 70, onError: fail }\nroutingFallback: b\n"
#define SLOW \
	"routers:\n- type: queryRegex\n  rules: [{ regex: '^(x+)+$', targetGroup: a }]\n" \
	"- type: queryRegex\n  rules: [{ regex: '^(a+)+$', action: deny }]\n" \
	"- { type: compound, combine: any, conditions: [{ type: queryRegex, regex: '^(x+)+$' }], targetGroup: a }\n" \
	"routingFallback: b\n"
#define ORDER \
	"routers:\n- { type: header, headerName: H, headerValueToGroup: { v: a } }\n" \
	"- { type: queryRegex, rules: [{ regex: secret, action: deny }] }\n" \
	"- { type: pythonScript, script: x }\nroutingFallback: b\n"

/* 40 of a letter and a '!': the patterns of SLOW give up on it. */
#define XS "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!"
#define AS "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"

static const struct {
	const char *name, *conf, *sql;
	enum qf_frontend frontend;
	const char *user;
	struct qf_conf_kv headers[3], tags[3];
	const char *pinned;
	const char *group; /* NULL: refused */
	const char *router;
	size_t index, rule;
	const char *text; /* the message of a refusal, else the reason of the last router asked */
	struct {
		enum qf_script_outcome outcome;
		const char *text, *printed;
		uint32_t line;
	} scripts[2]; /* what they answer, in the order of asking */
	bool broken;
} cases[] = {
	{ .name = "protocol", .conf = PROTOCOL, .frontend = QF_FE_TRINO, .group = "a", .router = "protocolBased",
	  .index = 1, .text = "the protocol is trinoHttp → group a" },
	{ .name = "protocol without a group", .conf = PROTOCOL, .frontend = QF_FE_POSTGRES, .group = "b",
	  .router = "routingFallback", .text = "no group for postgresWire (there is one for trinoHttp, mysqlWire)" },
	{ .name = "header", .conf = HEADER, .headers = { { "other", "one" }, { "x-tArGet", "one" } }, .group = "a",
	  .router = "header", .index = 1, .text = "header X-Target is \"one\" → group a" },
	{ .name = "header with another value", .conf = HEADER, .headers = { { "X-Target", "One" } }, .group = "b",
	  .router = "routingFallback", .text = "header X-Target is \"One\", which is none of \"one\", \"two\"" },
	{ .name = "header twice", .conf = HEADER, .headers = { { "X-Target", "x" }, { "X-Target", "one" } },
	  .group = "a", .router = "header", .index = 1,
	  .text = "header X-Target is \"x\", which is none of \"one\", \"two\"; header X-Target is \"one\" → group a" },
	{ .name = "header not sent", .conf = HEADER, .headers = { { "X-Target-2", "one" } }, .group = "b",
	  .router = "routingFallback", .text = "header X-Target is not sent" },
	{ .name = "header to a disabled group", .conf = HEADER, .headers = { { "X-Target", "two" } }, .group = "b",
	  .router = "routingFallback", .text = "header X-Target is \"two\", but group off is disabled" },
	{ .name = "user", .conf = USER, .user = "ann", .group = "a", .router = "userGroup", .index = 1,
	  .text = "user \"ann\" → group a" },
	{ .name = "another user", .conf = USER, .user = "Ann", .group = "b", .router = "routingFallback",
	  .text = "user \"Ann\" is none of \"ann\"" },
	{ .name = "no user", .conf = USER, .group = "b", .router = "routingFallback", .text = "no user is given" },

	{ .name = "regex denies", .conf = REGEX, .sql = "\n  DROP table big_table", .router = "queryRegex", .index = 1,
	  .rule = 1, .text = "no drops" },
	{ .name = "regex denies with the built-in text", .conf = REGEX, .sql = "INSERT", .router = "queryRegex",
	  .index = 1, .rule = 4, .text = "this statement is not allowed here" },
	{ .name = "regex routes", .conf = REGEX, .sql = "select *\nfrom big_table", .group = "a",
	  .router = "queryRegex", .index = 1, .rule = 3,
	  .text = "rule 3: pattern \"big_table\" matches \"big_table\" at 2:6 → group a" },
	{ .name = "regex order", .conf = REGEX, .sql = "insert into big_table", .group = "a", .router = "queryRegex",
	  .index = 1, .rule = 3, .text = "rule 3: pattern \"big_table\" matches \"big_table\" at 1:13 → group a" },
	{ .name = "regex to a disabled group goes on", .conf = REGEX, .sql = "off_table big_table", .group = "a",
	  .router = "queryRegex", .index = 1, .rule = 3,
	  .text = "rule 2: pattern \"off_table\" matches \"off_table\" at 1:1, but group off is disabled; rule 3: "
		  "pattern \"big_table\" matches \"big_table\" at 1:11 → group a" },
	{ .name = "no regex", .conf = REGEX, .sql = "select 1", .group = "b", .router = "routingFallback",
	  .text = "no pattern matches (4 rules)" },
	{ .name = "regex without a text", .conf = REGEX, .sql = "", .group = "b", .router = "routingFallback",
	  .text = "no pattern matches (4 rules)" },
	{ .name = "not UTF-8", .conf = REGEX, .sql = "select '\xff'", .router = "queryRegex", .index = 1, .rule = 1,
	  .text = "this statement could not be checked against a rule that denies (router 1, rule 1): the statement "
		  "is not valid UTF-8; send a shorter statement, or ask the operator to simplify the pattern" },
	{ .name = "a denial that gives up refuses", .conf = SLOW, .sql = AS, .router = "queryRegex", .index = 2,
	  .rule = 1,
	  .text = "this statement could not be checked against a rule that denies (router 2, rule 1): it took too "
		  "many steps; send a shorter statement, or ask the operator to simplify the pattern" },
	{ .name = "a route that gives up does not match", .conf = SLOW, .sql = XS, .group = "b",
	  .router = "routingFallback",
	  .text = "any of: pattern \"^(x+)+$\" could not be matched: it took too many steps (no)" },

	{ .name = "tags", .conf = TAGS, .tags = { { "batch", NULL }, { "team", "eng" } }, .group = "a",
	  .router = "tags", .index = 1, .rule = 1, .text = "rule 1: tag \"batch\" and \"team\" = \"eng\" → group a" },
	{ .name = "tags with any value", .conf = TAGS, .tags = { { "batch", "x" }, { "team", "eng" } }, .group = "a",
	  .router = "tags", .index = 1, .rule = 1, .text = "rule 1: tag \"batch\" and \"team\" = \"eng\" → group a" },
	{ .name = "a tag is missing", .conf = TAGS, .tags = { { "team", "eng" } }, .group = "b",
	  .router = "routingFallback", .text = "rule 1: no tag \"batch\"; rule 2: no tag \"team\" = \"ops\"" },
	{ .name = "a tag has no value", .conf = TAGS, .tags = { { "batch", NULL }, { "team", NULL } }, .group = "b",
	  .router = "routingFallback", .text = "rule 1: no tag \"team\" = \"eng\"; rule 2: no tag \"team\" = \"ops\"" },
	{ .name = "tags to a disabled group", .conf = TAGS, .tags = { { "team", "ops" } }, .group = "b",
	  .router = "routingFallback",
	  .text = "rule 1: no tag \"batch\"; rule 2: tag \"team\" = \"ops\", but group off is disabled" },

	{ .name = "all of several", .conf = COMPOUND("all"), .frontend = QF_FE_POSTGRES, .user = "ann",
	  .sql = "from fact_x", .headers = { { "x-env", "prod" } }, .tags = { { "team", "eng" } }, .group = "a",
	  .router = "compound", .index = 1,
	  .text = "all of: protocol postgresWire (yes), header \"X-Env\" = \"prod\" (yes), user \"ann\" (yes), tag "
		  "\"team\" = \"eng\" (yes), pattern \"fact_\" matches \"fact_\" at 1:6 (yes) → group a" },
	{ .name = "one of all is missing", .conf = COMPOUND("all"), .frontend = QF_FE_POSTGRES, .user = "ann",
	  .sql = "from x", .headers = { { "x-env", "prod" } }, .tags = { { "team", "eng" } }, .group = "b",
	  .router = "routingFallback",
	  .text = "all of: protocol postgresWire (yes), header \"X-Env\" = \"prod\" (yes), user \"ann\" (yes), tag "
		  "\"team\" = \"eng\" (yes), pattern \"fact_\" (no)" },
	{ .name = "any of several", .conf = COMPOUND("any"), .tags = { { "team", "eng" } }, .group = "a",
	  .router = "compound", .index = 1,
	  .text = "any of: protocol postgresWire (no), header \"X-Env\" = \"prod\" (no), user \"ann\" (no), tag "
		  "\"team\" = \"eng\" (yes), pattern \"fact_\" (no) → group a" },
	{ .name = "none of any", .conf = COMPOUND("any"), .headers = { { "x-env", "dev" } },
	  .tags = { { "team", NULL } }, .group = "b", .router = "routingFallback",
	  .text = "any of: protocol postgresWire (no), header \"X-Env\" = \"prod\" (no), user \"ann\" (no), tag "
		  "\"team\" = \"eng\" (no), pattern \"fact_\" (no)" },

	{ .name = "a script that has no opinion", .conf = PYTHON(""), .group = "b", .router = "routingFallback",
	  .scripts = { { .outcome = QF_SCRIPT_NONE } }, .text = "route() returned None" },
	{ .name = "a script that names a group", .conf = PYTHON(""), .group = "a", .router = "pythonScript", .index = 1,
	  .scripts = { { QF_SCRIPT_GROUP, "a", "hm\n", 0 } },
	  .text = "route() returned \"a\" → group a; printed \"hm\\n\"" },
	{ .name = "a script that names a disabled group", .conf = PYTHON(""), .group = "b", .router = "routingFallback",
	  .scripts = { { QF_SCRIPT_GROUP, "off", NULL, 0 } },
	  .text = "route() returned \"off\", but group off is disabled" },
	{ .name = "a script that names no group", .conf = PYTHON(""), .group = "b", .router = "routingFallback",
	  .scripts = { { QF_SCRIPT_GROUP, "of", NULL, 0 } },
	  .text = "route() returned \"of\", which is not in clusterGroups; did you mean \"off\"?; onError: next" },
	{ .name = "a script that refuses", .conf = PYTHON(""), .router = "pythonScript", .index = 1,
	  .scripts = { { QF_SCRIPT_DENY, "not now", NULL, 0 } }, .text = "not now" },
	{ .name = "a script that fails", .conf = PYTHON(""), .group = "b", .router = "routingFallback",
	  .scripts = { { QF_SCRIPT_ERROR, "KeyError:\n'x'", NULL, 7 } },
	  .text = "line 7: KeyError: 'x'; onError: next" },
	{ .name = "a script that hangs", .conf = PYTHON(""), .group = "b", .router = "routingFallback",
	  .scripts = { { .outcome = QF_SCRIPT_DEADLINE } }, .text = "no answer within 50 ms; onError: next" },
	{ .name = "a script whose worker is lost", .conf = PYTHON(""), .group = "b", .router = "routingFallback",
	  .scripts = { { QF_SCRIPT_CRASHED, "the worker ended with status 3", NULL, 0 } },
	  .text = "its worker was lost: the worker ended with status 3; onError: next" },
	{ .name = "a script that rests", .conf = PYTHON(""), .group = "b", .router = "routingFallback",
	  .scripts = { { .outcome = QF_SCRIPT_BREAKER } },
	  .text = "not asked: it failed three times within 10 s and rests for 5 s; onError: next" },
	{ .name = "a script that must answer", .conf = PYTHON(", onError: fail"), .router = "pythonScript", .index = 1,
	  .scripts = { { .outcome = QF_SCRIPT_DEADLINE } }, .broken = true,
	  .text = "the routing script of router 1 gave no answer (deadline), and without one this statement is refused" },
	{ .name = "a script that must name a group", .conf = PYTHON(", onError: fail"), .router = "pythonScript",
	  .index = 1, .scripts = { { QF_SCRIPT_GROUP, "zzz", NULL, 0 } }, .broken = true,
	  .text = "the routing script of router 1 gave no answer (error), and without one this statement is refused" },
	{ .name = "a script that must answer and refuses", .conf = PYTHON(", onError: fail"), .router = "pythonScript",
	  .index = 1, .scripts = { { QF_SCRIPT_DENY, "no", NULL, 0 } }, .text = "no" },
	{ .name = "two scripts", .conf = SCRIPTS, .user = "ann", .group = "a", .router = "pythonScript", .index = 3,
	  .scripts = { { .outcome = QF_SCRIPT_DEADLINE }, { QF_SCRIPT_GROUP, "a", NULL, 0 } },
	  .text = "route() returned \"a\" → group a" },
	{ .name = "the second of two scripts", .conf = SCRIPTS, .router = "pythonScript", .index = 3,
	  .scripts = { { .outcome = QF_SCRIPT_NONE }, { .outcome = QF_SCRIPT_DEADLINE } }, .broken = true,
	  .text = "the routing script of router 3 gave no answer (deadline), and without one this statement is refused" },
	{ .name = "pin: a script for another group", .conf = PYTHON(""), .pinned = "b", .group = "b",
	  .router = "transaction", .scripts = { { QF_SCRIPT_GROUP, "a", NULL, 0 } },
	  .text = "route() returned \"a\", but the transaction stays in group b" },
	{ .name = "pin: a script that refuses", .conf = PYTHON(""), .pinned = "b", .router = "pythonScript", .index = 1,
	  .scripts = { { QF_SCRIPT_DENY, "no", NULL, 0 } }, .text = "no" },
	{ .name = "no rule and no fallback", .conf = "routers: [{ type: pythonScript, script: x }]\n",
	  .scripts = { { .outcome = QF_SCRIPT_NONE } },
	  .router = "routingFallback",
	  .text = "no routing rule matches this statement, and the configuration has no routingFallback" },
	{ .name = "the fallback is disabled", .conf = "routingFallback: off\n", .router = "routingFallback",
	  .text = "no routing rule matches this statement, and the group of routingFallback is disabled" },

	{ .name = "behind the first match nothing is asked", .conf = ORDER, .sql = "secret",
	  .headers = { { "H", "v" } }, .group = "a", .router = "header", .index = 1,
	  .text = "not asked: router 1 (header) decided" },
	{ .name = "without it the denial is", .conf = ORDER, .sql = "secret", .router = "queryRegex", .index = 2,
	  .rule = 1, .text = "this statement is not allowed here" },
	{ .name = "pin: no match stays", .conf = ORDER, .sql = "select 1", .pinned = "a", .group = "a",
	  .router = "transaction", .scripts = { { .outcome = QF_SCRIPT_NONE } }, .text = "route() returned None" },
	{ .name = "pin: a denial denies", .conf = ORDER, .sql = "secret", .pinned = "a", .router = "queryRegex",
	  .index = 2, .rule = 1, .text = "this statement is not allowed here" },
	{ .name = "pin: a rule for its own group ends the chain", .conf = ORDER, .sql = "secret",
	  .headers = { { "H", "v" } }, .pinned = "a", .group = "a", .router = "header", .index = 1,
	  .text = "not asked: router 1 (header) decided" },
	{ .name = "pin: a rule for another group shields nothing", .conf = ORDER, .sql = "secret",
	  .headers = { { "H", "v" } }, .pinned = "b", .router = "queryRegex", .index = 2, .rule = 1,
	  .text = "this statement is not allowed here" },
	{ .name = "pin: a rule for another group is not taken", .conf = HEADER, .headers = { { "X-Target", "one" } },
	  .pinned = "b", .group = "b", .router = "transaction",
	  .text = "header X-Target is \"one\", but the transaction stays in group b" },
	{ .name = "pin: its group was disabled since", .conf = HEADER, .headers = { { "X-Target", "two" } },
	  .pinned = "off", .group = "off", .router = "header", .index = 1,
	  .text = "header X-Target is \"two\" → group off" },
	{ .name = "pin: without a fallback", .conf = "routers: []\n", .pinned = "b", .group = "b",
	  .router = "transaction" },
};

static size_t count(const struct qf_conf_kv *kv)
{
	size_t n = 0;

	while (n < 3 && kv[n].key != NULL)
		n++;
	return n;
}

static bool same(const struct qf_route_verdict *v, size_t i, bool reasons)
{
	const char *text = v->message;

	if (v->group != NULL && reasons && v->n_steps > 0)
		text = v->steps[v->n_steps - 1].reason;
	if (v->group != NULL && reasons && v->index > 0 && cases[i].text != NULL &&
		strncmp(cases[i].text, "not asked", 9) != 0)
		text = v->steps[v->index - 1].reason;
	if (strcmp(v->group != NULL ? v->group->name : "-", cases[i].group != NULL ? cases[i].group : "-") != 0 ||
		v->denied != (cases[i].group == NULL) || strcmp(v->router, cases[i].router) != 0 ||
		v->index != cases[i].index || v->rule != cases[i].rule || v->broken != cases[i].broken ||
		v->fallback != (strcmp(v->router, "routingFallback") == 0))
		return false;
	if (!reasons && v->group != NULL)
		return text == NULL && v->n_steps == 0;
	return cases[i].text == NULL || (text != NULL && strcmp(text, cases[i].text) == 0);
}

/* The walk with the answers of a case; a script that is asked beyond them has no opinion. */
static void walk_case(struct qf_chain *chain, const struct qf_route_input *in, size_t i, struct qf_route_verdict *v,
	struct qf_arena *arena)
{
	struct qf_route_walk w;
	const struct qf_conf_router *script = qf_chain_begin(&w, chain, in, v, arena);

	for (size_t n = 0; script != NULL; n++) {
		struct qf_script_answer a = { .outcome = QF_SCRIPT_NONE };

		assert_true(n < 2 && script->type == QF_ROUTER_PYTHON);
		a.outcome = cases[i].scripts[n].outcome;
		a.text = qf_slice_str(cases[i].scripts[n].text);
		a.printed = qf_slice_str(cases[i].scripts[n].printed);
		a.line = cases[i].scripts[n].line;
		script = qf_chain_go_on(&w, &a);
	}
}

static void route(struct qf_chain *chain, const struct qf_route_input *in, struct qf_route_verdict *v,
	struct qf_arena *arena)
{
	struct qf_route_walk w;

	assert_null(qf_chain_begin(&w, chain, in, v, arena));
}

static bool judge(size_t i, const struct qf_conf *conf, bool reasons, struct qf_arena *arena)
{
	struct qf_chain *chain = qf_chain_new(conf, NULL);
	struct qf_route_input in = {
		.frontend = cases[i].frontend, .user = cases[i].user, .sql = qf_slice_str(cases[i].sql),
		.headers = cases[i].headers, .n_headers = count(cases[i].headers), .tags = cases[i].tags,
		.n_tags = count(cases[i].tags), .want_reasons = reasons,
	};
	struct qf_route_verdict v;
	bool ok;

	assert_non_null(chain);
	if (cases[i].pinned != NULL)
		in.pinned = qf_conf_group(conf, cases[i].pinned);
	walk_case(chain, &in, i, &v, arena);
	ok = same(&v, i, reasons);
	if (!ok) {
		print_error("%s (%s reasons): group %s, router %s %zu, rule %zu, message %s\n", cases[i].name,
			reasons ? "with" : "without", v.group != NULL ? v.group->name : "-", v.router, v.index, v.rule,
			v.message != NULL ? v.message : "-");
		for (size_t s = 0; s < v.n_steps; s++)
			print_error("   %s %s: %s\n", v.steps[s].router, v.steps[s].matched ? "yes" : "no",
				v.steps[s].reason);
	}
	qf_chain_free(chain);
	return ok;
}

static struct qf_conf *load(const char *routers)
{
	struct qf_conf *c = NULL;
	struct qf_err err;
	char *text = qf_xasprintf("%s%s", GROUPS, routers);

	if (qf_conf_parse(&c, qf_slice_str(text), "q.yaml", &err) != 0)
		fail_msg("%s", err.text);
	free(text);
	return c;
}

static void every_case_is_judged_alike_with_and_without_reasons(void **state)
{
	struct qf_arena *arena = qf_arena_new(0);
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_conf *c = load(cases[i].conf);

		failed += !judge(i, c, true, arena);
		failed += !judge(i, c, false, arena);
		qf_conf_free(c);
	}
	qf_arena_free(arena);
	assert_int_equal(failed, 0);
}

static void steps_name_every_router(void **state)
{
	struct qf_conf *c = load(ORDER);
	struct qf_chain *chain = qf_chain_new(c, NULL);
	struct qf_arena *arena = qf_arena_new(0);
	struct qf_route_input in = { .sql = qf_slice_str("secret"), .want_reasons = true };
	struct qf_route_verdict v;

	(void)state;
	route(chain, &in, &v, arena);
	assert_int_equal(v.n_steps, 3);
	assert_string_equal(v.steps[0].router, "header");
	assert_false(v.steps[0].matched);
	assert_string_equal(v.steps[0].reason, "header H is not sent");
	assert_true(v.steps[1].matched);
	assert_int_equal(v.steps[1].index, 2);
	assert_string_equal(v.steps[1].reason,
		"rule 1: pattern \"secret\" matches \"secret\" at 1:1 → denied: this statement is not allowed here");
	assert_true(v.steps[1].ns > 0);
	assert_false(v.steps[2].matched);
	assert_string_equal(v.steps[2].reason,
		"not asked: router 2 (queryRegex) decided");
	qf_arena_free(arena);
	qf_chain_free(chain);
	qf_conf_free(c);
}

/* Many walks of one chain, each suspended at another place, do not touch each other. */
static void suspended_walks_go_on_in_any_order(void **state)
{
	static const struct qf_script_answer none = { .outcome = QF_SCRIPT_NONE };
	const struct qf_script_answer named = { .outcome = QF_SCRIPT_GROUP, .text = qf_slice_str("a") };
	const struct qf_script_answer hung = { .outcome = QF_SCRIPT_DEADLINE };
	struct qf_conf *c = load(SCRIPTS);
	struct qf_chain *chain = qf_chain_new(c, NULL);
	struct qf_arena *arena[3];
	struct qf_route_input in[3] = { { .user = "ann" }, { .want_reasons = true }, { .user = "bob" } };
	struct qf_route_walk w[3];
	struct qf_route_verdict v[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		arena[i] = qf_arena_new(0);
		assert_ptr_equal(qf_chain_begin(&w[i], chain, &in[i], &v[i], arena[i]), &c->routers[0]);
	}
	assert_ptr_equal(qf_chain_go_on(&w[1], &hung), &c->routers[2]);
	assert_null(qf_chain_go_on(&w[2], &named));
	assert_ptr_equal(qf_chain_go_on(&w[0], &none), &c->routers[2]);
	assert_null(qf_chain_go_on(&w[1], &none));
	assert_null(qf_chain_go_on(&w[0], &named));
	assert_string_equal(v[0].group->name, "a");
	assert_int_equal(v[0].index, 3);
	assert_true(v[1].fallback);
	assert_int_equal(v[1].n_scripts, 2);
	assert_int_equal(v[1].scripts[0].index, 1);
	assert_int_equal(v[1].scripts[0].outcome, QF_SCRIPT_DEADLINE);
	assert_string_equal(v[1].scripts[0].text, "no answer within 50 ms");
	assert_int_equal(v[1].scripts[1].index, 3);
	assert_ptr_equal(v[1].steps[2].script, &v[1].scripts[1]);
	assert_null(v[1].steps[1].script);
	assert_int_equal(v[2].index, 1);
	for (size_t i = 0; i < 3; i++)
		qf_arena_free(arena[i]);
	qf_chain_free(chain);
	qf_conf_free(c);
}

static void long_values_are_cut_and_escaped(void **state)
{
	struct qf_conf *c = load(HEADER);
	struct qf_chain *chain = qf_chain_new(c, NULL);
	struct qf_arena *arena = qf_arena_new(0);
	char value[1000] = "\n\"";
	const struct qf_conf_kv header = { "X-Target", value };
	struct qf_route_input in = { .headers = &header, .n_headers = 1, .want_reasons = true };
	struct qf_route_verdict v;

	(void)state;
	memset(value + 2, 'v', sizeof(value) - 3);
	route(chain, &in, &v, arena);
	assert_true(strlen(v.steps[0].reason) < 250);
	assert_null(strchr(v.steps[0].reason, '\n'));
	qf_arena_free(arena);
	qf_chain_free(chain);
	qf_conf_free(c);
}

#define RESTRICTED(fallback) \
	"auth:\n  provider: static\n  staticUsers:\n    users:\n" \
	"      ann: { passwordFile: x, groups: [staff, analysts] }\n      bob: { passwordFile: x }\n" \
	"clusters: { c: { engine: duckDb } }\n" \
	"clusterGroups:\n" \
	"  off: { members: [c], maxRunningQueries: 1, enabled: false }\n" \
	"  gold: { members: [c], maxRunningQueries: 1, authorization: { allowUsers: [cid], allowGroups: [analysts] } }\n" \
	"  silver: { members: [c], maxRunningQueries: 1, authorization: { allowUsers: [bob] } }\n" \
	"  nobody: { members: [c], maxRunningQueries: 1, authorization: {} }\n" \
	"routers: [{ type: header, headerName: H, headerValueToGroup: { gold: gold, nobody: nobody } }]\n" fallback

static const struct {
	const char *user, *header, *conf, *pinned, *group, *text;
} uses[] = {
	{ "ann", "gold", RESTRICTED(""), NULL, "gold", NULL },
	{ "cid", "gold", RESTRICTED(""), NULL, "gold", NULL },
	{ "bob", "gold", RESTRICTED(""), NULL, NULL, "user \"bob\" may not use the cluster group \"gold\"" },
	{ "analysts", "gold", RESTRICTED(""), NULL, NULL, "user \"analysts\" may not use the cluster group \"gold\"" },
	{ NULL, "gold", RESTRICTED(""), NULL, NULL, "user \"\" may not use the cluster group \"gold\"" },
	{ "ann", "nobody", RESTRICTED(""), NULL, NULL, "user \"ann\" may not use the cluster group \"nobody\"" },
	{ "ann", "", RESTRICTED("routingFallback: silver\n"), NULL, "gold", NULL },
	{ "bob", "", RESTRICTED("routingFallback: silver\n"), NULL, "silver", NULL },
	{ "bob", "", RESTRICTED("routingFallback: gold\n"), NULL, "silver", NULL },
	{ "dan", "", RESTRICTED("routingFallback: gold\n"), NULL, NULL, "user \"dan\" may not use the cluster group \"gold\"" },
	{ "bob", "", RESTRICTED("routingFallback: off\n"), NULL, NULL,
	  "no routing rule matches this statement, and the group of routingFallback is disabled" },
	{ "bob", "", RESTRICTED("routingFallback: silver\n"), "gold", NULL,
	  "user \"bob\" may not use the cluster group \"gold\"" },
};

static void a_group_is_for_those_who_may_use_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		struct qf_conf *c = NULL;
		struct qf_err err = { 0 };
		struct qf_arena *arena = qf_arena_new(0);
		const struct qf_conf_kv header = { "H", uses[i].header };
		struct qf_route_input in = { .headers = &header, .n_headers = 1, .user = uses[i].user };
		struct qf_route_verdict v;

		assert_int_equal(qf_conf_parse(&c, qf_slice_str(uses[i].conf), "q.yaml", &err), 0);
		struct qf_chain *chain = qf_chain_new(c, NULL);

		in.pinned = uses[i].pinned != NULL ? qf_conf_group(c, uses[i].pinned) : NULL;
		route(chain, &in, &v, arena);
		assert_string_equal(v.group != NULL ? v.group->name : "-", uses[i].group != NULL ? uses[i].group : "-");
		assert_int_equal(v.denied, uses[i].group == NULL);
		if (uses[i].text != NULL)
			assert_string_equal(v.message, uses[i].text);
		qf_chain_free(chain);
		qf_arena_free(arena);
		qf_conf_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_for_those_who_may_use_it),
		cmocka_unit_test(every_case_is_judged_alike_with_and_without_reasons),
		cmocka_unit_test(steps_name_every_router),
		cmocka_unit_test(suspended_walks_go_on_in_any_order),
		cmocka_unit_test(long_values_are_cut_and_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
