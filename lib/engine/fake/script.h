/* The script of a fake cluster: see fake.h. Parsed once, then only read. */
#ifndef QF_ENGINE_FAKE_SCRIPT_H
#define QF_ENGINE_FAKE_SCRIPT_H

#include "qf/arena.h"
#include "qf/engine.h"
#include "qf/regex.h"

enum fake_ending { FAKE_OK, FAKE_ERROR, FAKE_REFUSE, FAKE_LOST, FAKE_CRASH, FAKE_HANG };

struct fake_rule {
	const char *text;      /* the pattern, or NULL: always */
	struct qf_regex *re;   /* instead of text */
	uint64_t delay_ns;
	const char *notice;
	bool has_rows;
	uint64_t rows, bytes;  /* bytes of the text column; 0 = without it */
	uint64_t batches, every_ns; /* 0 batches = as they fit */
	uint64_t affected;
	enum fake_ending ending;
	char sqlstate[6];
	const char *message;
};

struct fake_script {
	struct qf_arena *arena;
	struct fake_rule *rules; /* the last one matches always */
	size_t n;
	const char *log; /* NULL = none */
};

/* `text` may be NULL. The error names the line. */
int fake_script_parse(struct fake_script *ret, const char *text, struct qf_err *reterr) qf_must_check;
void fake_script_fini(struct fake_script *s);
const struct fake_rule *fake_script_match(const struct fake_script *s, struct qf_slice sql);

#endif
