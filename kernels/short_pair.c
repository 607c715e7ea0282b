/* Squared deviations of two series over a short sliding window, and the product of both, from differences to the newest
 * pair (short.h).
 *
 *     store   [ history of x | history of y ]
 */
#include "short.h"

static inline void add(const double *restrict x, const double *restrict y, int64_t from, int taps, int64_t n,
                       double *restrict sum_x, double *restrict sum_y, double *restrict xx, double *restrict yy,
                       double *restrict xy) {
    for (int64_t i = 0; i < n; i++) {
        double of_x = 0.0, of_y = 0.0, of_xx = 0.0, of_yy = 0.0, of_xy = 0.0;
        PW_UNROLL
        for (int k = 0; k < taps; k++) {
            const double dx = x[i - from - k] - x[i];
            const double dy = y[i - from - k] - y[i];
            of_x += dx;
            of_y += dy;
            of_xx += dx * dx;
            of_yy += dy * dy;
            of_xy += dx * dy;
        }
        sum_x[i] += of_x;
        sum_y[i] += of_y;
        xx[i] += of_xx;
        yy[i] += of_yy;
        xy[i] += of_xy;
    }
}

PW_WIDE static void run(const double *restrict x, const double *restrict y, int64_t period, int64_t n,
                        double *restrict xx, double *restrict yy, double *restrict xy) {
    const double inverse = 1.0 / (double)period;
    double sum_x[PW_CHUNK];
    double sum_y[PW_CHUNK];
    for (int64_t i = 0; i < n; i++) sum_x[i] = sum_y[i] = xx[i] = yy[i] = xy[i] = 0.0;
    for (int64_t k = 1; k < period; k += PW_TAPS) {
#define ADD(taps) add(x, y, k, taps, n, sum_x, sum_y, xx, yy, xy)
        PW_EACH_COUNT(period - k, ADD)
    }
    for (int64_t i = 0; i < n; i++) {
        const double apart_y = sum_y[i] * inverse;
        const double of_x = xx[i] - sum_x[i] * (sum_x[i] * inverse);
        const double of_y = yy[i] - sum_y[i] * apart_y;
        xx[i] = of_x > 0.0 ? of_x : 0.0;
        yy[i] = of_y > 0.0 ? of_y : 0.0;
        xy[i] -= sum_x[i] * apart_y;
    }
}

void pw_short_pair_run(pw_pair *pair, double *store, const double *x, const double *y, int64_t n, double *xx,
                       double *yy, double *xy) {
    double *store_y = store + pw_history_store(pair->period);
    const double *taken_x = pw_history_take(store, pair->at, pair->period, x, n);
    const double *taken_y = pw_history_take(store_y, pair->at, pair->period, y, n);
    run(taken_x, taken_y, pair->period, n, xx, yy, xy);
    pair->at = pw_history_at(pair->at, n);
}
