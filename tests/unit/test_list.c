/* The intrusive list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "qf/list.h"

struct item {
	int n;
	struct qf_list link;
};

static int sum_and_order(struct qf_list *head)
{
	struct qf_list *it, *tmp;
	int v = 0;

	qf_list_each(it, tmp, head)
		v = v * 10 + qf_container_of(it, struct item, link)->n;
	return v;
}

static void append_and_remove(void **state)
{
	struct qf_list head;
	struct item items[3] = { { .n = 1 }, { .n = 2 }, { .n = 3 } };

	(void)state;
	qf_list_init(&head);
	assert_true(qf_list_empty(&head));
	for (int i = 0; i < 3; i++)
		qf_list_append(&head, &items[i].link);
	assert_int_equal(sum_and_order(&head), 123);
	qf_list_remove(&items[1].link);
	qf_list_remove(&items[1].link);
	assert_true(qf_list_empty(&items[1].link));
	assert_int_equal(sum_and_order(&head), 13);
	qf_list_append(&head, &items[1].link);
	assert_int_equal(sum_and_order(&head), 132);
}

static void the_body_may_free_the_entry(void **state)
{
	struct qf_list head, *it, *tmp;

	(void)state;
	qf_list_init(&head);
	for (int i = 0; i < 5; i++) {
		struct item *item = calloc(1, sizeof(*item));

		item->n = i;
		qf_list_append(&head, &item->link);
	}
	qf_list_each(it, tmp, &head) {
		qf_list_remove(it);
		free(qf_container_of(it, struct item, link));
	}
	assert_true(qf_list_empty(&head));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(append_and_remove),
		cmocka_unit_test(the_body_may_free_the_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
