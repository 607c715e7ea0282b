/* Weighted momentum of a price watchdog: the mean of the last `period` changes in percent, weighted linearly, the
 * newest `period` times as much as the oldest, so that a fast move shows at once and fades. 0 for a change after a 0.
 *
 *     change[t] = 100 * (value[t] / value[t - 1] - 1)
 *     weighted_momentum[t] = sum(j * change[t - period + j], j = 1 .. period) / (1 + 2 + ... + period)   percent a step
 *
 *     own   [ weighted_momentum | store of the weighted sum ]
 */
#include "blocks.h"

typedef struct weighted_momentum {
    pw_line line;
    int64_t seen; /* 0 or 1: whether there is a value before */
    double last;
} weighted_momentum;

static int64_t weighted_momentum_start(const double *options) { return (int64_t)options[0]; }

static int64_t weighted_momentum_bytes(const double *options) {
    return (int64_t)sizeof(weighted_momentum) + pw_line_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void weighted_momentum_init(void *own, const double *options) {
    pw_line_init(&((weighted_momentum *)own)->line, (int64_t)options[0]);
}

PW_WIDE static void weighted_momentum_run(void *own, const double *const *in, int64_t n, double *const *out) {
    weighted_momentum *state = own;
    const double *x = in[0];
    double change[PW_CHUNK];
    const int64_t lead = state->seen ? 0 : 1;
    change[0] = state->last == 0.0 ? 0.0 : 100.0 * ((x[0] - state->last) / state->last);
    for (int64_t i = 1; i < n; i++) {
        const double found = 100.0 * ((x[i] - x[i - 1]) / x[i - 1]);
        change[i] = x[i - 1] == 0.0 ? 0.0 : found;
    }
    pw_fill_nan(out[0], lead);
    pw_line_run(&state->line, (double *)(state + 1), change + lead, n - lead, out[0] + lead, NULL);
    state->seen = 1;
    state->last = x[n - 1];
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"weighted_momentum"};
static const pw_option options[] = {PW_PERIOD("period", 1, 10)};

PW_KERNEL(weighted_momentum, NULL, NULL);
