/* How many standard deviations (of the population) a value lies above the mean of its window; 0 in a flat one. */
#include "blocks.h"

typedef struct zscore {
    pw_moments moments;
} zscore;

static int64_t zscore_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t zscore_bytes(const double *options) {
    return (int64_t)sizeof(zscore) + pw_moments_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void zscore_init(void *own, const double *options) {
    zscore *state = own;
    pw_moments_init(&state->moments, (double *)(state + 1), (int64_t)options[0]);
}

PW_WIDE static void zscore_run(void *own, const double *const *in, int64_t n, double *const *out) {
    zscore *state = own;
    double mean[PW_CHUNK];
    double *score = out[0];
    const double *x = in[0];
    const double inverse = 1.0 / (double)state->moments.period;
    pw_moments_run(&state->moments, (double *)(state + 1), x, n, mean, score);
    for (int64_t i = 0; i < n; i++) {
        const double deviation = sqrt(score[i] * inverse);
        const double found = (x[i] - mean[i]) / deviation;
        score[i] = deviation == 0.0 ? 0.0 : found;
    }
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"zscore"};
static const pw_option options[] = {PW_PERIOD("period", 2, 20)};

PW_KERNEL(zscore, NULL, NULL);
