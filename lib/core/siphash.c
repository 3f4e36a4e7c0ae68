/* SipHash-2-4 and the two keys that the project hashes with: see siphash.h and qf/map.h. */
#include <endian.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "qf/map.h"
#include "siphash.h"

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

uint64_t qf_siphash(const uint64_t key[2], struct qf_slice s)
{
	/* The constants of the paper, section 2.1: "somepseudorandomlygeneratedbytes". */
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
			  key[1] ^ 0x7465646279746573 };
	uint64_t m = 0;
	size_t n = s.n;
	const uint8_t *p = s.p;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&m, p, 8);
		sip_word(v, le64toh(m));
	}
	m = (uint64_t)s.n << 56;
	for (size_t i = 0; i < n; i++)
		m |= (uint64_t)p[i] << (8 * i);
	sip_word(v, m);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t process_key[2];
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void fill_process_key(void)
{
	ssize_t n;

	do
		n = getrandom(process_key, sizeof(process_key), 0);
	while (n < 0 && errno == EINTR);
	qf_assert(n == (ssize_t)sizeof(process_key));
}

uint64_t qf_hash(struct qf_slice s)
{
	pthread_once(&process_key_once, fill_process_key);
	return qf_siphash(process_key, s);
}

uint64_t qf_hash_fixed(struct qf_slice s)
{
	static const uint64_t key[2] = { 0x7175657279666c75, 0x782d696e2d632d31 };

	return qf_siphash(key, s);
}
