/* Relative strength index: 100 * gains / (gains + losses), both smoothed as Wilder did, begun with plain means of the
 * first `period` changes. 0 when nothing moved at all, as in TA-Lib's RSI. */
#include "blocks.h"

typedef struct rsi {
    pw_smooth gains;
    pw_smooth losses;
    int64_t seen; /* 0 or 1: whether there is a value before */
    double last;
} rsi;

static int64_t rsi_start(const double *options) { return (int64_t)options[0]; }

static int64_t rsi_bytes(const double *options) {
    (void)options;
    return (int64_t)sizeof(rsi);
}

static void rsi_init(void *own, const double *options) {
    rsi *state = own;
    pw_smooth_init(&state->gains, (int64_t)options[0], 1.0 / options[0]);
    pw_smooth_init(&state->losses, (int64_t)options[0], 1.0 / options[0]);
}

PW_WIDE static void rsi_run(void *own, const double *const *in, int64_t n, double *const *out) {
    rsi *state = own;
    const double *x = in[0];
    double *result = out[0];
    double gains[PW_CHUNK];
    double losses[PW_CHUNK];
    const int64_t lead = state->seen ? 0 : 1; /* the very first value has no change */
    gains[0] = pw_larger(x[0] - state->last, 0.0);
    losses[0] = pw_larger(state->last - x[0], 0.0);
    for (int64_t i = 1; i < n; i++) {
        gains[i] = pw_larger(x[i] - x[i - 1], 0.0);
        losses[i] = pw_larger(x[i - 1] - x[i], 0.0);
    }
    pw_smooth_run(&state->gains, gains + lead, n - lead, gains + lead);
    pw_smooth_run(&state->losses, losses + lead, n - lead, losses + lead);
    pw_fill_nan(result, lead);
    for (int64_t i = lead; i < n; i++) {
        const double both = gains[i] + losses[i];
        const double found = 100.0 * gains[i] / both;
        result[i] = both == 0.0 ? 0.0 : found;
    }
    state->seen = 1;
    state->last = x[n - 1];
}

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"rsi"};
static const pw_option options[] = {PW_PERIOD("period", 2, 14)};

PW_KERNEL(rsi, NULL, NULL);
