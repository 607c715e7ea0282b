/* Average directional index (Wilder 1978), begun as TA-Lib's ADX does.
 *
 *     bars 1 .. period-1            directional movements and true ranges are added up
 *     bars period .. 2*period-1     they are smoothed (sum - sum / period + new), and the index of each bar is added up
 *     bar  2*period-1               adx = that sum / period
 *     later                         adx = (adx * (period - 1) + index) / period
 *
 * index = 100 * |down - up| / (down + up); while nothing moved it is left out and the adx stays.
 */
#include "blocks.h"

typedef struct adx {
    int64_t period;
    int64_t seen;
    double high, low, close; /* of the bar before */
    double up, down, range;  /* smoothed movements and true range */
    double value;            /* the sum of the indices, then the adx */
} adx;

static int64_t adx_start(const double *options) { return 2 * (int64_t)options[0] - 1; }

static int64_t adx_bytes(const double *options) {
    (void)options;
    return (int64_t)sizeof(adx);
}

static void adx_init(void *own, const double *options) { ((adx *)own)->period = (int64_t)options[0]; }

/* The bar's movements and range go into the smoothed ones, of which `keep` stays. */
static inline void take_bar(adx *state, double high, double low, double close, double keep) {
    const double rise = high - state->high;
    const double fall = state->low - low;
    const double up_gap = fabs(high - state->close);
    const double down_gap = fabs(low - state->close);
    const double range = pw_larger(high - low, pw_larger(up_gap, down_gap));
    const double up = rise > fall ? rise : 0.0;
    const double down = fall > rise ? fall : 0.0;
    state->up = keep * state->up + pw_larger(up, 0.0);
    state->down = keep * state->down + pw_larger(down, 0.0);
    state->range = keep * state->range + range;
    state->high = high;
    state->low = low;
    state->close = close;
}

/* The index of the bar just taken, or -1 when nothing moved. */
static inline double index_of(const adx *state) {
    const double both = state->down + state->up;
    return state->range > 0.0 && both > 0.0 ? 100.0 * fabs(state->down - state->up) / both : -1.0;
}

static void adx_run(void *own, const double *const *in, int64_t n, double *const *out) {
    adx *shared = own;
    adx state = *shared; /* a copy, so that its fields can stay in registers */
    const double *high = in[0];
    const double *low = in[1];
    const double *close = in[2];
    const double weight = 1.0 / (double)state.period;
    const double keep = 1.0 - weight;
    const int64_t start = 2 * state.period - 1;
    int64_t i = 0;
    for (; i < n && state.seen + i <= start; i++) {
        const int64_t bar = state.seen + i;
        if (bar == 0) {
            state.high = high[0];
            state.low = low[0];
            state.close = close[0];
        } else {
            take_bar(&state, high[i], low[i], close[i], bar < state.period ? 1.0 : keep);
        }
        if (bar >= state.period) {
            const double index = index_of(&state);
            if (index >= 0.0) state.value += index;
        }
        if (bar == start) state.value *= weight;
        out[0][i] = bar == start ? state.value : PW_NAN;
    }
    for (; i < n; i++) {
        take_bar(&state, high[i], low[i], close[i], keep);
        const double index = index_of(&state);
        if (index >= 0.0) state.value = keep * state.value + weight * index;
        out[0][i] = state.value;
    }
    state.seen += n;
    *shared = state;
}

static const char *const inputs[] = {"high", "low", "close"};
static const char *const outputs[] = {"adx"};
static const pw_option options[] = {PW_PERIOD("period", 2, 14)};

PW_KERNEL(adx, NULL, NULL);
