/* The Python sources of the worker, carried inside the program: a worker can never meet another version of them. */
#include "pyworker.h"

#define CARRY(name)                                                                \
	__asm__(".section .rodata\n"                                               \
		".global py_" #name "_at\n"                                        \
		"py_" #name "_at: .incbin \"cmd/qf-translate/py/" #name ".py\"\n" \
		".byte 0\n"                                                        \
		".previous\n");                                                    \
	extern const char py_##name##_at[];

/* What describes the catalog of PostgreSQL: modules that hold a text. */
#define CARRY_TEXT(name, file)                                                                \
	__asm__(".section .rodata\n"                                                          \
		".global py_catalog_" #name "_at\n"                                           \
		"py_catalog_" #name "_at: .ascii \"TEXT = r\\\"\\\"\\\"\"\n"                     \
		".incbin \"cmd/qf-translate/catalog/" file "\"\n"                             \
		".asciz \"\\\"\\\"\\\"\"\n"                                                     \
		".previous\n");                                                               \
	extern const char py_catalog_##name##_at[];

#define EACH_TEXT(do)                                                                                                 \
	do(columns, "columns.txt") do(types, "types.sql") do(tables, "tables.sql") do(relations, "relations.sql")     \
	do(server, "server.sql") do(information_schema, "information_schema.sql") do(functions, "functions.sql")

#define EACH(do)                                                                                                      \
	do(tokens) do(pgtypes) do(pgvalue) do(pgparams) do(pgexpr) do(pgnames) do(pgnodes) do(pgpreds) do(pgcasts) do(pgfuncs)     \
	do(pgdates) do(pgaggs) do(pgscope) do(pgfrom) do(pgclauses) do(pgquery) do(pgddl) do(pgprepare)               \
	do(pgstatement) do(marks) do(traits) do(columns) do(decimals) do(trinolits) do(trinoddl) do(trinoarrays)       \
	do(trinofuncs) do(onpgforms) do(trinopg) do(trinopgsets) do(onpg) do(trinoshow) do(trinoshowpg) do(pairs) do(catalog) do(pgcatfuncs) do(pgcatwords) \
	do(pgcatexpr) do(pgcatalog) do(translate) do(worker)

EACH(CARRY)
EACH_TEXT(CARRY_TEXT)

#define ENTRY(name) { "qf_" #name, py_##name##_at },
#define TEXT_ENTRY(name, file) { "qf_catalog_" #name, py_catalog_##name##_at },

const struct pysource pysources[] = { EACH_TEXT(TEXT_ENTRY) EACH(ENTRY) { 0 } };
