/* Keltner channel: the exponential average of the close, and `multiplier` average true ranges (Wilder's, of
 * `atr_period` bars) above and below it. */
#include "blocks.h"

typedef struct keltner {
    pw_smooth average;
    pw_smooth range;
    double multiplier;
    int64_t seen;
    double close; /* of the bar before */
} keltner;

static int64_t keltner_start(const double *options) {
    return (int64_t)(options[0] - 1.0 > options[2] ? options[0] - 1.0 : options[2]);
}

static int64_t keltner_bytes(const double *options) {
    (void)options;
    return (int64_t)sizeof(keltner);
}

static void keltner_init(void *own, const double *options) {
    keltner *state = own;
    pw_smooth_init(&state->average, (int64_t)options[0], 2.0 / (options[0] + 1.0));
    pw_smooth_init(&state->range, (int64_t)options[2], 1.0 / options[2]);
    state->multiplier = options[1];
}

PW_WIDE static void keltner_run(void *own, const double *const *in, int64_t n, double *const *out) {
    keltner *state = own;
    double *upper = out[0];
    double *middle = out[1];
    double *lower = out[2];
    double range[PW_CHUNK];
    const int64_t first = state->seen > 0 ? 0 : 1;
    const int64_t average = state->average.period - 1;
    const int64_t start = average > state->range.period ? average : state->range.period;
    const int64_t lead = pw_lead(start, state->seen, n);
    pw_true_range(in[0], in[1], in[2], state->close, n, range);
    pw_smooth_run(&state->range, range + first, n - first, range + first);
    pw_smooth_run(&state->average, in[2], n, middle);
    for (int64_t i = lead; i < n; i++) {
        const double width = state->multiplier * range[i];
        upper[i] = middle[i] + width;
        lower[i] = middle[i] - width;
    }
    for (int64_t k = 0; k < 3; k++) pw_fill_nan(out[k], lead);
    state->seen += n;
    state->close = in[2][n - 1];
}

static const char *const inputs[] = {"high", "low", "close"};
static const char *const outputs[] = {"upper", "middle", "lower"};
static const pw_option options[] = {
    PW_PERIOD("period", 1, 20),
    {"multiplier", 0.0, 1000.0, 2.0, 0, 0},
    PW_PERIOD("atr_period", 1, 10),
};

PW_KERNEL(keltner, NULL, NULL);
