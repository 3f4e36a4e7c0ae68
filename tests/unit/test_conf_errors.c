/* Bad configurations: each case of conf_errors.txt gives its exact message. Runs at the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/conf.h"

static unsigned check(const char *name, struct qf_slice yaml, const char *wanted)
{
	struct qf_conf *c = NULL;
	struct qf_err err = { .text = "it was accepted" };
	int rc = qf_conf_parse(&c, yaml, "q.yaml", &err);

	if (rc == QF_ECONFIG && c == NULL && strcmp(err.text, wanted) == 0)
		return 0;
	print_error("%s\n  is:     %s\n  wanted: %s\n", name, err.text, wanted);
	qf_conf_free(c);
	return 1;
}

static void bad_files_are_refused_with_place_and_remedy(void **state)
{
	FILE *f = fopen("tests/unit/conf_errors.txt", "r");
	char *line = NULL, name[100] = "";
	unsigned failed = 0, n = 0;
	struct qf_buf yaml;
	size_t size = 0;
	ssize_t len;

	(void)state;
	assert_non_null(f);
	qf_buf_init(&yaml);
	while ((len = getline(&line, &size, f)) > 0) {
		if (strncmp(line, "=== ", 4) == 0) {
			snprintf(name, sizeof(name), "%.*s", (int)len - 5, line + 4);
			qf_buf_clear(&yaml);
		} else if (strncmp(line, "--- ", 4) == 0) {
			line[len - 1] = '\0';
			failed += check(name, qf_buf_slice(&yaml), line + 4);
			n++;
		} else if (*name != '\0') {
			qf_buf_add(&yaml, line, (size_t)len);
		}
	}
	free(line);
	fclose(f);
	qf_buf_fini(&yaml);
	assert_int_equal(failed, 0);
	assert_true(n > 80);
}

static const struct {
	const char *name, *yaml, *error;
} raw[] = {
	{ "not UTF-8", "# \xc3\xa9\nqueryflux: \xff\n", "q.yaml:2:12: byte 0xff is not UTF-8; save the file as UTF-8" },
	{ "control character", "# \xc3\xa9\x01\n", "q.yaml:1:4: not valid YAML: control characters are not allowed" },
	{ "a tag directive, no line end", "%TAG ! tag:x,2000:\n--- {}",
		"q.yaml:1:1: %TAG directives are not read here; take it away" },
	{ "a key at the end", "? [a, {b: c}]\n:1>-\n  x\n",
		"q.yaml:4:1: not valid YAML: could not find expected ':', while scanning a simple key that begins at "
		"2:1" },
};

static void bytes_that_are_no_text_are_refused(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++)
		failed += check(raw[i].name, qf_slice_str(raw[i].yaml), raw[i].error);
	assert_int_equal(failed, 0);
}

static int set_environment(void **state)
{
	(void)state;
	setenv("HOME", "/home/x", 1);
	unsetenv("QF_NOT_SET");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_refused_with_place_and_remedy),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
	};

	return cmocka_run_group_tests(tests, set_environment, NULL);
}
