/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012). Pure. */
#ifndef QF_CORE_SIPHASH_H
#define QF_CORE_SIPHASH_H

#include <stdint.h>

#include "qf/buf.h"

/* key: two little-endian words, k0 and k1 of the paper. */
uint64_t qf_siphash(const uint64_t key[2], struct qf_slice s);

#endif
