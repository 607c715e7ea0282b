/* Pending orders, SL and TP, at the latest tick of a symbol. */
#include "venue_parts.h"

/* Whether the market has reached a level: from above (a buyer's limit) or from below. */
static int reached(int64_t market, int64_t level, int falling) { return falling ? market <= level : market >= level; }

/* A stop fills where it is found, or at its level when the price came there without a gap; slippage in both cases. */
static int64_t stop_price(const pw_venue *v, int64_t market, int64_t level, int32_t side) {
    return venue_slipped(v, v->state->continuous ? level : market, side);
}

static int fill_pending(pw_venue *v, const pw_pending *pending, int64_t market) {
    const int limit = pending->kind == PW_ORDER_LIMIT;
    const venue_fill fill = {.id = pending->order,
                             .volume = pending->volume,
                             .price = limit ? pending->price : stop_price(v, market, pending->price, pending->side),
                             .sl = pending->sl,
                             .tp = pending->tp,
                             .protect = pending->protect,
                             .ticket = pending->ticket,
                             .symbol = pending->symbol,
                             .side = pending->side,
                             .cause = limit ? PW_BY_LIMIT : PW_BY_STOP};
    const int why = venue_enter(v, &fill);
    if (why > 0) {
        const pw_order refused = {.id = pending->order,
                                  .volume = pending->volume,
                                  .price = pending->price,
                                  .ticket = pending->ticket,
                                  .symbol = pending->symbol,
                                  .side = pending->side};
        venue_reject(v, &refused, why);
    }
    return why < 0 ? why : 0;
}

static int trigger_pendings(pw_venue *v, int32_t symbol, const pw_tick *tick) {
    for (int64_t i = 0; i < v->state->n_pendings;) {
        const pw_pending pending = venue_pendings(v)[i];
        const int64_t market = venue_opening(tick, pending.side);
        const int falling = (pending.side == PW_BUY) == (pending.kind == PW_ORDER_LIMIT);
        if (pending.symbol != symbol || pending.since >= v->state->ticks || !reached(market, pending.price, falling)) {
            i++;
            continue;
        }
        venue_drop_pending(v, i);
        const int status = fill_pending(v, &pending, market);
        if (status != 0) return status;
    }
    return 0;
}

static int trigger_stops(pw_venue *v, int32_t symbol, const pw_tick *tick) {
    for (int64_t i = 0; i < v->state->n_positions;) {
        const pw_position *position = &venue_positions(v)[i];
        const int64_t market = venue_closing(tick, position->side);
        const int buy = position->side == PW_BUY;
        const int stopped = position->sl != 0 && reached(market, position->sl, buy);
        const int taken = position->tp != 0 && reached(market, position->tp, !buy);
        if (position->symbol != symbol || position->since >= v->state->ticks || !(stopped || taken) ||
            !venue_can_leave(v, i)) {
            i++;
            continue;
        }
        const int64_t price = stopped ? stop_price(v, market, position->sl, venue_opposite(position->side)) : position->tp;
        const int status = venue_leave(v, i, position->volume, price, 0, 0, stopped ? PW_BY_SL : PW_BY_TP, 0);
        if (status != 0) return status;
    }
    return 0;
}

int venue_trigger(pw_venue *v, int32_t symbol) {
    const pw_tick *tick = &venue_quotes(v)[symbol].tick;
    if (v->state->n_pendings == 0 && v->state->n_positions == 0) return 0;
    if (!pw_is_open(&v->symbols[symbol], tick->time)) return 0;
    const int status = trigger_pendings(v, symbol, tick);
    return status != 0 ? status : trigger_stops(v, symbol, tick);
}
