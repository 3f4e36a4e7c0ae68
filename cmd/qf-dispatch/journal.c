#include "journal.h"

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x716a6e6c00000002ull /* the last digits are the version of the layout */
#define SLOTS 8192
#define SUSPECTS 64
#define QUARANTINE_US (600ull * 1000000)

struct suspect {
	uint64_t fingerprint, last_us;
	uint32_t crashes, pad;
};

struct file {
	uint64_t magic;
	uint32_t slots, slot_size;
	uint64_t epoch; /* that writes, or wrote last */
	volatile sig_atomic_t crash_signal;
	struct suspect suspects[SUSPECTS];
	struct journal_entry slot[SLOTS];
};

struct journal {
	struct file *f;
	uint64_t epoch;
	bool lost;
	int free_list[SLOTS];
	int n_free;
};

static volatile sig_atomic_t *crash_word; /* the one thing that a fatal signal may touch */

static void on_fatal(int signo)
{
	if (crash_word)
		*crash_word = signo;
	signal(signo, SIG_DFL);
	raise(signo);
}

static void watch_fatal_signals(struct file *f)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
	struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = SA_NODEFER | SA_ONSTACK }, old;

	f->crash_signal = 0;
	crash_word = &f->crash_signal;
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) /* leave a sanitizer's alone */
			sigaction(fatal[i], &sa, NULL);
}

static void suspect_add(struct file *f, uint64_t fingerprint, uint64_t now)
{
	struct suspect *s = NULL;

	for (int i = 0; i < SUSPECTS; i++) {
		struct suspect *c = &f->suspects[i];

		if (c->fingerprint == fingerprint && c->crashes) {
			s = c;
			break;
		}
		if (!s || c->last_us < s->last_us)
			s = c;
	}
	if (s->fingerprint != fingerprint || now - s->last_us > QUARANTINE_US)
		*s = (struct suspect){ .fingerprint = fingerprint };
	s->crashes++;
	s->last_us = now;
	if (s->crashes == 2)
		qf_error("statement fingerprint %016llx was running in two crashes: refused for 10 minutes",
			 (unsigned long long)fingerprint);
}

bool journal_quarantined(const struct journal *j, uint64_t fingerprint, uint64_t now_us)
{
	for (int i = 0; i < SUSPECTS; i++) {
		const struct suspect *s = &j->f->suspects[i];

		if (s->fingerprint == fingerprint && s->crashes >= 2 && now_us - s->last_us < QUARANTINE_US)
			return true;
	}
	return false;
}

/* What the epoch before left: free what is whole, count what ran when a fatal signal came. */
static void look_back(struct journal *j)
{
	uint64_t now = qf_real_us();
	bool crashed = j->f->crash_signal != 0;

	for (int i = SLOTS - 1; i >= 0; i--) {
		struct journal_entry *e = &j->f->slot[i];

		if (e->state == JOURNAL_STARTED && e->dispatch_epoch == j->f->epoch && e->fingerprint && crashed)
			suspect_add(j->f, e->fingerprint, now);
		if (e->state == JOURNAL_FREE)
			j->free_list[j->n_free++] = i;
	}
}

static int map_file(struct journal *j, int fd, const char *path, struct qf_err *reterr)
{
	struct stat st;
	bool fresh;

	if (fstat(fd, &st) < 0)
		return qf_err_set(reterr, -errno, "%s: %s", path, qf_strerror(-errno));
	fresh = st.st_size == 0;
	if (ftruncate(fd, sizeof *j->f) < 0)
		return qf_err_set(reterr, -errno, "%s: %s", path, qf_strerror(-errno));
	j->f = mmap(NULL, sizeof *j->f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (j->f == MAP_FAILED) {
		j->f = NULL;
		return qf_err_set(reterr, -errno, "%s: mmap: %s", path, qf_strerror(-errno));
	}
	if (fresh || j->f->magic != MAGIC || j->f->slots != SLOTS || j->f->slot_size != sizeof j->f->slot[0]) {
		j->lost = !fresh;
		memset(j->f, 0, sizeof *j->f);
		j->f->slots = SLOTS;
		j->f->slot_size = sizeof j->f->slot[0];
		j->f->magic = MAGIC;
	}
	return 0;
}

int journal_open(struct journal **ret, const char *dir, const char *instance, uint64_t epoch, struct qf_err *reterr)
{
	char *path = qf_xasprintf("%s/dispatch-%s.journal", dir, instance);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct journal *j = qf_xcalloc(1, sizeof *j);
	int rc;

	j->epoch = epoch;
	rc = fd < 0 ? qf_err_set(reterr, -errno, "%s: %s", path, qf_strerror(-errno)) : map_file(j, fd, path, reterr);
	if (fd >= 0)
		close(fd);
	if (rc < 0) {
		free(j);
		goto out;
	}
	if (j->lost)
		qf_warn("%s is of another version: statements of the epoch before count as started", path);
	look_back(j);
	j->f->epoch = epoch;
	watch_fatal_signals(j->f);
	*ret = j;
out:
	free(path);
	return rc;
}

struct journal *journal_close(struct journal *j)
{
	if (!j)
		return NULL;
	crash_word = NULL;
	munmap(j->f, sizeof *j->f);
	free(j);
	return NULL;
}

int journal_start(struct journal *j, const struct journal_entry *e)
{
	struct journal_entry *s;
	int slot;

	if (j->n_free == 0)
		return -1;
	slot = j->free_list[--j->n_free];
	s = &j->f->slot[slot];
	*s = *e;
	s->state = JOURNAL_FREE;
	s->dispatch_epoch = j->epoch;
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint32_t *)&s->state = JOURNAL_STARTED;
	return slot;
}

void journal_end(struct journal *j, int slot, const struct qf_engine_end *end)
{
	struct journal_entry *s = &j->f->slot[slot];

	s->outcome = (uint8_t)end->outcome;
	s->rows = end->rows;
	s->has_rows = end->has_rows;
	snprintf(s->sqlstate, sizeof s->sqlstate, "%s", end->error.sqlstate);
	snprintf(s->message, sizeof s->message, "%.119s", end->error.message);
	s->message[qf_utf8_cut(qf_slice_str(s->message))] = 0;
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint32_t *)&s->state = JOURNAL_ENDED;
}

void journal_clear(struct journal *j, int slot)
{
	qf_assert(slot >= 0 && slot < SLOTS && j->f->slot[slot].state != JOURNAL_FREE);
	j->f->slot[slot].state = JOURNAL_FREE;
	j->free_list[j->n_free++] = slot;
}

const struct journal_entry *journal_entry(const struct journal *j, int slot)
{
	return &j->f->slot[slot];
}

const struct journal_entry *journal_old(const struct journal *j, int *at, int *ret_slot)
{
	for (; *at < SLOTS; (*at)++) {
		const struct journal_entry *e = &j->f->slot[*at];

		if (e->state != JOURNAL_FREE && e->dispatch_epoch != j->epoch) {
			*ret_slot = (*at)++;
			return e;
		}
	}
	return NULL;
}

bool journal_lost(const struct journal *j)
{
	return j->lost;
}
