/* Average true range: the true range smoothed as Wilder did, begun with the plain mean of the first `period` ranges.
 * The first bar has none. TA-Lib's ATR. */
#include "blocks.h"

typedef struct atr {
    pw_smooth smooth;
    int64_t seen; /* 0 or 1: whether there is a bar before */
    double close; /* its close */
} atr;

static int64_t atr_start(const double *options) { return (int64_t)options[0]; }

static int64_t atr_bytes(const double *options) {
    (void)options;
    return (int64_t)sizeof(atr);
}

static void atr_init(void *own, const double *options) {
    pw_smooth_init(&((atr *)own)->smooth, (int64_t)options[0], 1.0 / options[0]);
}

PW_WIDE static void atr_run(void *own, const double *const *in, int64_t n, double *const *out) {
    atr *state = own;
    double range[PW_CHUNK];
    const int64_t lead = state->seen ? 0 : 1;
    pw_true_range(in[0], in[1], in[2], state->close, n, range);
    pw_fill_nan(out[0], lead);
    pw_smooth_run(&state->smooth, range + lead, n - lead, out[0] + lead);
    state->seen = 1;
    state->close = in[2][n - 1];
}

static const char *const inputs[] = {"high", "low", "close"};
static const char *const outputs[] = {"atr"};
static const pw_option options[] = {PW_PERIOD("period", 1, 14)};

PW_KERNEL(atr, NULL, NULL);
