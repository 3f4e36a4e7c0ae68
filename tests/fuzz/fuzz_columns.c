/* A file of tables and columns: whatever it holds, it becomes JSON of the promised form or is refused with a place. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "qf/columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root, *columns, *type;
	const char *table, *column;
	struct qf_err err;
	char *json = NULL;

	if (qf_columns_parse(&json, qf_slice(data, size), "fuzz", &err) != 0) {
		qf_assert(err.code == QF_ECONFIG && strncmp(err.text, "fuzz:", 5) == 0);
		return 0;
	}
	root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	qf_assert(json_is_object(root));
	json_object_foreach(root, table, columns) {
		qf_assert(json_is_object(columns));
		json_object_foreach(columns, column, type)
			qf_assert(json_is_string(type));
	}
	json_decref(root);
	free(json);
	return 0;
}
