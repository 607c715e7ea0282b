/* Slope of the least squares line through the last `period` values, a step. TA-Lib's LINEARREG_SLOPE. */
#include "blocks.h"

static int64_t linreg_slope_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t linreg_slope_bytes(const double *options) {
    return (int64_t)sizeof(pw_line) + pw_line_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void linreg_slope_init(void *own, const double *options) { pw_line_init(own, (int64_t)options[0]); }

static void linreg_slope_run(void *own, const double *const *in, int64_t n, double *const *out) {
    pw_line *line = own;
    pw_line_run(line, (double *)(line + 1), in[0], n, NULL, out[0]);
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"linreg_slope"};
static const pw_option options[] = {PW_PERIOD("period", 2, 14)};

PW_KERNEL(linreg_slope, NULL, NULL);
