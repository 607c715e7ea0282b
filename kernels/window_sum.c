/* The sum of a sliding window, as a suffix of one block and a prefix of the next (blocks.h).
 *
 *     store   [ block: period values of the open block | suffix: period + 1 sums of the block before ]
 *             suffix[j] = value j + ... + the last value of that block; suffix[period] = 0
 */
#include "blocks.h"

int64_t pw_sum_store(int64_t period) { return 2 * period + 1; }

void pw_sum_init(pw_sum *sum, int64_t period) { sum->period = period; }

static void close_block(const double *block, double *suffix, int64_t period) {
    double total = 0.0;
    for (int64_t j = period - 1; j > 0; j--) {
        total += block[j];
        suffix[j] = total;
    }
}

void pw_sum_run(pw_sum *sum, double *store, const double *x, int64_t n, double *out) {
    const int64_t period = sum->period;
    double *block = store;
    double *suffix = store + period;
    while (n > 0) {
        const int64_t m = pw_least(n, period - sum->at);
        const double *tail = suffix + sum->at + 1;
        double prefix = sum->prefix;
        memcpy(block + sum->at, x, (size_t)m * sizeof(double));
        if (sum->full) {
            for (int64_t i = 0; i < m; i++) {
                prefix += x[i];
                out[i] = tail[i] + prefix;
            }
        } else {
            for (int64_t i = 0; i < m; i++) {
                prefix += x[i];
                out[i] = PW_NAN;
            }
            if (sum->at + m == period) out[m - 1] = prefix;
        }
        sum->prefix = prefix;
        sum->at += m;
        if (sum->at == period) {
            close_block(block, suffix, period);
            sum->at = 0;
            sum->full = 1;
            sum->prefix = 0.0;
        }
        x += m;
        out += m;
        n -= m;
    }
}
