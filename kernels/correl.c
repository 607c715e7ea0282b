/* Pearson's correlation of the last `period` pairs; 0 where either series is flat. -1 to 1. TA-Lib's CORREL. */
#include "blocks.h"

static int64_t correl_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t correl_bytes(const double *options) {
    return (int64_t)sizeof(pw_pair) + pw_pair_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void correl_init(void *own, const double *options) {
    pw_pair *pair = own;
    pw_pair_init(pair, (double *)(pair + 1), (int64_t)options[0]);
}

PW_WIDE static void correl_run(void *own, const double *const *in, int64_t n, double *const *out) {
    pw_pair *pair = own;
    double xx[PW_CHUNK];
    double yy[PW_CHUNK];
    double *result = out[0];
    pw_pair_run(pair, (double *)(pair + 1), in[0], in[1], n, xx, yy, result);
    for (int64_t i = 0; i < n; i++) {
        const double both = sqrt(xx[i] * yy[i]);
        const double ratio = result[i] / both;
        const double found = both == 0.0 ? 0.0 : ratio;
        const double capped = found > 1.0 ? 1.0 : found;
        result[i] = capped < -1.0 ? -1.0 : capped;
    }
}

static const char *const inputs[] = {"x", "y"};
static const char *const outputs[] = {"correl"};
static const pw_option options[] = {PW_PERIOD("period", 2, 30)};

PW_KERNEL(correl, NULL, NULL);
