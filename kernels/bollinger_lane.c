/* bollinger_stop.h: bars of several timeframes from one stream of quotes, and the kernels over the closed ones. */
#include "bollinger_stop.h"

#include "blocks.h"

extern const pw_kernel pw_bbs;
extern const pw_kernel pw_sma;
extern const pw_kernel pw_atr;

enum { BBS = 0, SMA = 1, ATR = 2, KERNELS = 3 };
static const int64_t DAY = INT64_C(86400) * 1000000;
static const int64_t TAG = INT64_C(0x424200000001); /* bollinger_stop, version 1 */

static const pw_kernel *kernel_at(int which) { return which == BBS ? &pw_bbs : which == SMA ? &pw_sma : &pw_atr; }

static void options_of(const pw_bollinger_stop_params *params, int which, double *options) {
    options[0] = which == BBS ? params->period : which == SMA ? params->mean_period : params->atr_period;
    options[1] = params->deviation;
}

static int64_t timeframe_of(const pw_bollinger_stop_params *params, int lane) {
    const int64_t used[3][PW_LANES] = {
        [PW_TREND] = {params->signal_timeframe, params->trend_timeframe, 0},
        [PW_SWING] = {params->exec_timeframe, params->trend_timeframe, DAY},
        [PW_BREAKOUT] = {DAY, 0, 0},
    };
    return used[params->mode][lane];
}

/* Bytes of the states of one lane. */
static int64_t lane_bytes(const pw_bollinger_stop_params *params) {
    int64_t bytes = 0;
    for (int which = 0; which < KERNELS; which++) {
        double options[2];
        options_of(params, which, options);
        const int64_t size = pw_state_bytes(kernel_at(which), options);
        if (size < 0) return -1;
        bytes += (size + 7) / 8 * 8;
    }
    return bytes;
}

int64_t pw_lanes_bytes(const pw_bollinger_stop_params *params) {
    const int64_t bytes = lane_bytes(params);
    return bytes < 0 ? -1 : PW_LANES * bytes;
}

static void *state_of(pw_bollinger_stop *bollinger, const pw_lane *lane, int which) {
    return (void *)((uintptr_t)bollinger + (uintptr_t)lane->states[which]);
}

int pw_lanes_begin(pw_bollinger_stop *bollinger, int64_t at) {
    for (int32_t i = 0; i < PW_LANES; i++) {
        pw_lane *lane = &bollinger->lanes[i];
        lane->timeframe = timeframe_of(&bollinger->params, i);
        lane->stop = lane->mean = lane->mean_before = lane->range = lane->closed = PW_NAN;
        for (int which = 0; which < KERNELS; which++) {
            double options[2];
            options_of(&bollinger->params, which, options);
            const int64_t size = (pw_state_bytes(kernel_at(which), options) + 7) / 8 * 8;
            lane->states[which] = at;
            const int status = pw_begin(kernel_at(which), options, state_of(bollinger, lane, which), size);
            if (status != PW_OK) return status;
            at += size;
        }
    }
    return PW_OK;
}

/* One value of one kernel; out has room for three. */
static void run_kernel(pw_bollinger_stop *bollinger, const pw_lane *lane, int which, const double *const *in,
                       double *out) {
    double *const outs[3] = {&out[0], &out[1], &out[2]};
    int64_t where[2];
    (void)pw_update(kernel_at(which), state_of(bollinger, lane, which), in, 1, outs, where); /* all inputs are finite */
}

/* A closed bar goes through the kernels. */
static void close_bar(pw_bollinger_stop *bollinger, pw_lane *lane, double high, double low, double close) {
    const double *const closes[] = {&close};
    const double *const bar[] = {&high, &low, &close};
    double out[3];
    run_kernel(bollinger, lane, BBS, closes, out);
    lane->trend = out[0] > 0.0 ? 1.0 : out[0] < 0.0 ? -1.0 : 0.0; /* NaN in the warm-up */
    lane->stop = out[1];
    lane->flip = out[2] == (double)lane->bars ? (int32_t)lane->trend : 0;
    run_kernel(bollinger, lane, SMA, closes, out);
    lane->mean_before = lane->mean;
    lane->mean = out[0];
    run_kernel(bollinger, lane, ATR, bar, out);
    lane->range = out[0];
    lane->closed = close;
    lane->bars++;
}

/* 1: the quote closed a bar. */
static int lane_tick(pw_bollinger_stop *bollinger, pw_lane *lane, const pw_symbol *symbol, const pw_tick *tick) {
    int closed = 0;
    if (!lane->open || tick->time >= lane->until) {
        const int64_t bucket = pw_bucket(symbol, tick->time, lane->timeframe);
        lane->until = pw_bucket_until(symbol, tick->time, lane->timeframe);
        closed = lane->open && bucket != lane->bucket;
        if (closed) close_bar(bollinger, lane, (double)lane->high, (double)lane->low, (double)lane->close);
        if (closed || !lane->open) lane->high = lane->low = tick->bid;
        lane->bucket = bucket;
        lane->open = 1;
    }
    if (tick->bid > lane->high) lane->high = tick->bid;
    if (tick->bid < lane->low) lane->low = tick->bid;
    lane->close = tick->bid;
    return closed;
}

int pw_lanes_tick(pw_bollinger_stop *bollinger, const pw_symbol *symbol, const pw_tick *tick) {
    int closed = 0;
    for (int32_t i = 0; i < PW_LANES; i++) {
        pw_lane *lane = &bollinger->lanes[i];
        if (lane->timeframe == 0) continue;
        const int now = lane_tick(bollinger, lane, symbol, tick);
        if (i == PW_LANE_ENTRY) closed = now;
    }
    return closed;
}

int pw_bollinger_stop_warm(void *state, int64_t timeframe, const double *high, const double *low, const double *close,
                           int64_t n) {
    pw_bollinger_stop *bollinger = state;
    int used = 0;
    if (state == NULL || (n > 0 && (high == NULL || low == NULL || close == NULL))) return PW_NULL;
    if (n < 0) return PW_LENGTH;
    if (!pw_book_is(&bollinger->book, TAG) || bollinger->lanes[PW_LANE_ENTRY].open) return PW_STATE;
    for (int64_t i = 0; i < n; i++) {
        const double prices[] = {high[i], low[i], close[i]};
        for (int k = 0; k < 3; k++) {
            if (!(prices[k] > 0.0 && prices[k] < (double)PW_MOST_PRICE)) return PW_OPTION;
            if (floor(prices[k]) != prices[k]) return PW_OPTION;
        }
        if (high[i] < low[i] || close[i] > high[i] || close[i] < low[i]) return PW_OPTION;
    }
    for (int32_t lane = 0; lane < PW_LANES; lane++) {
        if (timeframe <= 0 || bollinger->lanes[lane].timeframe != timeframe) continue;
        used = 1;
        for (int64_t i = 0; i < n; i++) close_bar(bollinger, &bollinger->lanes[lane], high[i], low[i], close[i]);
    }
    return used ? PW_OK : PW_OPTION;
}
