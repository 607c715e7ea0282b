/* Squared deviations of two series over a sliding window, and the product of both, as in window_moments.c.
 *
 *     store   [ block of x, of y: period values each | suffixes of the block before, period + 1 each:
 *               mean x, mean y, xx, yy, xy | inverse, join: tables by the number of values in the prefix, period + 1 each ]
 */
#include "blocks.h"

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

int64_t pw_pair_store(int64_t period) { return 2 * period + 7 * (period + 1); }

void pw_pair_init(pw_pair *pair, double *store, int64_t period) {
    const layout at = lay_out(store, period);
    pair->period = period;
    for (int64_t k = 1; k <= period; k++) {
        at.inverse[k] = 1.0 / (double)k;
        at.join[k] = (double)k * (double)(period - k) / (double)period;
    }
}

static inline double not_negative(double value) { return value > 0.0 ? value : 0.0; }

static void close_block(const double *x, const double *y, const layout *at, int64_t period) {
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
        at->mean_x[j] = sum_x;
        at->mean_y[j] = sum_y;
        at->xx[j] = xx;
        at->yy[j] = yy;
        at->xy[j] = xy;
    }
    for (int64_t j = 1; j < period; j++) {
        const double part_x = at->mean_x[j] * at->inverse[period - j];
        const double part_y = at->mean_y[j] * at->inverse[period - j];
        at->xx[j] = not_negative(at->xx[j] - at->mean_x[j] * part_x);
        at->yy[j] = not_negative(at->yy[j] - at->mean_y[j] * part_y);
        at->xy[j] = at->xy[j] - at->mean_x[j] * part_y;
        at->mean_x[j] = pivot_x + part_x;
        at->mean_y[j] = pivot_y + part_y;
    }
}

/* m values that stay within the open block; m <= PW_CHUNK. */
static void run_within(pw_pair *pair, const layout *at, const double *x, const double *y, int64_t m, double *xx,
                       double *yy, double *xy) {
    double sums_x[PW_CHUNK];
    double sums_y[PW_CHUNK];
    const int64_t from = pair->at + 1;
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
        const double part_x = sums_x[i] * at->inverse[from + i];
        const double part_y = sums_y[i] * at->inverse[from + i];
        const double apart_x = pivot_x + part_x - at->mean_x[from + i];
        const double apart_y = pivot_y + part_y - at->mean_y[from + i];
        const double join = at->join[from + i];
        xx[i] = at->xx[from + i] + not_negative(xx[i] - sums_x[i] * part_x) + apart_x * apart_x * join;
        yy[i] = at->yy[from + i] + not_negative(yy[i] - sums_y[i] * part_y) + apart_y * apart_y * join;
        xy[i] = at->xy[from + i] + (xy[i] - sums_x[i] * part_y) + apart_x * apart_y * join;
    }
}

void pw_pair_run(pw_pair *pair, double *store, const double *x, const double *y, int64_t n, double *xx, double *yy,
                 double *xy) {
    const int64_t period = pair->period;
    const layout at = lay_out(store, period);
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
