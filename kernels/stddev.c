/* Standard deviation of the last `period` values (of the population), times `deviations`. TA-Lib's STDDEV. */
#include "blocks.h"

typedef struct stddev {
    pw_moments moments;
    double deviations;
} stddev;

static int64_t stddev_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t stddev_bytes(const double *options) {
    return (int64_t)sizeof(stddev) + pw_moments_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void stddev_init(void *own, const double *options) {
    stddev *state = own;
    pw_moments_init(&state->moments, (double *)(state + 1), (int64_t)options[0]);
    state->deviations = options[1];
}

PW_WIDE static void stddev_run(void *own, const double *const *in, int64_t n, double *const *out) {
    stddev *state = own;
    double mean[PW_CHUNK];
    double *deviation = out[0];
    const double inverse = 1.0 / (double)state->moments.period;
    const double deviations = state->deviations;
    pw_moments_run(&state->moments, (double *)(state + 1), in[0], n, mean, deviation);
    for (int64_t i = 0; i < n; i++) deviation[i] = sqrt(deviation[i] * inverse) * deviations;
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"stddev"};
static const pw_option options[] = {
    PW_PERIOD("period", 2, 5),
    {"deviations", -1000.0, 1000.0, 1.0, 0, 0},
};

PW_KERNEL(stddev, NULL, NULL);
