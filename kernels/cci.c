/* Commodity channel index (Lambert 1980): how far the typical price lies from its mean, in units of 0.015 mean absolute
 * deviations; 0 where either is 0. TA-Lib's CCI.
 *
 * The mean absolute deviation has no recurrence: it costs `period` steps a value, in four sums side by side.
 *
 *     own   [ cci | store of the sum | typical: the last period - 1 prices, then up to PW_CHUNK new ones ]
 */
#include "blocks.h"

typedef struct cci {
    pw_sum sum;
    int64_t seen;
} cci;

static int64_t cci_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t cci_bytes(const double *options) {
    const int64_t period = (int64_t)options[0];
    return (int64_t)sizeof(cci) + (pw_sum_store(period) + period + PW_CHUNK) * (int64_t)sizeof(double);
}

static void cci_init(void *own, const double *options) { pw_sum_init(&((cci *)own)->sum, (int64_t)options[0]); }

static inline double absolute_deviations(const double *x, int64_t n, double mean) {
    double one = 0.0, two = 0.0, three = 0.0, four = 0.0;
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        one += fabs(x[i] - mean);
        two += fabs(x[i + 1] - mean);
        three += fabs(x[i + 2] - mean);
        four += fabs(x[i + 3] - mean);
    }
    for (; i < n; i++) one += fabs(x[i] - mean);
    return (one + two) + (three + four);
}

PW_WIDE static void cci_run(void *own, const double *const *in, int64_t n, double *const *out) {
    cci *state = own;
    const int64_t period = state->sum.period;
    const int64_t lead = pw_lead(period - 1, state->seen, n);
    double *store = (double *)(state + 1);
    double *window = store + pw_sum_store(period);
    double *typical = window + period - 1;
    double *result = out[0];
    for (int64_t i = 0; i < n; i++) typical[i] = (in[0][i] + in[1][i] + in[2][i]) / 3.0;
    pw_sum_run(&state->sum, store, typical, n, result);
    for (int64_t i = lead; i < n; i++) {
        const double mean = result[i] / (double)period;
        const double apart = typical[i] - mean;
        const double deviations = absolute_deviations(window + i, period, mean);
        result[i] = apart == 0.0 || deviations == 0.0 ? 0.0 : apart / (0.015 * (deviations / (double)period));
    }
    memmove(window, window + n, (size_t)(period - 1) * sizeof(double));
    state->seen += n;
}

static const char *const inputs[] = {"high", "low", "close"};
static const char *const outputs[] = {"cci"};
static const pw_option options[] = {PW_PERIOD("period", 2, 14)};

PW_KERNEL(cci, NULL, NULL);
