/* Weighted sum of a sliding window, and with it the weighted mean and the slope of the least squares line (blocks.h).
 *
 *     store   [ ring: the last period values; ring[at] is the one that leaves next ]
 *
 * With the weights 1 (oldest) to period (newest), when the window moves on by one value:
 *     weighted = weighted - sum + period * new        every weight falls by one, the oldest's to 0
 *     sum      = sum + new - old
 */
#include "blocks.h"

int64_t pw_line_store(int64_t period) { return period; }

void pw_line_init(pw_line *line, int64_t period) { line->period = period; }

/* Take both sums anew from a complete block. */
static void begin_anew(pw_line *line, const double *ring) {
    const double pivot = ring[line->period - 1];
    double sum = 0.0;
    double weighted = 0.0;
    double weight = 1.0;
    for (int64_t j = 0; j < line->period; j++, weight += 1.0) {
        sum += ring[j] - pivot;
        weighted += weight * (ring[j] - pivot);
    }
    line->pivot = pivot;
    line->sum = sum;
    line->weighted = weighted;
}

/* sums[i], weights[i] after each of m values that stay within the open block. */
static void run_within(pw_line *line, double *ring, const double *x, int64_t m, double *sums, double *weights) {
    const double period = (double)line->period;
    const double pivot = line->pivot;
    double sum = line->sum;
    double weighted = line->weighted;
    for (int64_t i = 0; i < m; i++) {
        weighted += period * (x[i] - pivot) - sum;
        sum += x[i] - ring[i];
        weights[i] = weighted;
        sums[i] = sum;
    }
    memcpy(ring, x, (size_t)m * sizeof(double));
    line->sum = sum;
    line->weighted = weighted;
}

void pw_line_run(pw_line *line, double *store, const double *x, int64_t n, double *average, double *slope) {
    const int64_t period = line->period;
    const double p = (double)period;
    const double by_weights = 2.0 / (p * (p + 1.0));
    const double half = 0.5 * (p + 1.0);
    const double by_spread = 12.0 / (p * (p * p - 1.0));
    double sums[PW_CHUNK];
    double weights[PW_CHUNK];
    while (n > 0) {
        const int64_t m = pw_least(n, period - line->at);
        const int64_t complete = line->at + m == period;
        const int64_t lead = line->full ? 0 : m - complete;
        const double pivot = line->pivot;
        double shown = pivot;
        if (line->full) {
            run_within(line, store + line->at, x, m, sums, weights);
            if (complete) begin_anew(line, store);
        } else {
            memcpy(store + line->at, x, (size_t)m * sizeof(double));
            if (complete) {
                begin_anew(line, store);
                shown = line->pivot;
                sums[lead] = line->sum;
                weights[lead] = line->weighted;
            }
        }
        if (average != NULL) {
            pw_fill_nan(average, lead);
            for (int64_t i = lead; i < m; i++) average[i] = shown + weights[i] * by_weights;
            average += m;
        }
        if (slope != NULL) {
            pw_fill_nan(slope, lead);
            for (int64_t i = lead; i < m; i++) slope[i] = (weights[i] - half * sums[i]) * by_spread;
            slope += m;
        }
        line->full |= complete;
        line->at = complete ? 0 : line->at + m;
        x += m;
        n -= m;
    }
}
