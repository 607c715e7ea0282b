/* Squared deviations of two series over a sliding window, and the product of both, as in window_moments.c.
 *
 *     store   [ block of x, of y: period values each | suffixes of the block before, period + 1 each:
 *               mean x, mean y, xx, yy, xy | inverse, join: tables by the number of values in the prefix ]
 */
#include "short.h"

typedef struct layout {
    double *x, *y;
    double *mean_x, *mean_y, *xx, *yy, *xy;
    double *inverse, *join;
} layout;

static layout lay_out(double *store, int64_t period) {
    const int64_t row = period + 1;
    double *suffix = store + 2 * period;
    const layout found = {store,
                          store + period,
                          suffix,
                          suffix + row,
                          suffix + 2 * row,
                          suffix + 3 * row,
                          suffix + 4 * row,
                          suffix + 5 * row,
                          suffix + 6 * row};
    return found;
}

int64_t pw_pair_store(int64_t period) {
    return period <= PW_SHORT_PAIR ? 2 * pw_history_store(period) : 2 * period + 7 * (period + 1);
}

void pw_pair_init(pw_pair *pair, double *store, int64_t period) {
    pair->period = period;
    if (period <= PW_SHORT_PAIR) return;
    const layout at = lay_out(store, period);
    for (int64_t k = 1; k <= period; k++) {
        at.inverse[k] = 1.0 / (double)k;
        at.join[k] = (double)k * (double)(period - k) / (double)period;
    }
}

static inline double not_negative(double value) { return value > 0.0 ? value : 0.0; }

PW_WIDE static void close_block(const double *restrict x, const double *restrict y, const layout *at, int64_t period) {
    double *restrict mean_x = at->mean_x;
    double *restrict mean_y = at->mean_y;
    double *restrict sxx = at->xx;
    double *restrict syy = at->yy;
    double *restrict sxy = at->xy;
    const double *restrict inverse = at->inverse + period;
    const double pivot_x = x[period - 1];
    const double pivot_y = y[period - 1];
    double sum_x = 0.0, sum_y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
    for (int64_t j = period - 1; j > 0; j--) {
        const double dx = x[j] - pivot_x;
        const double dy = y[j] - pivot_y;
        sum_x += dx;
        sum_y += dy;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
        mean_x[j] = sum_x;
        mean_y[j] = sum_y;
        sxx[j] = xx;
        syy[j] = yy;
        sxy[j] = xy;
    }
    for (int64_t j = 1; j < period; j++) {
        const double part_x = mean_x[j] * inverse[-j];
        const double part_y = mean_y[j] * inverse[-j];
        sxx[j] = not_negative(sxx[j] - mean_x[j] * part_x);
        syy[j] = not_negative(syy[j] - mean_y[j] * part_y);
        sxy[j] = sxy[j] - mean_x[j] * part_y;
        mean_x[j] = pivot_x + part_x;
        mean_y[j] = pivot_y + part_y;
    }
}

/* m values that stay within the open block; m <= PW_CHUNK. */
PW_WIDE static void run_within(pw_pair *restrict pair, const layout *at, const double *restrict x,
                               const double *restrict y, int64_t m, double *restrict xx, double *restrict yy,
                               double *restrict xy) {
    double sums_x[PW_CHUNK];
    double sums_y[PW_CHUNK];
    const int64_t from = pair->at + 1;
    const double *restrict inverse = at->inverse + from;
    const double *restrict joins = at->join + from;
    const double *restrict tail_x = at->mean_x + from;
    const double *restrict tail_y = at->mean_y + from;
    const double *restrict tail_xx = at->xx + from;
    const double *restrict tail_yy = at->yy + from;
    const double *restrict tail_xy = at->xy + from;
    const double pivot_x = pair->pivot_x;
    const double pivot_y = pair->pivot_y;
    pw_pair s = *pair;
    for (int64_t i = 0; i < m; i++) {
        const double dx = x[i] - pivot_x;
        const double dy = y[i] - pivot_y;
        s.x += dx;
        s.y += dy;
        s.xx += dx * dx;
        s.yy += dy * dy;
        s.xy += dx * dy;
        sums_x[i] = s.x;
        sums_y[i] = s.y;
        xx[i] = s.xx;
        yy[i] = s.yy;
        xy[i] = s.xy;
    }
    *pair = s;
    for (int64_t i = 0; i < m; i++) {
        const double part_x = sums_x[i] * inverse[i];
        const double part_y = sums_y[i] * inverse[i];
        const double apart_x = pivot_x + part_x - tail_x[i];
        const double apart_y = pivot_y + part_y - tail_y[i];
        const double join_y = apart_y * joins[i];
        xx[i] = tail_xx[i] + not_negative(xx[i] - sums_x[i] * part_x) + apart_x * apart_x * joins[i];
        yy[i] = tail_yy[i] + not_negative(yy[i] - sums_y[i] * part_y) + apart_y * join_y;
        xy[i] = tail_xy[i] + (xy[i] - sums_x[i] * part_y) + apart_x * join_y;
    }
}

void pw_pair_run(pw_pair *pair, double *store, const double *x, const double *y, int64_t n, double *xx, double *yy,
                 double *xy) {
    const int64_t period = pair->period;
    const layout at = lay_out(store, period);
    if (period <= PW_SHORT_PAIR) {
        const int64_t lead = pw_lead(period - 1, pair->seen, n);
        if (n > 0) pw_short_pair_run(pair, store, x, y, n, xx, yy, xy);
        pw_fill_nan(xx, lead);
        pw_fill_nan(yy, lead);
        pw_fill_nan(xy, lead);
        pair->seen += n;
        return;
    }
    while (n > 0) {
        const int64_t m = pw_least(n, period - pair->at);
        if (pair->at == 0) {
            pair->pivot_x = x[0];
            pair->pivot_y = y[0];
            pair->x = pair->y = pair->xx = pair->yy = pair->xy = 0.0;
        }
        memcpy(at.x + pair->at, x, (size_t)m * sizeof(double));
        memcpy(at.y + pair->at, y, (size_t)m * sizeof(double));
        run_within(pair, &at, x, y, m, xx, yy, xy);
        pair->at += m;
        const int64_t complete = pair->at == period;
        if (!pair->full) {
            pw_fill_nan(xx, m - complete);
            pw_fill_nan(yy, m - complete);
            pw_fill_nan(xy, m - complete);
        }
        if (complete) {
            close_block(at.x, at.y, &at, period);
            pair->at = 0;
            pair->full = 1;
        }
        x += m;
        y += m;
        xx += m;
        yy += m;
        xy += m;
        n -= m;
    }
}
