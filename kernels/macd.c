/* Moving average convergence/divergence: macd = EMA(fast) - EMA(slow), signal = EMA(macd), histogram = macd - signal.
 * TA-Lib's MACD: the fast average begins so late that both have their first value on the same bar, and all three
 * outputs begin with the signal.
 *
 *     position   0 ...... slow-fast ...... slow-1 .............. slow+signal-2
 *     fast                [ mean of fast values ] values
 *     slow       [ mean of slow values          ] values
 *     signal                                    [ mean of signal ] values
 */
#include "blocks.h"

typedef struct macd {
    pw_smooth fast;
    pw_smooth slow;
    pw_smooth signal;
    int64_t seen;
} macd;

static int64_t macd_start(const double *options) { return (int64_t)options[1] + (int64_t)options[2] - 2; }

static int64_t macd_bytes(const double *options) {
    (void)options;
    return (int64_t)sizeof(macd);
}

static void macd_init(void *own, const double *options) {
    macd *state = own;
    pw_smooth *const smooths[] = {&state->fast, &state->slow, &state->signal};
    for (int k = 0; k < 3; k++) pw_smooth_init(smooths[k], (int64_t)options[k], 2.0 / (options[k] + 1.0));
}

PW_WIDE static void macd_run(void *own, const double *const *in, int64_t n, double *const *out) {
    macd *state = own;
    double fast[PW_CHUNK];
    double *line = out[0];
    double *signal = out[1];
    double *histogram = out[2];
    const int64_t late = pw_lead(state->slow.period - state->fast.period, state->seen, n);
    const int64_t both = pw_lead(state->slow.period - 1, state->seen, n);
    const int64_t all = pw_lead(state->slow.period + state->signal.period - 2, state->seen, n);
    pw_smooth_run(&state->slow, in[0], n, line);
    pw_smooth_run(&state->fast, in[0] + late, n - late, fast + late);
    for (int64_t i = both; i < n; i++) line[i] = fast[i] - line[i];
    pw_smooth_run(&state->signal, line + both, n - both, signal + both);
    for (int64_t i = all; i < n; i++) histogram[i] = line[i] - signal[i];
    for (int64_t k = 0; k < 3; k++) pw_fill_nan(out[k], all);
    state->seen += n;
}

static int fast_below_slow(const double *options) { return options[0] < options[1]; }

static const char *const inputs[] = {"values"};
static const char *const outputs[] = {"macd", "signal", "histogram"};
static const pw_option options[] = {
    PW_PERIOD("fast", 1, 12),
    PW_PERIOD("slow", 2, 26),
    PW_PERIOD("signal", 1, 9),
};

PW_KERNEL(macd, "fast < slow", fast_below_slow);
