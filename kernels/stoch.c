/* Stochastic oscillator: 100 * (close - lowest low) / (highest high - lowest low) over `fast_k` bars (0 where these
 * are equal), smoothed by a simple average of `slow_k` (slow k) and that by one of `slow_d` (slow d). TA-Lib's STOCH
 * with simple averages.
 *
 *     own   [ stoch | store of highs | store of lows | store of slow k | store of slow d ]
 */
#include "blocks.h"

typedef struct stoch {
    pw_extreme highs;
    pw_extreme lows;
    pw_sum slow_k;
    pw_sum slow_d;
    int64_t seen;
} stoch;

static int64_t stoch_start(const double *options) {
    return (int64_t)options[0] + (int64_t)options[1] + (int64_t)options[2] - 3;
}

static int64_t stoch_bytes(const double *options) {
    const int64_t doubles = 2 * pw_extreme_store((int64_t)options[0]) + pw_sum_store((int64_t)options[1]) +
                            pw_sum_store((int64_t)options[2]);
    return (int64_t)sizeof(stoch) + doubles * (int64_t)sizeof(double);
}

static void stoch_init(void *own, const double *options) {
    stoch *state = own;
    pw_extreme_init(&state->highs, (int64_t)options[0]);
    pw_extreme_init(&state->lows, (int64_t)options[0]);
    pw_sum_init(&state->slow_k, (int64_t)options[1]);
    pw_sum_init(&state->slow_d, (int64_t)options[2]);
}

PW_WIDE static void stoch_run(void *own, const double *const *in, int64_t n, double *const *out) {
    stoch *state = own;
    double *high_store = (double *)(state + 1);
    double *low_store = high_store + pw_extreme_store(state->highs.period);
    double *k_store = low_store + pw_extreme_store(state->lows.period);
    double *d_store = k_store + pw_sum_store(state->slow_k.period);
    double highest[PW_CHUNK];
    double lowest[PW_CHUNK];
    double *slow_k = out[0];
    double *slow_d = out[1];
    const int64_t fast = state->highs.period - 1;
    const int64_t k_lead = pw_lead(fast, state->seen, n);
    const int64_t d_lead = pw_lead(fast + state->slow_k.period - 1, state->seen, n);
    const int64_t lead = pw_lead(fast + state->slow_k.period + state->slow_d.period - 2, state->seen, n);
    const double by_k = 1.0 / (double)state->slow_k.period;
    const double by_d = 1.0 / (double)state->slow_d.period;
    pw_highest_run(&state->highs, high_store, in[0], n, highest);
    pw_lowest_run(&state->lows, low_store, in[1], n, lowest);
    for (int64_t i = k_lead; i < n; i++) {
        const double width = highest[i] - lowest[i];
        const double found = 100.0 * (in[2][i] - lowest[i]) / width;
        lowest[i] = width == 0.0 ? 0.0 : found;
    }
    pw_sum_run(&state->slow_k, k_store, lowest + k_lead, n - k_lead, slow_k + k_lead);
    for (int64_t i = d_lead; i < n; i++) slow_k[i] *= by_k;
    pw_sum_run(&state->slow_d, d_store, slow_k + d_lead, n - d_lead, slow_d + d_lead);
    for (int64_t i = lead; i < n; i++) slow_d[i] *= by_d;
    pw_fill_nan(slow_k, lead);
    pw_fill_nan(slow_d, lead);
    state->seen += n;
}

static const char *const inputs[] = {"high", "low", "close"};
static const char *const outputs[] = {"slow_k", "slow_d"};
static const pw_option options[] = {
    PW_PERIOD("fast_k", 1, 5),
    PW_PERIOD("slow_k", 1, 3),
    PW_PERIOD("slow_d", 1, 3),
};

PW_KERNEL(stoch, NULL, NULL);
