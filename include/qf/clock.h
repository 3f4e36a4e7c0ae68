/*
 * Time: nanoseconds of CLOCK_MONOTONIC for durations, microseconds of CLOCK_REALTIME for what people and
 * other machines read. Thread safe.
 */
#ifndef QF_CLOCK_H
#define QF_CLOCK_H

#include <stdint.h>

#define QF_MS 1000000ull
#define QF_SEC 1000000000ull

uint64_t qf_mono_ns(void);
uint64_t qf_real_us(void);

#endif
