/* Mean and squared deviations of a short sliding window, from differences to its newest value (short.h).
 *
 *     store   [ history ]
 */
#include "short.h"

static inline void add(const double *restrict x, int64_t from, int taps, int64_t n, double *restrict sums,
                       double *restrict squares) {
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;
        double square = 0.0;
        PW_UNROLL
        for (int k = 0; k < taps; k++) {
            const double apart = x[i - from - k] - x[i];
            sum += apart;
            square += apart * apart;
        }
        sums[i] += sum;
        squares[i] += square;
    }
}

PW_WIDE static void run(const double *restrict x, int64_t period, int64_t n, double *restrict mean,
                        double *restrict deviation) {
    const double inverse = 1.0 / (double)period;
    memset(mean, 0, (size_t)n * sizeof(double));
    memset(deviation, 0, (size_t)n * sizeof(double));
    for (int64_t k = 1; k < period; k += PW_TAPS) {
#define ADD(taps) add(x, k, taps, n, mean, deviation)
        PW_EACH_COUNT(period - k, ADD)
    }
    for (int64_t i = 0; i < n; i++) {
        const double apart = mean[i] * inverse;
        const double found = deviation[i] - mean[i] * apart;
        deviation[i] = found > 0.0 ? found : 0.0;
        mean[i] = x[i] + apart;
    }
}

void pw_short_moments_run(pw_moments *moments, double *store, const double *values, int64_t n, double *mean,
                          double *deviation) {
    run(pw_history_take(store, moments->at, moments->period, values, n), moments->period, n, mean, deviation);
    moments->at = pw_history_at(moments->at, n);
}
