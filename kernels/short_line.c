/* Weighted mean and slope over a short sliding window, tap by tap (short.h).
 *
 *     store   [ history ]
 *
 * The slope takes the values in pairs from both ends, so that what they have in common drops out first.
 */
#include "short.h"

/* out[i] += taps values back from x[i - from], with weights falling by 1 from `weight`. */
static inline void weigh(const double *restrict x, int64_t from, int taps, double weight, int64_t n,
                         double *restrict out) {
    for (int64_t i = 0; i < n; i++) {
        double sum = weight * x[i - from];
        PW_UNROLL
        for (int k = 1; k < taps; k++) sum += (weight - (double)k) * x[i - from - k];
        out[i] += sum;
    }
}

/* out[i] += the differences of x[i - from - k] and its mirror image in the window, likewise. */
static inline void tilt(const double *restrict x, int64_t from, int64_t mirror, int taps, double weight, int64_t n,
                        double *restrict out) {
    for (int64_t i = 0; i < n; i++) {
        double sum = weight * (x[i - from] - x[i - mirror]);
        PW_UNROLL
        for (int k = 1; k < taps; k++) sum += (weight - (double)k) * (x[i - from - k] - x[i - mirror + k]);
        out[i] += sum;
    }
}

PW_WIDE static void weigh_all(const double *x, int64_t period, int64_t n, double *out) {
    const double by_weights = 2.0 / ((double)period * (double)(period + 1));
    memset(out, 0, (size_t)n * sizeof(double));
    for (int64_t k = 0; k < period; k += PW_TAPS) {
        const double weight = (double)(period - k);
#define WEIGH(taps) weigh(x, k, taps, weight, n, out)
        PW_EACH_COUNT(period - k, WEIGH)
    }
    for (int64_t i = 0; i < n; i++) out[i] *= by_weights;
}

PW_WIDE static void tilt_all(const double *x, int64_t period, int64_t n, double *out) {
    const double p = (double)period;
    const double by_spread = 12.0 / (p * (p * p - 1.0));
    const int64_t pairs = period / 2;
    memset(out, 0, (size_t)n * sizeof(double));
    for (int64_t k = 0; k < pairs; k += PW_TAPS) {
        const double weight = 0.5 * (double)(period - 1) - (double)k;
        const int64_t mirror = period - 1 - k;
#define TILT(taps) tilt(x, k, mirror, taps, weight, n, out)
        PW_EACH_COUNT(pairs - k, TILT)
    }
    for (int64_t i = 0; i < n; i++) out[i] *= by_spread;
}

void pw_short_line_run(pw_line *line, double *store, const double *values, int64_t n, double *average, double *slope) {
    const double *x = pw_history_take(store, line->at, line->period, values, n);
    if (average != NULL) weigh_all(x, line->period, n, average);
    if (slope != NULL) tilt_all(x, line->period, n, slope);
    line->at = pw_history_at(line->at, n);
}
