/* Simple moving average: the mean of the last `period` values. TA-Lib's SMA. */
#include "blocks.h"

static int64_t sma_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t sma_bytes(const double *options) {
    return (int64_t)sizeof(pw_sum) + pw_sum_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void sma_init(void *own, const double *options) { pw_sum_init(own, (int64_t)options[0]); }

PW_WIDE static void sma_run(void *own, const double *const *in, int64_t n, double *const *out) {
    pw_sum *sum = own;
    double *mean = out[0];
    const double inverse = 1.0 / (double)sum->period;
    pw_sum_run(sum, (double *)(sum + 1), in[0], n, mean);
    for (int64_t i = 0; i < n; i++) mean[i] *= inverse;
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"sma"};
static const pw_option options[] = {PW_PERIOD("period", 1, 30)};

PW_KERNEL(sma, NULL, NULL);
