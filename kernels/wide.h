/* One division of a product too long for 64 bits, rounded once, half away from zero.
 *
 *     a x b x num / den        |a x b x num| < 2^127, den > 0
 *
 * With a compiler that has no 128-bit integers (or with PW_NO_INT128, as the tests build it) the same is done in four
 * limbs of 32 bits.
 */
#ifndef PITWIRE_WIDE_H
#define PITWIRE_WIDE_H

#include "pitwire.h"

/* 1 and the rounded quotient in *out; 0 when the product or the quotient does not fit, or den <= 0. */
PW_API int pw_scale(int64_t a, int64_t b, int64_t num, int64_t den, int64_t *out);

/* The same rounded down (towards zero), for volumes that must not be exceeded. */
PW_API int pw_scale_down(int64_t a, int64_t b, int64_t num, int64_t den, int64_t *out);

/* a x b; 0 when it does not fit in 64 bits. */
PW_API int pw_multiply(int64_t a, int64_t b, int64_t *out);

#endif
