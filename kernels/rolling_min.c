/* The smallest of the last `period` values. TA-Lib's MIN; with rolling_max the Donchian channel. */
#include "blocks.h"

static int64_t rolling_min_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t rolling_min_bytes(const double *options) {
    return (int64_t)sizeof(pw_extreme) + pw_extreme_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void rolling_min_init(void *own, const double *options) { pw_extreme_init(own, (int64_t)options[0]); }

static void rolling_min_run(void *own, const double *const *in, int64_t n, double *const *out) {
    pw_extreme *extreme = own;
    pw_lowest_run(extreme, (double *)(extreme + 1), in[0], n, out[0]);
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"rolling_min"};
static const pw_option options[] = {PW_PERIOD("period", 1, 30)};

PW_KERNEL(rolling_min, NULL, NULL);
