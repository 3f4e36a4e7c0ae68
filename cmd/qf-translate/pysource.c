/* The Python sources of the worker, carried inside the program: a worker can never meet another version of them. */
#include "pyworker.h"

#define CARRY(name)                                                                \
	__asm__(".section .rodata\n"                                               \
		".global py_" #name "_at\n"                                        \
		"py_" #name "_at: .incbin \"cmd/qf-translate/py/" #name ".py\"\n" \
		".byte 0\n"                                                        \
		".previous\n");                                                    \
	extern const char py_##name##_at[];

#define EACH(do)                                                                                                      \
	do(tokens) do(pgtypes) do(pgvalue) do(pgparams) do(pgexpr) do(pgnames) do(pgnodes) do(pgpreds) do(pgcasts) do(pgfuncs)     \
	do(pgdates) do(pgaggs) do(pgscope) do(pgfrom) do(pgclauses) do(pgquery) do(pgddl) do(pgprepare)               \
	do(pgstatement) do(marks) do(traits) do(columns) do(decimals) do(trinolits) do(trinoddl) do(trinoarrays)       \
	do(trinofuncs) do(onpgforms) do(trinopg) do(trinopgsets) do(onpg) do(trinoshow) do(trinoshowpg) do(pairs) do(translate) do(worker)

EACH(CARRY)

#define ENTRY(name) { "qf_" #name, py_##name##_at },

const struct pysource pysources[] = { EACH(ENTRY) { 0 } };
