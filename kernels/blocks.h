/* What kernels are made of. Internal: nothing here leaves the library.
 *
 * A sum over a sliding window that adds the new value and subtracts the old one drifts, and never recovers from a
 * spike. Here windows only ever add. Values are cut into blocks as long as the window; a window is the end of one
 * block and the beginning of the next:
 *
 *     value     0 1 2 3 | 4 5 6 7 | 8 9          period 4
 *     block     ---A--- | ---B--- | -C-
 *     window at 9   =       (6 7)    8 9          = suffix of B + prefix of C
 *
 * Suffixes are made once, when a block is complete; prefixes grow with each value. That is three operations a value,
 * whatever the period, exact to a few ulps of the plain sum over the window, and it depends on positions only, so that
 * chunks do not matter. It works for everything that two halves can be combined from: sums, moments, extremes.
 *
 * Each building block is a small struct of fixed size and an array of doubles ("store") that the kernel places behind
 * its own struct. Nothing holds a pointer.
 */
#ifndef PW_BLOCKS_H
#define PW_BLOCKS_H

#include "pitwire.h"

#include <float.h>
#include <math.h>
#include <string.h>

#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "doubles must be computed as doubles (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif

#define PW_NAN ((double)NAN)

/* Before a function whose loops are vector code: compiled three times, the one with the widest vectors that the
 * processor has is taken. All do the same operations in the same order on every value, so the numbers are the same
 * (there is no fused multiply-add in any). PW_NARROW leaves it out. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && !defined(PW_NARROW)
#define PW_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PW_WIDE
#endif

/* Before a loop of a few rounds that is to be written out. */
#if defined(__clang__)
#define PW_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define PW_UNROLL _Pragma("GCC unroll 8")
#else
#define PW_UNROLL
#endif

/* Entries of a kernel's table of inputs, options, outputs. */
#define PW_COUNT(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))
/* The kernel's row: its file has inputs[], options[], outputs[] and <name>_start, _bytes, _init, _run. */
#define PW_KERNEL(name, rule, holds)                                                                                   \
    const pw_kernel pw_##name = {#name, inputs, options, outputs, rule,                                                \
                                 PW_COUNT(inputs), PW_COUNT(options), PW_COUNT(outputs), 0,                            \
                                 holds, name##_start, name##_bytes, name##_init, name##_run}
#define PW_KERNEL_WITHOUT_OPTIONS(name)                                                                                \
    const pw_kernel pw_##name = {#name, inputs, NULL, outputs, NULL,                                                   \
                                 PW_COUNT(inputs), 0, PW_COUNT(outputs), 0,                                            \
                                 NULL, name##_start, name##_bytes, name##_init, name##_run}
#define PW_PERIOD(name, low, preset) {name, low, PW_MOST_PERIOD, preset, 1, 0}

static inline int64_t pw_least(int64_t one, int64_t two) { return one < two ? one : two; }

/* How many of the next n values lie before position `start`, when `seen` were taken already. */
static inline int64_t pw_lead(int64_t start, int64_t seen, int64_t n) {
    return seen >= start ? 0 : pw_least(start - seen, n);
}

static inline double pw_larger(double one, double two) { return one > two ? one : two; }

static inline void pw_fill_nan(double *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = PW_NAN;
}

/* ---- Sum of the last `period` values. Store: pw_sum_store(period) doubles. -------------------------------------- */

typedef struct pw_sum {
    int64_t period;
    int64_t at;   /* values in the open block, 0..period-1 */
    int64_t full; /* 1: there is a block before the open one */
    double base;  /* sum of the open block's whole groups of four */
    double local; /* sum of the values after them */
    int64_t seen; /* values taken, while the window is a short one (short.h) */
} pw_sum;

int64_t pw_sum_store(int64_t period);
void pw_sum_init(pw_sum *sum, int64_t period);
/* out[i] = the sum of the window that ends with x[i]; NaN while it is not full. */
void pw_sum_run(pw_sum *sum, double *store, const double *x, int64_t n, double *out);

/* ---- Largest or smallest of the last `period` values. Store: pw_extreme_store(period) doubles. ------------------- */

typedef struct pw_extreme {
    int64_t period;
    int64_t at;    /* as in pw_sum */
    int64_t full;  /* as in pw_sum */
    double prefix; /* of the open block */
    int64_t seen; /* values taken, while the window is a short one (short.h) */
} pw_extreme;

int64_t pw_extreme_store(int64_t period);
void pw_extreme_init(pw_extreme *extreme, int64_t period);
void pw_highest_run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out);
void pw_lowest_run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out);

/* ---- Mean and squared deviations of the last `period` values. Store: pw_moments_store(period) doubles. ------------
 *
 * A half's sums are taken of differences to one of its own values (the pivot): with a pivot from the set itself
 * sum((x - pivot)^2) is at most n times the squared deviations, so their difference keeps its digits whatever the level
 * of the values. Halves are then joined by adding what is never negative (Chan, Golub, LeVeque 1979). */

