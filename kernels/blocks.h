/* What kernels are made of. Internal: nothing here leaves the library.
 *
 * A sum over a sliding window that adds the new value and subtracts the old one drifts, and never recovers from a spike.
 * Here windows only ever add. Values are cut into blocks as long as the window; a window is the end of one block and the
 * beginning of the next:
 *
 *     value     0 1 2 3 | 4 5 6 7 | 8 9          period 4
 *     block     ---A--- | ---B--- | -C-
 *     window at 9   =       (6 7)    8 9          = suffix of B + prefix of C
 *
 * Suffixes are made once, when a block is complete; prefixes grow with each value. That is three operations a value,
 * whatever the period, exact to a few ulps of the plain sum over the window, and it depends on positions only, so that
 * chunks do not matter. It works for everything that two halves can be combined from: sums, moments, extremes.
 *
 * Each building block is a small struct of fixed size and an array of doubles ("store") that the kernel places behind its
 * own struct. Nothing holds a pointer.
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

/* Entries of a kernel's table of inputs, options, outputs. */
#define PW_COUNT(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))
/* The kernel's row: its file has inputs[], options[], outputs[] and <name>_start, _bytes, _init, _run. */
#define PW_KERNEL(name, rule, holds)                                                                                   \
    const pw_kernel pw_##name = {#name,           inputs,           options,           outputs,           rule,        \
                                 PW_COUNT(inputs), PW_COUNT(options), PW_COUNT(outputs), 0,                holds,       \
                                 name##_start,    name##_bytes,     name##_init,       name##_run}
#define PW_PERIOD(name, low, preset) {name, low, PW_MOST_PERIOD, preset, 1, 0}

static inline int64_t pw_least(int64_t one, int64_t two) { return one < two ? one : two; }

static inline void pw_fill_nan(double *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = PW_NAN;
}

/* ---- Sum of the last `period` values. Store: pw_sum_store(period) doubles. -------------------------------------- */

typedef struct pw_sum {
    int64_t period;
    int64_t at;    /* values in the open block, 0..period-1 */
    int64_t full;  /* 1: there is a block before the open one */
    double prefix; /* sum of the open block */
} pw_sum;

int64_t pw_sum_store(int64_t period);
void pw_sum_init(pw_sum *sum, int64_t period);
/* out[i] = the sum of the window that ends with x[i]; NaN while it is not full. out may be x. */
void pw_sum_run(pw_sum *sum, double *store, const double *x, int64_t n, double *out);

/* ---- Exponential smoothing, begun with the plain mean of the first `period` values. ----------------------------- */

typedef struct pw_smooth {
    int64_t period;
    int64_t seen;  /* values taken, counted up to the period */
    double weight; /* of the new value: 2 / (period + 1), or 1 / period (Wilder) */
    double keep;   /* 1 - weight */
    double value;  /* the sum while seen < period, then the mean */
} pw_smooth;

void pw_smooth_init(pw_smooth *smooth, int64_t period, double weight);
/* out[i] = the smoothed value, NaN for the first period - 1. out may be x. */
void pw_smooth_run(pw_smooth *smooth, const double *x, int64_t n, double *out);

#endif
