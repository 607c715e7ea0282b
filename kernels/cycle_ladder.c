/* cycle_trader.h: rules 1 to 4, those of one cycle.
 *
 *     SELL hedge of a BUY, zones z, steps f (zone_forward, then zone_forward2):
 *
 *       anchor ------- BUY
 *         |  hedge_sl
 *       centre ------- SELL hedge        turn at ask >= centre + z: BUY, the centre moves there
 *         |  f
 *       last_add ----- SELL ladder       next at bid <= last_add - f
 */
#include "cycle_trader.h"

static int64_t clamped(const int64_t *values, int32_t n, int32_t at) { return values[at < n ? at : n - 1]; }

/* ---- The conditions, and the same as something to watch --------------------------------------------------------- */

static pw_trigger hedge_at(const pw_cycle_trader *trader, const pw_cycle *cycle) {
    return pw_towards(pw_opposite(cycle->side), cycle->anchor, trader->params.hedge_sl);
}

static pw_trigger turn_at(const pw_cycle_trader *trader, const pw_cycle *cycle) {
    const int64_t z = clamped(trader->params.zones, trader->params.n_zones, cycle->zone);
    return pw_towards(pw_opposite(cycle->direction), cycle->centre, z);
}

static pw_trigger step_at(const pw_cycle_trader *trader, const pw_cycle *cycle) {
    const int64_t f = cycle->added == 0 ? trader->params.zone_forward : trader->params.zone_forward2;
    return pw_towards(cycle->direction, cycle->last, f);
}

/* ---- Orders ----------------------------------------------------------------------------------------------------- */

/* A ladder order in the cycle's direction, unless a cap stops it. 1: sent. */
static int send_ladder(pw_cycle_trader *trader, pw_cycle *cycle, const pw_view *view, int turning, pw_out *out) {
    const pw_cycle_trader_params *params = &trader->params;
    const int64_t volume = clamped(params->sizes, params->n_sizes, cycle->level);
    const int64_t quote = pw_fill_side(&view->tick, cycle->direction);
    if (cycle->orders + 1 > params->max_orders) {
        pw_cap_reached(cycle, PW_LIMIT_ORDERS, params->max_orders, out);
        return 0;
    }
    if (!pw_book_room(&trader->book, cycle, volume, params->max_total)) {
        pw_cap_reached(cycle, PW_LIMIT_VOLUME, params->max_total, out);
        return 0;
    }
    int64_t sl = 0;
    if (params->order_sl > 0) sl = cycle->direction == PW_BUY ? quote - params->order_sl : quote + params->order_sl;
    cycle->turning = turning;
    pw_send_open(&trader->book, cycle, view, cycle->direction, PW_ROLE_LADDER, volume, sl, out);
    return 1;
}

/* What is left to hedge: never more than the net volume on the first order's side. */
static int64_t to_hedge(const pw_cycle *cycle) {
    const int64_t net = pw_open_steps(cycle, cycle->side) - pw_open_steps(cycle, pw_opposite(cycle->side));
    return cycle->missing > 0 && cycle->missing < net ? cycle->missing : net;
}

static int rule_hedge(pw_cycle_trader *trader, pw_cycle *cycle, const pw_view *view, pw_out *out) {
    const int repeats = cycle->missing > 0;
    const int due = repeats ? view->tick.time >= cycle->retry_at : pw_reached(hedge_at(trader, cycle), &view->tick);
    const int64_t volume = to_hedge(cycle);
    if (!due || volume <= 0) return 0;
    return pw_hedge_send(&trader->book, cycle, view, pw_opposite(cycle->side), volume, trader->params.max_total, out);
}

static int rule_ladder(pw_cycle_trader *trader, pw_cycle *cycle, const pw_view *view, pw_out *out) {
    const int turn = pw_reached(turn_at(trader, cycle), &view->tick);
    const int step = pw_reached(step_at(trader, cycle), &view->tick);
    cycle->wait_turn &= turn;
    cycle->wait_step &= step;
    if (turn && !cycle->wait_turn) {
        cycle->direction = pw_opposite(cycle->direction);
        cycle->centre = cycle->last = pw_fill_side(&view->tick, cycle->direction);
        cycle->zone++;
        cycle->added = 0;
        cycle->wait_step = 0;
        (void)send_ladder(trader, cycle, view, 1, out);
        return 1;
    }
    return step && !turn && !cycle->wait_step && send_ladder(trader, cycle, view, 0, out);
}

/* ---- A tick ----------------------------------------------------------------------------------------------------- */

/* Rule 1, the loss in flight, and rule 4: what the profit decides. The reason to close, or none. */
static int32_t exit_for(const pw_cycle_trader *trader, int64_t profit) {
    if (profit >= trader->params.take_profit) return PW_WHY_TAKE_PROFIT;
    return profit <= -trader->params.max_cycle_loss ? PW_WHY_MAX_LOSS : PW_WHY_NONE;
}

static int close_now(pw_cycle_trader *trader, pw_cycle *cycle, const pw_view *view, int32_t why, pw_out *out) {
    pw_close_begin(cycle, why);
    pw_close_step(&trader->book, cycle, view, out);
    return 1;
}

