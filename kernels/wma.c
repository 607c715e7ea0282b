/* Linearly weighted moving average: weight 1 for the oldest of `period` values, `period` for the newest.
 * TA-Lib's WMA. */
#include "blocks.h"

static int64_t wma_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t wma_bytes(const double *options) {
    return (int64_t)sizeof(pw_line) + pw_line_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void wma_init(void *own, const double *options) { pw_line_init(own, (int64_t)options[0]); }

static void wma_run(void *own, const double *const *in, int64_t n, double *const *out) {
    pw_line *line = own;
    pw_line_run(line, (double *)(line + 1), in[0], n, out[0], NULL);
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"wma"};
static const pw_option options[] = {PW_PERIOD("period", 1, 30)};

PW_KERNEL(wma, NULL, NULL);
