/* The sum of a sliding window, as a suffix of one block and a prefix of the next (blocks.h).
 *
 *     store   [ block: period values of the open block | suffix: period + 1 sums of the block before ]
 *             suffix[j] = value j + ... + the last value of that block; suffix[period] = 0
 *
 * Sums are made of groups of four, so that each addition need not wait for the one before:
 *
 *     prefix = base + local       base: all whole groups so far, local: this group's values
 */
#include "short.h"

enum { GROUP = 4 };

int64_t pw_sum_store(int64_t period) {
    return period <= PW_SHORT_SUM ? pw_ladder_store(period) : 2 * period + 1;
}

void pw_sum_init(pw_sum *sum, int64_t period) { sum->period = period; }

static void close_block(const double *block, double *suffix, int64_t period) {
    double base = 0.0;
    int64_t j = period - 1;
    for (; j > GROUP; j -= GROUP) {
        const double one = block[j];
        const double two = one + block[j - 1];
        const double three = two + block[j - 2];
        const double four = three + block[j - 3];
        suffix[j] = base + one;
        suffix[j - 1] = base + two;
        suffix[j - 2] = base + three;
        suffix[j - 3] = base + four;
        base += four;
    }
    for (; j > 0; j--) {
        base += block[j];
        suffix[j] = base;
    }
}

/* Up to four values of one group; `tail` are the suffixes that complete their windows. Returns the group's sum. */
static inline double run_group(const double *x, const double *tail, int64_t n, double base, double local, double *out) {
    for (int64_t i = 0; i < n; i++) {
        local += x[i];
        out[i] = tail[i] + (base + local);
    }
    return local;
}

/* n values that stay within the open block. */
static void run_within(pw_sum *sum, const double *tail, const double *x, int64_t n, double *out) {
    const int64_t begun = sum->at % GROUP;
    double base = sum->base;
    double local = sum->local;
    int64_t i = 0;
    if (begun > 0) {
        i = pw_least(GROUP - begun, n);
        local = run_group(x, tail, i, base, local, out);
        if (begun + i == GROUP) {
            base += local;
            local = 0.0;
        }
    }
    for (; i + GROUP <= n; i += GROUP) base += run_group(x + i, tail + i, GROUP, base, 0.0, out + i);
    if (i < n) local = run_group(x + i, tail + i, n - i, base, 0.0, out + i);
    sum->base = base;
    sum->local = local;
}

void pw_sum_run(pw_sum *sum, double *store, const double *x, int64_t n, double *out) {
    const int64_t period = sum->period;
    if (period <= PW_SHORT_SUM) {
        const int64_t lead = pw_lead(period - 1, sum->seen, n);
        if (n > 0) pw_short_sum_run(sum, store, x, n, out);
        pw_fill_nan(out, lead);
        sum->seen += n;
        return;
    }
    double *block = store;
    double *suffix = store + period;
    while (n > 0) {
        const int64_t m = pw_least(n, period - sum->at);
        const double *values = m == period ? x : block;
        if (m < period) memcpy(block + sum->at, x, (size_t)m * sizeof(double));
        run_within(sum, suffix + sum->at + 1, x, m, out);
        sum->at += m;
        const int64_t complete = sum->at == period;
        if (!sum->full) pw_fill_nan(out, m - complete); /* the first block's last value has a full window */
        if (complete) {
            close_block(values, suffix, period);
            sum->at = 0;
            sum->full = 1;
            sum->base = 0.0;
            sum->local = 0.0;
        }
        x += m;
        out += m;
        n -= m;
    }
}
