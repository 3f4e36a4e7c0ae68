/* Decimal digits: see format.h. */
#include "format.h"

const char qf_digit_pairs[201] = "00010203040506070809"
				 "10111213141516171819"
				 "20212223242526272829"
				 "30313233343536373839"
				 "40414243444546474849"
				 "50515253545556575859"
				 "60616263646566676869"
				 "70717273747576777879"
				 "80818283848586878889"
				 "90919293949596979899";

static unsigned count_digits(uint64_t v)
{
	unsigned n = 1;

	for (; v >= 10000; v /= 10000)
		n += 4;
	return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

/* Two digits at a time, from the end backwards. */
static void put_backwards(uint8_t *end, uint64_t v)
{
	for (; v >= 100; v /= 100) {
		end -= 2;
		qf_digits_2(end, (unsigned)(v % 100));
	}
	if (v >= 10)
		qf_digits_2(end - 2, (unsigned)v);
	else
		end[-1] = (uint8_t)('0' + v);
}

uint8_t *qf_digits_u64(uint8_t *p, uint64_t v)
{
	p += count_digits(v);
	put_backwards(p, v);
	return p;
}

uint8_t *qf_digits_padded(uint8_t *p, uint64_t v, unsigned width)
{
	unsigned n = count_digits(v);

	if (n < width) {
		memset(p, '0', width - n);
		p += width - n;
	}
	p += n;
	put_backwards(p, v);
	return p;
}

uint8_t *qf_digits_u128(uint8_t *p, unsigned __int128 v)
{
	const uint64_t e19 = 10000000000000000000u;

	if (v <= UINT64_MAX)
		return qf_digits_u64(p, (uint64_t)v);
	p = qf_digits_u128(p, v / e19);
	return qf_digits_padded(p, (uint64_t)(v % e19), 19);
}
