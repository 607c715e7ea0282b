/* Mean and squared deviations of a sliding window, joined from a suffix and a prefix (blocks.h).
 *
 *     store   [ block: period values | mean, deviation: of the suffixes of the block before, period + 1 each |
 *               inverse, share, join: tables by the number k of values in the prefix, period + 1 each ]
 *             inverse[k] = 1 / k     share[k] = k / period     join[k] = k * (period - k) / period
 */
#include "short.h"

int64_t pw_moments_store(int64_t period) {
    return period <= PW_SHORT_MOMENTS ? pw_history_store(period) : period + 5 * (period + 1);
}

void pw_moments_init(pw_moments *moments, double *store, int64_t period) {
    moments->period = period;
    if (period <= PW_SHORT_MOMENTS) return;
    double *inverse = store + period + 2 * (period + 1);
    double *share = inverse + period + 1;
    double *join = share + period + 1;
    for (int64_t k = 1; k <= period; k++) {
        inverse[k] = 1.0 / (double)k;
        share[k] = (double)k / (double)period;
        join[k] = (double)k * (double)(period - k) / (double)period;
    }
}

static inline double not_negative(double value) { return value > 0.0 ? value : 0.0; }

PW_WIDE static void close_block(const double *restrict block, double *store, int64_t period) {
    double *restrict mean = store + period;
    double *restrict deviation = mean + period + 1;
    const double *restrict inverse = deviation + period + 1;
    const double pivot = block[period - 1];
    double sum = 0.0;
    double square = 0.0;
    for (int64_t j = period - 1; j > 0; j--) {
        const double d = block[j] - pivot;
        sum += d;
        square += d * d;
        mean[j] = sum;
        deviation[j] = square;
    }
    for (int64_t j = 1; j < period; j++) {
        const double part = mean[j] * inverse[period - j];
        deviation[j] = not_negative(deviation[j] - mean[j] * part);
        mean[j] = pivot + part;
    }
}

/* m values that stay within the open block; m <= PW_CHUNK. */
PW_WIDE static void run_within(pw_moments *restrict moments, const double *restrict store, const double *restrict x,
                               int64_t m, double *restrict mean, double *restrict deviation) {
    const int64_t period = moments->period;
    const int64_t at = moments->at + 1;
    const double *restrict tail_mean = store + period + at;
    const double *restrict tail_deviation = tail_mean + period + 1;
    const double *restrict inverse = tail_deviation + period + 1;
    const double *restrict share = inverse + period + 1;
    const double *restrict join = share + period + 1;
    const double pivot = moments->pivot;
    double sum = moments->sum;
    double square = moments->square;
    for (int64_t i = 0; i < m; i++) {
        const double d = x[i] - pivot;
        sum += d;
        square += d * d;
        mean[i] = sum;
        deviation[i] = square;
    }
    moments->sum = sum;
    moments->square = square;
    for (int64_t i = 0; i < m; i++) {
        const double part = mean[i] * inverse[i];
        const double own = not_negative(deviation[i] - mean[i] * part);
        const double apart = pivot + part - tail_mean[i];
        deviation[i] = tail_deviation[i] + own + apart * apart * join[i];
        mean[i] = tail_mean[i] + apart * share[i];
    }
}

void pw_moments_run(pw_moments *moments, double *store, const double *x, int64_t n, double *mean, double *deviation) {
    const int64_t period = moments->period;
    if (period <= PW_SHORT_MOMENTS) {
        const int64_t lead = pw_lead(period - 1, moments->seen, n);
        if (n > 0) pw_short_moments_run(moments, store, x, n, mean, deviation);
        pw_fill_nan(mean, lead);
        pw_fill_nan(deviation, lead);
        moments->seen += n;
        return;
    }
    while (n > 0) {
        const int64_t m = pw_least(n, period - moments->at);
        if (moments->at == 0) moments->pivot = x[0];
        if (m < period) memcpy(store + moments->at, x, (size_t)m * sizeof(double));
        run_within(moments, store, x, m, mean, deviation);
        moments->at += m;
        const int64_t complete = moments->at == period;
        if (!moments->full) {
            pw_fill_nan(mean, m - complete);
            pw_fill_nan(deviation, m - complete);
        }
        if (complete) {
            close_block(m == period ? x : store, store, period);
            moments->at = 0;
            moments->full = 1;
            moments->sum = 0.0;
            moments->square = 0.0;
        }
        x += m;
        mean += m;
        deviation += m;
        n -= m;
    }
}
