/* Exponential smoothing, begun with a plain mean, in groups of four (blocks.h). */
#include "blocks.h"

enum { GROUP = 4 };

void pw_smooth_init(pw_smooth *smooth, int64_t period, double weight) {
    const double keep = 1.0 - weight;
    smooth->period = period;
    smooth->weight = weight;
    smooth->power[0] = keep;
    smooth->power[1] = keep * keep;
    smooth->power[2] = smooth->power[1] * keep;
    smooth->power[3] = smooth->power[1] * smooth->power[1];
}

/* The first `period` values. Returns how many were taken. */
static int64_t begin(pw_smooth *smooth, const double *x, int64_t n, double *out) {
    const int64_t taken = pw_least(n, smooth->period - smooth->seen);
    double sum = smooth->base;
    for (int64_t i = 0; i < taken; i++) {
        sum += x[i];
        out[i] = PW_NAN;
    }
    smooth->seen += taken;
    if (smooth->seen == smooth->period && taken > 0) {
        sum /= (double)smooth->period;
        out[taken - 1] = sum;
    }
    smooth->base = sum;
    return taken;
}

/* Values j .. j + n - 1 of one group. Returns the last one; `*local` goes on. */
static inline double run_group(const double *x, int64_t n, const double *power, double weight, double base,
                               double *local, double *out) {
    double last = base;
    for (int64_t i = 0; i < n; i++) {
        *local = weight * x[i] + power[0] * *local;
        last = *local + power[i] * base;
        out[i] = last;
    }
    return last;
}

void pw_smooth_run(pw_smooth *smooth, const double *x, int64_t n, double *out) {
    int64_t i = begin(smooth, x, n, out);
    const double keep = smooth->power[0];
    const double *power = smooth->power;
    const double weight = smooth->weight;
    double base = smooth->base;
    double local = smooth->local;
    for (; i < n && smooth->at > 0; i++) {
        local = weight * x[i] + keep * local;
        out[i] = local + power[smooth->at] * base;
        smooth->at = (smooth->at + 1) % GROUP;
        if (smooth->at == 0) {
            base = out[i];
            local = 0.0;
        }
    }
    for (; i + GROUP <= n; i += GROUP) {
        local = 0.0;
        base = run_group(x + i, GROUP, power, weight, base, &local, out + i);
        local = 0.0;
    }
    if (i < n) {
        (void)run_group(x + i, n - i, power, weight, base, &local, out + i);
        smooth->at = n - i;
    }
    smooth->base = base;
    smooth->local = local;
}
