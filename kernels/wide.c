/* Products of three 64-bit numbers, divided and rounded once (wide.h). */
#include "wide.h"

static uint64_t magnitude(int64_t value) {
    return value < 0 ? ~(uint64_t)value + 1u : (uint64_t)value;
}

#if defined(__SIZEOF_INT128__) && !defined(PW_NO_INT128)

__extension__ typedef unsigned __int128 wide;

/* a x b x c in *out; 0 when that is 2^127 or more. */
static int product(uint64_t a, uint64_t b, uint64_t c, wide *out) {
    const wide ab = (wide)a * b;
    const wide high = (ab >> 64) * c;
    const wide low = (wide)(uint64_t)ab * c;
    if (high >> 63 != 0)
        return 0;
    *out = (high << 64) + low;
    return *out >> 127 == 0 && (*out >> 64) >= high;
}

static int divide(wide value, uint64_t den, int half, uint64_t *out) {
    const wide quotient = value / den;
    const uint64_t rest = (uint64_t)(value % den);
    if (quotient >> 63 != 0)
        return 0;
    *out = (uint64_t)quotient + (half && rest >= den - rest ? 1u : 0u);
    return *out >> 63 == 0;
}

#else

/* Four limbs, the lowest first. */
typedef struct wide {
    uint32_t limb[4];
} wide;

/* value x by; 0 when a fifth limb would be needed. */
static int times(wide *value, uint32_t by) {
    uint64_t carry = 0;
    for (int at = 0; at < 4; at++) {
        carry += (uint64_t)value->limb[at] * by;
        value->limb[at] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry == 0;
}

/* value x by, by of two limbs. */
static int times64(wide *value, uint64_t by) {
    wide high = *value;
    uint64_t carry = 0;
    const int fits = times(value, (uint32_t)by) & times(&high, (uint32_t)(by >> 32));
    if (!fits || ((by >> 32) != 0 && high.limb[3] != 0))
        return 0;
    for (int at = 1; at < 4; at++) {
        carry += (uint64_t)value->limb[at] + high.limb[at - 1];
        value->limb[at] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry == 0;
}

static int product(uint64_t a, uint64_t b, uint64_t c, wide *out) {
    out->limb[0] = (uint32_t)a;
    out->limb[1] = (uint32_t)(a >> 32);
    out->limb[2] = out->limb[3] = 0;
    if (a == 0 || b == 0 || c == 0) {
        out->limb[0] = out->limb[1] = 0;
        return 1;
    }
    return times64(out, b) && times64(out, c) && out->limb[3] >> 31 == 0;
}

/* Bit by bit: 127 steps, for machines where nothing better is known. */
static int divide(wide value, uint64_t den, int half, uint64_t *out) {
    uint64_t quotient = 0;
    uint64_t rest = 0;
    for (int bit = 127; bit >= 0; bit--) {
        rest = (rest << 1) | ((value.limb[bit / 32] >> (bit % 32)) & 1u);
        if (quotient >> 63 != 0)
            return 0;
        quotient <<= 1;
        if (rest >= den) {
            rest -= den;
            quotient |= 1u;
        }
    }
    if (quotient >> 63 != 0)
        return 0;
    *out = quotient + (half && rest >= den - rest ? 1u : 0u);
    return *out >> 63 == 0;
}

#endif

static int signed_result(uint64_t result, int negative, int64_t *out) {
    *out = negative ? -(int64_t)result : (int64_t)result;
    return 1;
}

static int scale(int64_t a, int64_t b, int64_t num, int64_t den, int half, int64_t *out) {
    const int negative = ((a < 0) != (b < 0)) != (num < 0);
    const uint64_t x = magnitude(a);
    const uint64_t y = magnitude(b);
    const uint64_t z = magnitude(num);
    wide value;
    uint64_t result = 0;
    if (den <= 0) return 0;
    if (((x | y) >> 31) == 0 && (z == 1 || (x * y >> 32 == 0 && z >> 31 == 0))) { /* the usual case: it fits */
        const uint64_t small = x * y * z;
        const uint64_t by = (uint64_t)den;
        if (den == 1) return signed_result(small, negative, out);
        if (((small | by) >> 32) == 0) { /* a division of 32 bits is a good deal faster on many machines */
            const uint32_t whole = (uint32_t)small / (uint32_t)by;
            const uint64_t left = (uint32_t)small % (uint32_t)by;
            return signed_result((uint64_t)whole + (half && left >= by - left ? 1u : 0u), negative, out);
        }
        const uint64_t rest = small % by;
        return signed_result(small / by + (half && rest >= by - rest ? 1u : 0u), negative, out);
    }
    if (!product(x, y, z, &value) || !divide(value, (uint64_t)den, half, &result)) return 0;
    return signed_result(result, negative, out);
}

int pw_scale(int64_t a, int64_t b, int64_t num, int64_t den, int64_t *out) {
    return scale(a, b, num, den, 1, out);
}

int pw_scale_down(int64_t a, int64_t b, int64_t num, int64_t den, int64_t *out) {
    return scale(a, b, num, den, 0, out);
}

int pw_multiply(int64_t a, int64_t b, int64_t *out) {
    return scale(a, b, 1, 1, 0, out);
}