static int may_send(const pw_cycle_trader *trader, const pw_view *view) {
    return view->known && !trader->book.exits_only;
}

int pw_trader_step(pw_cycle_trader *trader, pw_cycle *cycle, const pw_view *view, int new_candle, int rules,
                   int *acted, pw_out *out) {
    int64_t profit = 0;
    *acted = pw_time_out(cycle, view->tick.time, out);
    if (cycle->phase != PW_CLOSING && cycle->request.id == 0 && cycle->latched != PW_WHY_NONE) {
        *acted = close_now(trader, cycle, view, cycle->latched, out);
        return PW_OK;
    }
    if (cycle->phase == PW_CLOSING) {
        const int64_t before = out->n_intents;
        pw_close_step(&trader->book, cycle, view, out);
        *acted |= out->n_intents > before;
        return PW_OK;
    }
    const int repeat = cycle->request.id == 0 && cycle->missing > 0 && may_send(trader, view);
    if (!rules) {
        if (repeat) *acted |= rule_hedge(trader, cycle, view, out);
        return PW_OK;
    }
    const int status = pw_cycle_profit(cycle, view, &profit);
    if (status != PW_OK && status != PW_NO_RATE) return status;
    const int32_t why = status == PW_OK ? exit_for(trader, profit) : PW_WHY_NONE;
    if (cycle->request.id != 0) {
        if (why == PW_WHY_MAX_LOSS && cycle->latched == PW_WHY_NONE) cycle->latched = why;
        return PW_OK;
    }
    if (why != PW_WHY_NONE) {
        *acted = close_now(trader, cycle, view, why, out);
    } else if (may_send(trader, view) && cycle->phase == PW_INITIAL && rule_hedge(trader, cycle, view, out)) {
        *acted = 1;
    } else if (may_send(trader, view) && cycle->phase == PW_RECOVERY && rule_ladder(trader, cycle, view, out)) {
        *acted = 1;
    } else if (new_candle && status == PW_OK && profit > 0) {
        *acted = close_now(trader, cycle, view, PW_WHY_CANDLE_CLOSE, out);
    }
    return PW_OK;
}

int pw_trader_watch(pw_cycle_trader *trader, const pw_cycle *cycle, const pw_view *view) {
    pw_window *window = &trader->book.window;
    const pw_tick *tick = &view->tick;
    int64_t profit = 0;
    pw_watch_requests(window, cycle);
    if (cycle->phase == PW_CLOSING || cycle->latched != PW_WHY_NONE) return PW_OK;
    const int status = pw_cycle_profit(cycle, view, &profit);
    if (status != PW_OK && status != PW_NO_RATE) return status;
    if (status == PW_OK) {
        const int64_t high = cycle->request.id != 0 ? INT64_MAX / 4 : trader->params.take_profit;
        pw_watch_profit(window, view, cycle, profit, -trader->params.max_cycle_loss, high);
    }
    if (cycle->request.id != 0) return PW_OK;
    if (cycle->phase == PW_INITIAL && cycle->missing == 0) pw_watch(window, tick, hedge_at(trader, cycle));
    if (cycle->phase == PW_RECOVERY) {
        pw_watch(window, tick, turn_at(trader, cycle));
        pw_watch(window, tick, step_at(trader, cycle));
    }
    return PW_OK;
}

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

static int first_filled(pw_cycle_trader *trader, pw_cycle *cycle, const pw_request *request) {
    if (request->filled == 0) {
        trader->wait[request->side] = 1;
        pw_close_begin(cycle, PW_WHY_REJECTED);
        return PW_OK;
    }
    const int status = pw_average(request->value, request->filled, &cycle->anchor);
    cycle->phase = PW_INITIAL;
    cycle->orders = 1;
    cycle->last = cycle->anchor;
    cycle->reserve = request->filled;
    trader->reference[PW_BUY] = trader->reference[PW_SELL] = cycle->anchor;
    return status;
}

static int ladder_filled(pw_cycle *cycle, const pw_request *request) {
    const int turning = cycle->turning;
    cycle->turning = 0;
    if (request->filled == 0) {
        *(turning ? &cycle->wait_turn : &cycle->wait_step) = 1;
        return PW_OK;
    }
    cycle->orders++;
    cycle->level++;
    cycle->added += !turning;
    return pw_average(request->value, request->filled, &cycle->last);
}

int pw_trader_filled(pw_cycle_trader *trader, pw_cycle *cycle, const pw_request *request, int64_t now) {
    int64_t price = 0;
    if (request->role == PW_ROLE_INITIAL) return first_filled(trader, cycle, request);
    if (request->role == PW_ROLE_LADDER) return ladder_filled(cycle, request);
    const int complete = pw_hedge_outcome(cycle, request, now, &price);
    if (complete <= 0) return -complete;
    cycle->phase = PW_RECOVERY;
    cycle->centre = cycle->last = price;
    cycle->direction = request->side;
    cycle->zone = 0;
    cycle->level = 1;
    cycle->added = 0;
    return PW_OK;
}
