/*
 * The start journal: an mmap'ed file on tmpfs, one slot per running statement, written before the first
 * byte goes to the engine. It survives SIGKILL and costs a memory store. DESIGN §2.
 *
 * A slot of a read is cleared when the read ends. A slot of a write stays, with its outcome, until the
 * listener retires the stream: so the next epoch can tell "it ended thus" from "never". Not a wire format:
 * the file belongs to one instance; another version of it is set aside and every stream of an older epoch
 * counts as started. One thread; a fatal signal stores one word only.
 */
#ifndef QF_JOURNAL_H
#define QF_JOURNAL_H

#include "qf/engine.h"
#include "qf/sql.h"

enum journal_state { JOURNAL_FREE, JOURNAL_STARTED, JOURNAL_ENDED };

struct journal_entry {
	uint32_t state; /* written last, with release order */
	uint16_t attempt;
	uint8_t access, outcome;
	uint8_t has_rows, pinned, commits, is_volatile;
	uint64_t dispatch_epoch, listener_epoch, stream, fingerprint, rows;
	char listener[33];
	char sqlstate[6];
	char message[120];
};

struct journal;

/* epoch is this process's; entries of other epochs are what the one before left. */
int journal_open(struct journal **ret, const char *dir, const char *instance, uint64_t epoch, struct qf_err *reterr)
	qf_must_check;
struct journal *journal_close(struct journal *j);
/* Takes a free slot and stores *e as STARTED. -1 when all are taken: a write must not run then. */
int journal_start(struct journal *j, const struct journal_entry *e);
void journal_end(struct journal *j, int slot, const struct qf_engine_end *end);
void journal_clear(struct journal *j, int slot);
/* Walks the slots of earlier epochs; *at starts at 0. */
const struct journal_entry *journal_old(const struct journal *j, int *at, int *ret_slot);
const struct journal_entry *journal_entry(const struct journal *j, int slot);
/* The former file could not be read: whatever older listeners ask about may have been started. */
bool journal_lost(const struct journal *j);

/* A statement that ran in two crashes (fatal signals, not kills) within 10 minutes is kept away. */
bool journal_quarantined(const struct journal *j, uint64_t fingerprint, uint64_t now_us);

#endif
