/* How much of the machine a worker may have: all of this works on a process of our own user, without privilege. */
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "private.h"
#include "qf/clock.h"
#include "qf/log.h"

#define LONG_SLICE_NS (100 * QF_MS) /* the longest that the kernel takes */

/* As the kernel has it since 3.14; this C library does not declare it. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/*
 * Of two normal processes the one with the longer slice gives way to the other when that wakes up, and its share is the
 * same (Linux 6.12). Older kernels take the number and ignore it.
 */
void sched_give_way(pid_t pid)
{
	struct attributes a = { .size = sizeof(a), .policy = SCHED_OTHER, .runtime = LONG_SLICE_NS };

	if (syscall(SYS_sched_setattr, pid, &a, 0) < 0)
		qf_debug("worker %d keeps its slice: %s", (int)pid, qf_strerror(-errno));
}

/* The last of our own processors, or all of them. */
void sched_confine(pid_t pid, bool on)
{
	cpu_set_t set;
	int last = -1;

	if (sched_getaffinity(0, sizeof(set), &set) < 0) /* more processors than the set holds */
		return;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			last = i;
	if (on) {
		CPU_ZERO(&set);
		CPU_SET(last, &set);
	}
	if (sched_setaffinity(pid, sizeof(set), &set) < 0)
		qf_debug("worker %d keeps its processors: %s", (int)pid, qf_strerror(-errno));
}

/* There is no way back from here: that would need a privilege. */
void sched_idle(pid_t pid)
{
	struct sched_param sp = { 0 };

	if (sched_setscheduler(pid, SCHED_IDLE, &sp) < 0)
		qf_debug("worker %d keeps its priority: %s", (int)pid, qf_strerror(-errno));
}
