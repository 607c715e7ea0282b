/* Exponential smoothing: value = weight * new + (1 - weight) * value, begun with a plain mean (as TA-Lib does).
 *
 * Written as one product and one sum in the chain from value to value, which is what bounds its speed.
 */
#include "blocks.h"

void pw_smooth_init(pw_smooth *smooth, int64_t period, double weight) {
    smooth->period = period;
    smooth->weight = weight;
    smooth->keep = 1.0 - weight;
}

void pw_smooth_run(pw_smooth *smooth, const double *x, int64_t n, double *out) {
    int64_t i = 0;
    for (; i < n && smooth->seen < smooth->period; i++) {
        smooth->value += x[i];
        smooth->seen++;
        if (smooth->seen == smooth->period) smooth->value /= (double)smooth->period;
        out[i] = smooth->seen == smooth->period ? smooth->value : PW_NAN;
    }
    const double weight = smooth->weight;
    const double keep = smooth->keep;
    double value = smooth->value;
    for (; i < n; i++) {
        value = weight * x[i] + keep * value;
        out[i] = value;
    }
    smooth->value = value;
}
