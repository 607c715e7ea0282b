/* Exponential moving average, weight 2 / (period + 1), begun with the mean of the first `period` values.
 * TA-Lib's EMA. */
#include "blocks.h"

static int64_t ema_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t ema_bytes(const double *options) {
    (void)options;
    return (int64_t)sizeof(pw_smooth);
}

static void ema_init(void *own, const double *options) {
    pw_smooth_init(own, (int64_t)options[0], 2.0 / (options[0] + 1.0));
}

static void ema_run(void *own, const double *const *in, int64_t n, double *const *out) {
    pw_smooth_run(own, in[0], n, out[0]);
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"ema"};
static const pw_option options[] = {PW_PERIOD("period", 1, 30)};

PW_KERNEL(ema, NULL, NULL);
