/* Bollinger bands: the mean of the last `period` values, and `up` and `down` standard deviations (of the
 * population) above and below it. TA-Lib's BBANDS with the simple average. */
#include "blocks.h"

typedef struct bbands {
    pw_moments moments;
    double up;
    double down;
} bbands;

static int64_t bbands_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t bbands_bytes(const double *options) {
    return (int64_t)sizeof(bbands) + pw_moments_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void bbands_init(void *own, const double *options) {
    bbands *state = own;
    pw_moments_init(&state->moments, (double *)(state + 1), (int64_t)options[0]);
    state->up = options[1];
    state->down = options[2];
}

PW_WIDE static void bbands_run(void *own, const double *const *in, int64_t n, double *const *out) {
    bbands *state = own;
    double *upper = out[0];
    double *middle = out[1];
    double *lower = out[2];
    const double inverse = 1.0 / (double)state->moments.period;
    const double up = state->up;
    const double down = state->down;
    pw_moments_run(&state->moments, (double *)(state + 1), in[0], n, middle, upper);
    for (int64_t i = 0; i < n; i++) {
        const double deviation = sqrt(upper[i] * inverse);
        upper[i] = middle[i] + up * deviation;
        lower[i] = middle[i] - down * deviation;
    }
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"upper", "middle", "lower"};
static const pw_option options[] = {
    PW_PERIOD("period", 2, 5),
    {"up", -1000.0, 1000.0, 2.0, 0, 0},
    {"down", -1000.0, 1000.0, PW_NAN, 0, 0}, /* as up unless given */
};

PW_KERNEL(bbands, NULL, NULL);
