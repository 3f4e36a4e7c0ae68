/* Names that may be tables: none that matters is missed, and what is found too much is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qf/sql.h"

#define N(v) (sizeof(v) / sizeof((v)[0]))

static void join(const struct qf_table_name *t, size_t n, struct qf_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < t[i].n; k++)
			qf_buf_printf(out, "%s%s", k ? "." : i ? " " : "", t[i].part[k]);
	}
}

static void names_are_found(void **state)
{
	static const struct {
		const char *names, *text;
		enum qf_dialect d;
	} cases[] = {
		{ "", "select 1", QF_DIALECT_POSTGRES },
		{ "t", "select a, b from t", QF_DIALECT_POSTGRES },
		{ "t", "SELECT T.a FROM T, t", QF_DIALECT_POSTGRES },
		{ "t u v", "select * from t a, u as b, v where a.x = b.y and f(a, b)", QF_DIALECT_POSTGRES },
		{ "t u w", "select * from t join u on t.a = u.a, w", QF_DIALECT_TRINO },
		{ "t u a b", "select * from t join u using (a, b)", QF_DIALECT_POSTGRES },
		{ "s.t c.s.t2", "select s.t.a from s.t left join c.s.t2 x on true", QF_DIALECT_TRINO },
		{ "Odd Name", "select * from \"Odd Name\"", QF_DIALECT_NONE },
		{ "t u", "select * from (t cross join u)", QF_DIALECT_POSTGRES },
		{ "u t", "select (select max(a) from u) from t", QF_DIALECT_POSTGRES },
		{ "t q", "with q as (select a, b from t) select * from q", QF_DIALECT_TRINO },
		{ "t u", "insert into t (a, b) select a, b from u", QF_DIALECT_POSTGRES },
		{ "t", "insert into t values (1, 2), (3, 4)", QF_DIALECT_POSTGRES },
		{ "t u", "update t set a = 1, b = 2 from u where t.x = u.x", QF_DIALECT_POSTGRES },
		{ "t u", "delete from only t using u where true", QF_DIALECT_POSTGRES },
		{ "t u", "merge into t using u on t.a = u.a when matched then update set b = 1", QF_DIALECT_POSTGRES },
		{ "new t", "create table if not exists new as select a / b from t", QF_DIALECT_POSTGRES },
		{ "t", "table t", QF_DIALECT_POSTGRES },
		{ "t u", "select a from t union all select b from u order by a, b", QF_DIALECT_POSTGRES },
		{ "ts t", "select extract(year from ts), b from t", QF_DIALECT_POSTGRES },
		{ "b c t", "select a is distinct from b, c from t", QF_DIALECT_POSTGRES }, /* b and c are columns */
		{ "generate_series t", "select * from generate_series(1, n) g, t", QF_DIALECT_POSTGRES },
		{ "unnest t", "select * from unnest(array[a, b]) as x(y), lateral (select a from t)", QF_DIALECT_TRINO },
		{ "t", "select * from `t`", QF_DIALECT_MYSQL },
		{ "t", "/* from x */ select * from -- y\n t where a = 'from z'", QF_DIALECT_POSTGRES },
		{ "", "select * from \"a.csv\", \"d/e\", \"\"", QF_DIALECT_POSTGRES },
		{ "", "select * from a.b.c.d", QF_DIALECT_POSTGRES },
		{ "t", "select * from t, 'a', 1, $1, (values (1), (2)) v", QF_DIALECT_POSTGRES },
	};
	struct qf_table_name names[8];
	struct qf_buf have;

	(void)state;
	qf_buf_init(&have);
	for (size_t i = 0; i < N(cases); i++) {
		struct qf_arena *a = qf_arena_new(0);
		enum qf_dialect d = cases[i].d == QF_DIALECT_NONE ? QF_DIALECT_POSTGRES : cases[i].d;
		char want[64];

		qf_buf_clear(&have);
		join(names, qf_sql_tables(qf_slice_str(cases[i].text), d, a, names, N(names)), &have);
		snprintf(want, sizeof(want), "%s", cases[i].names);
		for (char *c = want; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c + 32);
		if (strcmp(qf_buf_cstr(&have), want) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, qf_buf_cstr(&have), want);
		qf_arena_free(a);
	}
	qf_buf_fini(&have);
}

static void no_more_than_asked_for(void **state)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_table_name names[2];

	(void)state;
	assert_int_equal(qf_sql_tables(qf_slice_str("select * from a, b, c, d"), QF_DIALECT_POSTGRES, a, names, 2), 2);
	assert_int_equal(qf_sql_tables(qf_slice_str("select * from a"), QF_DIALECT_POSTGRES, a, names, 0), 0);
	qf_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names_are_found), cmocka_unit_test(no_more_than_asked_for) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
