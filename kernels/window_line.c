/* Weighted sum of a sliding window, and with it the weighted mean and the slope of the least squares line (blocks.h).
 *
 *     store   [ block: period values of the open block |
 *               sum, weighted: of the suffixes of the block before, period + 1 each ]
 *
 * With the weights 1 (oldest) to period (newest), and `left` values in the suffix:
 *     weighted = suffix's weighted + prefix's weighted + left * prefix's sum
 */
#include "short.h"

int64_t pw_line_store(int64_t period) {
    return period <= PW_SHORT_LINE ? pw_history_store(period) : period + 2 * (period + 1);
}

void pw_line_init(pw_line *line, int64_t period) { line->period = period; }

/* The suffixes of a complete block; number 0 is the whole of it. The pivot becomes its last value. */
PW_WIDE static void close_block(pw_line *line, const double *block, double *store) {
    const int64_t period = line->period;
    const double pivot = block[period - 1];
    double *sums = store + period;
    double *weights = sums + period + 1;
    double sum = 0.0;
    double weighted = 0.0;
    for (int64_t j = period - 1; j >= 0; j--) {
        sum += block[j] - pivot;
        weighted += sum; /* every weight so far rises by one, and the new value's is 1 */
        sums[j] = sum;
        weights[j] = weighted;
    }
    line->pivot = pivot;
    line->sum = 0.0;
    line->weighted = 0.0;
}

/* Sums over the windows of m values that stay within the open block; m <= PW_CHUNK. */
PW_WIDE static void run_within(pw_line *restrict line, const double *restrict store, const double *restrict x,
                               int64_t m, double *restrict sums, double *restrict weights) {
    const int64_t period = line->period;
    const double *tail_sums = store + period + line->at + 1;
    const double *tail_weights = tail_sums + period + 1;
    const int32_t left = (int32_t)(period - line->at - 1);
    const double pivot = line->pivot;
    double weight = (double)line->at;
    double sum = line->sum;
    double weighted = line->weighted;
    for (int64_t i = 0; i < m; i++) {
        const double d = x[i] - pivot;
        weight += 1.0;
        sum += d;
        weighted += weight * d;
        sums[i] = sum;
        weights[i] = weighted;
    }
    line->sum = sum;
    line->weighted = weighted;
    for (int32_t i = 0; i < (int32_t)m; i++) {
        weights[i] = tail_weights[i] + (weights[i] + (double)(left - i) * sums[i]);
        sums[i] = tail_sums[i] + sums[i];
    }
}

PW_WIDE void pw_line_run(pw_line *line, double *store, const double *x, int64_t n, double *average, double *slope) {
    const int64_t period = line->period;
    if (period <= PW_SHORT_LINE) {
        const int64_t lead = pw_lead(period - 1, line->seen, n);
        if (n > 0) pw_short_line_run(line, store, x, n, average, slope);
        if (average != NULL) pw_fill_nan(average, lead);
        if (slope != NULL) pw_fill_nan(slope, lead);
        line->seen += n;
        return;
    }
    const double p = (double)period;
    const double by_weights = 2.0 / (p * (p + 1.0));
    const double half = 0.5 * (p + 1.0);
    const double by_spread = 12.0 / (p * (p * p - 1.0));
    double sums[PW_CHUNK];
    double weights[PW_CHUNK];
    while (n > 0) {
        const int64_t m = pw_least(n, period - line->at);
        const int64_t complete = line->at + m == period;
        const int64_t last = m - complete; /* the value that completes a block is a suffix with a pivot of its own */
        if (!line->full && line->at == 0) line->pivot = x[0];
        const double pivot = line->pivot;
        if (m < period) memcpy(store + line->at, x, (size_t)m * sizeof(double));
        run_within(line, store, x, m, sums, weights);
        line->at += m;
        if (average != NULL) {
            for (int64_t i = 0; i < last; i++) average[i] = pivot + weights[i] * by_weights;
            if (!line->full) pw_fill_nan(average, last);
        }
        if (slope != NULL) {
            for (int64_t i = 0; i < last; i++) slope[i] = (weights[i] - half * sums[i]) * by_spread;
            if (!line->full) pw_fill_nan(slope, last);
        }
        if (complete) {
            close_block(line, m == period ? x : store, store);
            const double sum = store[period];
            const double weighted = store[period + period + 1];
            if (average != NULL) average[last] = line->pivot + weighted * by_weights;
            if (slope != NULL) slope[last] = (weighted - half * sum) * by_spread;
            line->at = 0;
            line->full = 1;
        }
        if (average != NULL) average += m;
        if (slope != NULL) slope += m;
        x += m;
        n -= m;
    }
}
