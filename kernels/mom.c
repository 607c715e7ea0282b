/* Momentum: a value less the one `period` before. TA-Lib's MOM.
 *
 *     own   [ pw_delay | ring: the last period values ]
 */
#include "blocks.h"

static int64_t mom_start(const double *options) { return (int64_t)options[0]; }

static int64_t mom_bytes(const double *options) {
    return (int64_t)sizeof(pw_delay) + (int64_t)options[0] * (int64_t)sizeof(double);
}

static void mom_init(void *own, const double *options) { ((pw_delay *)own)->period = (int64_t)options[0]; }

PW_WIDE static void mom_run(void *own, const double *const *in, int64_t n, double *const *out) {
    pw_delay *delay = own;
    const double *restrict x = in[0];
    double *restrict result = out[0];
    const int64_t period = delay->period;
    const int64_t lead = pw_lead(period, delay->seen, n);
    pw_delay_run(delay, (double *)(delay + 1), x, n, result);
    for (int64_t i = lead; i < pw_least(n, period); i++) result[i] = x[i] - result[i];
    for (int64_t i = period; i < n; i++) result[i] = x[i] - x[i - period];
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"mom"};
static const pw_option options[] = {PW_PERIOD("period", 1, 10)};

PW_KERNEL(mom, NULL, NULL);
