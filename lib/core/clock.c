/* Time: see qf/clock.h. */
#include <time.h>

#include "qf/clock.h"

uint64_t qf_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * QF_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t qf_real_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}
