/* Bollinger stop: a trend that turns when a close breaks the stop that trails it.
 *
 *     trend 0    before the first flip: the close is tested against the limits of earlier bars, the lowest upper and
 *                the highest lower band so far; then the limits take in this bar's bands
 *     trend 1    a close below the stop turns the trend to -1; otherwise stop = max(stop, lower band)
 *     trend -1   a close above the stop turns the trend to 1; otherwise stop = min(stop, upper band)
 *
 * A turn, out of 0 or from one side to the other, is a flip: the stop begins at this bar's lower (trend 1) or upper
 * band (trend -1). Comparisons are strict. Should a close in trend 0 break both limits, the upper one counts.
 *
 * Outputs: trend; stop (NaN while the trend is 0); flip = the position of the bar of the last flip, counted from 0 at
 * the first bar (NaN before the first).
 */
#include "blocks.h"

typedef struct bbs {
    pw_moments moments;
    double deviations;
    double trend;
    double stop;
    double flip;
    double up_limit;
    double down_limit;
    int64_t seen;
} bbs;

static int64_t bbs_start(const double *options) { return (int64_t)options[0] - 1; }

static int64_t bbs_bytes(const double *options) {
    return (int64_t)sizeof(bbs) + pw_moments_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void bbs_init(void *own, const double *options) {
    bbs *state = own;
    pw_moments_init(&state->moments, (double *)(state + 1), (int64_t)options[0]);
    state->deviations = options[1];
    state->stop = PW_NAN;
    state->flip = PW_NAN;
    state->up_limit = DBL_MAX;
    state->down_limit = -DBL_MAX;
}

static void turn(bbs *state, double trend, double stop, int64_t position) {
    state->trend = trend;
    state->stop = stop;
    state->flip = (double)position;
}

/* One closed bar with its bands. */
static void step(bbs *state, double close, double upper, double lower, int64_t position) {
    if (state->trend == 0.0) {
        if (close > state->up_limit) {
            turn(state, 1.0, lower, position);
        } else if (close < state->down_limit) {
            turn(state, -1.0, upper, position);
        } else {
            if (upper < state->up_limit) state->up_limit = upper;
            if (lower > state->down_limit) state->down_limit = lower;
        }
    } else if (state->trend > 0.0) {
        if (close < state->stop) {
            turn(state, -1.0, upper, position);
        } else if (lower > state->stop) {
            state->stop = lower;
        }
    } else {
        if (close > state->stop) {
            turn(state, 1.0, lower, position);
        } else if (upper < state->stop) {
            state->stop = upper;
        }
    }
}

PW_WIDE static void bbs_run(void *own, const double *const *in, int64_t n, double *const *out) {
    bbs *state = own;
    double mean[PW_CHUNK];
    double width[PW_CHUNK];
    const double inverse = 1.0 / (double)state->moments.period;
    const int64_t lead = pw_lead(state->moments.period - 1, state->seen, n);
    pw_moments_run(&state->moments, (double *)(state + 1), in[0], n, mean, width);
    for (int64_t i = 0; i < n; i++) width[i] = state->deviations * sqrt(width[i] * inverse);
    for (int64_t k = 0; k < 3; k++) pw_fill_nan(out[k], lead);
    for (int64_t i = lead; i < n; i++) {
        step(state, in[0][i], mean[i] + width[i], mean[i] - width[i], state->seen + i);
        out[0][i] = state->trend;
        out[1][i] = state->stop;
        out[2][i] = state->flip;
    }
    state->seen += n;
}

static const char *const inputs[] = {"close"};
static const char *const outputs[] = {"trend", "stop", "flip"};
static const pw_option options[] = {
    PW_PERIOD("period", 2, 20),
    {"deviations", 0.1, 10.0, 2.0, 0, 0},
};

PW_KERNEL(bbs, NULL, NULL);