typedef struct pw_moments {
    int64_t period;
    int64_t at;   /* as in pw_sum */
    int64_t full; /* as in pw_sum */
    double pivot; /* first value of the open block */
    double sum;   /* of x - pivot over the open block */
    double square; /* of (x - pivot)^2 */
    int64_t seen; /* values taken, while the window is a short one (short.h) */
} pw_moments;

int64_t pw_moments_store(int64_t period);
void pw_moments_init(pw_moments *moments, double *store, int64_t period);
/* mean[i] and deviation[i] = sum((x - mean)^2) of the window that ends with x[i]; NaN while it is not full. */
void pw_moments_run(pw_moments *moments, double *store, const double *x, int64_t n, double *mean, double *deviation);

/* ---- Squared deviations and their product for two series. Store: pw_pair_store(period) doubles. ------------------ */

typedef struct pw_pair {
    int64_t period;
    int64_t at;   /* as in pw_sum */
    int64_t full; /* as in pw_sum */
    double pivot_x, pivot_y;
    double x, y;      /* sums of the differences to the pivots over the open block */
    double xx, yy, xy; /* of their products */
    int64_t seen; /* values taken, while the window is a short one (short.h) */
} pw_pair;

int64_t pw_pair_store(int64_t period);
void pw_pair_init(pw_pair *pair, double *store, int64_t period);
/* xx[i] = sum((x - mean x)^2), yy[i] likewise, xy[i] = sum((x - mean x)(y - mean y)); NaN while not full. */
void pw_pair_run(pw_pair *pair, double *store, const double *x, const double *y, int64_t n, double *xx, double *yy,
                 double *xy);

/* ---- Sum and weighted sum (1 the oldest, period the newest). Store: pw_line_store(period) doubles. --------------- */

typedef struct pw_line {
    int64_t period;
    int64_t at;      /* as in pw_sum */
    int64_t full;    /* as in pw_sum */
    double pivot;    /* the value before the open block: in every window until that is complete */
    double sum;      /* of x - pivot over the open block */
    double weighted; /* of (1, 2, ...) * (x - pivot) */
    int64_t seen; /* values taken, while the window is a short one (short.h) */
} pw_line;

int64_t pw_line_store(int64_t period);
void pw_line_init(pw_line *line, int64_t period);
/* average[i] = the linearly weighted mean, slope[i] = the slope of the least squares line; either may be NULL. */
void pw_line_run(pw_line *line, double *store, const double *x, int64_t n, double *average, double *slope);

/* ---- The value `period` before. Ring: the last period values. ---------------------------------------------------- */

typedef struct pw_delay {
    int64_t period;
    int64_t at;   /* where the oldest value lies in the ring */
    int64_t seen; /* values taken */
} pw_delay;

/* old[i] = the value `period` before x[i], for the i below the period (the others are x[i - period]); NaN for the
 * first `period` ever. old is not x. */
void pw_delay_run(pw_delay *delay, double *ring, const double *x, int64_t n, double *old);

/* ---- Exponential smoothing, begun with the plain mean of the first `period` values. -----------------------------
 *
 * value = weight * new + keep * value waits for itself; written for groups of four it waits once for four values:
 *
 *     value[j] = local[j] + keep^j * base      base: the value before the group
 *     local[j] = weight * new + keep * local[j - 1], local[0] = 0 */

typedef struct pw_smooth {
    int64_t period;
    int64_t seen;    /* values taken, counted up to the period */
    int64_t at;      /* values in the open group, 0..3 */
    double weight;   /* of the new value: 2 / (period + 1), or 1 / period (Wilder) */
    double power[4]; /* keep, keep^2, keep^3, keep^4 with keep = 1 - weight */
    double base;     /* the sum while seen < period, then the value before the open group */
    double local;    /* see above */
} pw_smooth;

void pw_smooth_init(pw_smooth *smooth, int64_t period, double weight);
/* out[i] = the smoothed value, NaN for the first period - 1. out may be x. */
void pw_smooth_run(pw_smooth *smooth, const double *x, int64_t n, double *out);

/* ---- True range. ------------------------------------------------------------------------------------------------ */

/* range[i] = the largest of high - low and the distances of both to the close before. before: that of the first bar. */
static inline void pw_true_range(const double *restrict high, const double *restrict low, const double *restrict close,
                                 double before, int64_t n, double *restrict range) {
    if (n > 0) range[0] = pw_larger(high[0] - low[0], pw_larger(fabs(high[0] - before), fabs(low[0] - before)));
    for (int64_t i = 1; i < n; i++) {
        range[i] = pw_larger(high[i] - low[i], pw_larger(fabs(high[i] - close[i - 1]), fabs(low[i] - close[i - 1])));
    }
}

#endif
