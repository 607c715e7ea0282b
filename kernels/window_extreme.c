/* The largest and smallest value of a sliding window, as suffix of one block and prefix of the next (blocks.h; van
 * Herk 1992, Gil and Werman 1993).
 *
 *     store   [ block: period values | suffix: period + 1 extremes of the block before ]
 *             suffix[period] = the worst value there is, so that it never wins
 *
 * Of two zeros neither is larger; the earlier one stays, in fours as one by one, so that chunks do not matter here
 * either.
 */
#include "short.h"

int64_t pw_extreme_store(int64_t period) {
    return period <= PW_SHORT_EXTREME ? pw_ladder_store(period) : 2 * period + 1;
}

void pw_extreme_init(pw_extreme *extreme, int64_t period) { extreme->period = period; }

static inline double better(double one, double two, int lowest) {
    return lowest ? (one < two ? one : two) : (one > two ? one : two);
}

static inline void close_block(const double *block, double *suffix, int64_t period, int lowest) {
    double best = lowest ? DBL_MAX : -DBL_MAX;
    for (int64_t j = period; j > 0; j--) {
        suffix[j] = best;
        best = better(block[j - 1], best, lowest);
    }
}

static inline void run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out, int lowest) {
    const int64_t period = extreme->period;
    double *block = store;
    double *suffix = store + period;
    while (n > 0) {
        const int64_t m = pw_least(n, period - extreme->at);
        const double *tail = suffix + extreme->at + 1;
        double best = extreme->at > 0 ? extreme->prefix : x[0];
        int64_t i = 0;
        if (m < period) memcpy(block + extreme->at, x, (size_t)m * sizeof(double));
        for (; i + 4 <= m; i += 4) { /* in fours, so that one comparison need not wait for the one before */
            const double two = better(x[i + 1], x[i], lowest);
            const double three = better(x[i + 2], two, lowest);
            const double four = better(x[i + 3], three, lowest);
            out[i] = better(tail[i], better(x[i], best, lowest), lowest);
            out[i + 1] = better(tail[i + 1], better(two, best, lowest), lowest);
            out[i + 2] = better(tail[i + 2], better(three, best, lowest), lowest);
            best = better(four, best, lowest);
            out[i + 3] = better(tail[i + 3], best, lowest);
        }
        for (; i < m; i++) {
            best = better(x[i], best, lowest);
            out[i] = better(tail[i], best, lowest);
        }
        extreme->prefix = best;
        extreme->at += m;
        const int64_t complete = extreme->at == period;
        if (!extreme->full) {
            pw_fill_nan(out, m - complete);
            if (complete) out[m - 1] = best;
        }
        if (complete) {
            close_block(m == period ? x : block, suffix, period, lowest);
            extreme->at = 0;
            extreme->full = 1;
        }
        x += m;
        out += m;
        n -= m;
    }
}

static int is_short(pw_extreme *extreme) { return extreme->period <= PW_SHORT_EXTREME; }

/* Outputs before the window is full are NaN. */
static void mask(pw_extreme *extreme, int64_t n, double *out) {
    pw_fill_nan(out, pw_lead(extreme->period - 1, extreme->seen, n));
    extreme->seen += n;
}

void pw_highest_run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out) {
    if (is_short(extreme)) {
        pw_short_highest_run(extreme, store, x, n, out);
        mask(extreme, n, out);
    } else {
        run(extreme, store, x, n, out, 0);
    }
}

void pw_lowest_run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out) {
    if (is_short(extreme)) {
        pw_short_lowest_run(extreme, store, x, n, out);
        mask(extreme, n, out);
    } else {
        run(extreme, store, x, n, out, 1);
    }
}
