/* cycle_trader.h: the strategy around the rules of one cycle: ticks, rule 5 (autotrade), reports and commands. */
#include "cycle_trader.h"

#include <string.h>

static const int64_t TAG = INT64_C(0x435400000001); /* cycle_trader, version 1 */

/* ---- Parameters ------------------------------------------------------------------------------------------------- */

static int all_within(const int64_t *values, int32_t n, int32_t most, int64_t high) {
    if (n < 1 || n > most) return 0;
    for (int32_t i = 0; i < n; i++) {
        if (values[i] < 1 || values[i] > high) return 0;
    }
    return 1;
}

static int holds(const pw_cycle_trader_params *p) {
    const int64_t far = INT64_C(1) << 40; /* points, steps and minor units beyond that are nobody's */
    const int sizes = all_within(p->sizes, p->n_sizes, PW_MOST_SIZES, far) &&
                      all_within(p->zones, p->n_zones, PW_MOST_ZONES, far) && p->max_cycles >= 1 &&
                      p->max_cycles <= PW_MOST_CYCLES && p->max_orders >= 2 && p->max_orders <= PW_MOST_ORDERS;
    const int64_t positive[] = {p->take_profit, p->max_cycle_loss, p->hedge_sl, p->zone_forward, p->zone_forward2,
                                p->max_total};
    const int64_t others[] = {p->autotrade_threshold, p->restriction, p->order_sl, p->disaster_sl};
    if (!sizes || !all_within(positive, 6, 6, far)) return 0;
    for (int i = 0; i < 4; i++) {
        if (others[i] < 0 || others[i] > far) return 0;
    }
    if (p->autotrade && p->autotrade_threshold < 1) return 0;
    if (p->candle_close && (p->candle < 1 || p->candle > far)) return 0;
    return p->disaster_sl == 0 || p->disaster_sl > p->hedge_sl + p->zones[0];
}

/* Orders that fill, and three more positions that a hedge sent again may leave. */
static int32_t legs_of(const pw_cycle_trader_params *params) { return params->max_orders + PW_HEDGE_REPEATS; }

static int64_t trader_bytes(const void *params) {
    const pw_cycle_trader_params *given = params;
    if (given == NULL || !holds(given)) return -1;
    return pw_book_bytes((int64_t)sizeof(pw_cycle_trader), given->max_cycles, legs_of(given));
}

static int trader_init(void *state, int64_t bytes, const void *params, const pw_symbol *symbol) {
    pw_cycle_trader *trader = state;
    const pw_cycle_trader_params *given = params;
    if (state == NULL || params == NULL || symbol == NULL) return PW_NULL;
    if (!holds(given)) return PW_OPTION;
    for (int32_t i = 0; i < given->n_sizes; i++) {
        if (given->sizes[i] < symbol->volume_min || given->sizes[i] > symbol->volume_max) return PW_OPTION;
    }
    const int status =
        pw_book_begin(&trader->book, TAG, bytes, (int64_t)sizeof(*trader), given->max_cycles, legs_of(given));
    if (status != PW_OK) return status;
    trader->params = *given;
    trader->book.protect = given->disaster_sl;
    return PW_OK;
}

/* ---- First orders ----------------------------------------------------------------------------------------------- */

/* What stands against a first order of this side, 0: nothing. *value: the figure. */
static int32_t against(const pw_cycle_trader *trader, const pw_view *view, int32_t side, int64_t *value) {
    const pw_cycle_trader_params *params = &trader->params;
    const int64_t volume = params->sizes[0];
    *value = 0;
    if (trader->book.exits_only) return PW_LIMIT_EXITS;
    if (!view->known || view->tick.bid <= 0) return PW_LIMIT_UNKNOWN; /* no quote yet: none is known */
    *value = params->max_cycles;
    if (trader->book.n_cycles >= params->max_cycles) return PW_LIMIT_CYCLES;
    for (int32_t i = 0; i < trader->book.n_cycles && params->prevent_opposing; i++) {
        const pw_cycle *cycle = pw_cycle_at(&trader->book, i);
        *value = cycle->id;
        if (cycle->side != side) return PW_LIMIT_OPPOSING;
    }
    *value = params->max_total;
    const int64_t both = 2 * volume; /* itself and its hedge */
    return pw_book_room(&trader->book, NULL, both, params->max_total) ? 0 : PW_LIMIT_VOLUME;
}

static void send_first(pw_cycle_trader *trader, const pw_view *view, int32_t side, pw_out *out) {
    pw_cycle *cycle = pw_cycle_new(&trader->book, view->tick.time, side);
    cycle->reserve = trader->params.sizes[0];
    pw_send_open(&trader->book, cycle, view, side, PW_ROLE_INITIAL, trader->params.sizes[0], 0, out);
}

/* Whether a cycle of this side is nearer than allowed. Watches where that changes. */
static int too_near(pw_cycle_trader *trader, const pw_tick *tick, int32_t side) {
    const int64_t distance = trader->params.restriction;
    const int64_t price = pw_fill_side(tick, side);
    const int quote = side == PW_BUY ? PW_ASK : PW_BID;
    int near = 0;
    for (int32_t i = 0; i < trader->book.n_cycles && distance > 0; i++) {
        const pw_cycle *cycle = pw_cycle_at(&trader->book, i);
        if (cycle->side != side) continue;
        const int64_t from = cycle->anchor != 0 ? cycle->anchor : cycle->request.price + cycle->unknown.price;
        near |= price - from < distance && from - price < distance;
        pw_watch_at_least(&trader->book.window, tick, quote, from + distance);
        pw_watch_at_most(&trader->book.window, tick, quote, from - distance);
    }
    return near;
}

/* Rule 5. 1: a cycle was opened. */
static int autotrade(pw_cycle_trader *trader, const pw_view *view, pw_out *out) {
    const pw_tick *tick = &view->tick;
    const int64_t threshold = trader->params.autotrade_threshold;
    const int64_t levels[2] = {trader->reference[PW_BUY] + threshold, trader->reference[PW_SELL] - threshold};
    const int met[2] = {tick->ask >= levels[PW_BUY], tick->bid <= levels[PW_SELL]};
    int64_t value;
    pw_watch_at_least(&trader->book.window, tick, PW_ASK, levels[PW_BUY]);
    pw_watch_at_most(&trader->book.window, tick, PW_BID, levels[PW_SELL]);
    trader->wait[PW_BUY] &= met[PW_BUY];
    trader->wait[PW_SELL] &= met[PW_SELL];
    if (met[PW_BUY] == met[PW_SELL]) return 0;
    const int32_t side = met[PW_BUY] ? PW_BUY : PW_SELL;
    const int near = too_near(trader, tick, side);
    if (trader->wait[side] || near || trader->book.closed_at == tick->time) return 0;
    const int32_t limit = against(trader, view, side, &value);
    if (limit == 0) {
        trader->capped = 0;
        send_first(trader, view, side, out);
        return 1;
    }
    if (limit == PW_LIMIT_VOLUME && !trader->capped) {
        trader->capped = 1;
        pw_note_out(out, 0, PW_NOTE_CAP, limit, value);
    }
    return 0;
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

/* The first quote of a new candle. */
static int new_candle(pw_cycle_trader *trader, const pw_view *view) {
    if (!trader->params.candle_close) return 0;
    const int64_t bucket = pw_bucket(view->symbol, view->tick.time, trader->params.candle);
    const int is_new = trader->has_bucket && bucket != trader->bucket;
    trader->bucket = bucket;
    trader->has_bucket = 1;
    return is_new;
}

static int watch_all(pw_cycle_trader *trader, const pw_view *view) {
    pw_window *window = &trader->book.window;
    for (int32_t i = 0; i < trader->book.n_cycles; i++) {
        const int status = pw_trader_watch(trader, pw_cycle_at(&trader->book, i), view);
        if (status != PW_OK) return status;
    }
    if (trader->params.candle_close) {
        pw_watch_time(window, pw_bucket_until(view->symbol, view->tick.time, trader->params.candle));
    }
    if (trader->book.closed_at == view->tick.time) pw_window_void(window);
    return PW_OK;
}

static int trader_tick(void *state, const pw_view *view, pw_out *out) {
    pw_cycle_trader *trader = state;
    if (pw_book_is(state, TAG) && view != NULL && pw_quiet(&trader->book.window, view)) return PW_OK;
    int status = pw_book_ready(state, TAG, view, out);
    int any = 0;
    if (status != PW_OK) return status;
    trader->book.now = view->tick.time;
    pw_window_open(&trader->book.window, view);
    if (trader->reference[PW_BUY] == 0) {
        trader->reference[PW_BUY] = view->tick.ask;
        trader->reference[PW_SELL] = view->tick.bid;
    }
    const int candle = new_candle(trader, view);
    for (int32_t i = 0; i < trader->book.n_cycles; i++) {
        int acted;
        status = pw_trader_step(trader, pw_cycle_at(&trader->book, i), view, candle, 1, &acted, out);
        if (status != PW_OK) return status;
        any |= acted;
    }
    if (trader->params.autotrade) any |= autotrade(trader, view, out);
    if (!any) return watch_all(trader, view);
    pw_window_void(&trader->book.window);
    return PW_OK;
}

static int trader_time(void *state, const pw_view *view, pw_out *out) {
    pw_cycle_trader *trader = state;
    int status = pw_book_ready(state, TAG, view, out);
    if (status != PW_OK) return status;
    trader->book.now = view->tick.time;
    pw_window_void(&trader->book.window);
    for (int32_t i = 0; i < trader->book.n_cycles && status == PW_OK; i++) {
        int acted;
        status = pw_trader_step(trader, pw_cycle_at(&trader->book, i), view, 0, 0, &acted, out);
    }
    return status;
}

static int trader_report(void *state, const pw_view *view, const pw_report *report, pw_out *out) {
    pw_cycle_trader *trader = state;
    pw_outcome outcome;
    int status = pw_book_ready(state, TAG, view, out);
    if (status == PW_OK && report == NULL) status = PW_NULL;
    if (status == PW_OK) status = pw_book_report(&trader->book, view, report, &outcome, out);
    if (status != PW_OK || outcome.cycle == NULL) return status;
    if (outcome.request.id != 0 && outcome.request.kind == PW_OPEN && outcome.cycle->phase != PW_CLOSING) {
        status = pw_trader_filled(trader, outcome.cycle, &outcome.request, report->time);
    }
    pw_cycle_settle(&trader->book, outcome.cycle, report->time, PW_WHY_EXTERNAL, out);
    return status;
}

static int trader_command(void *state, const pw_view *view, const pw_command *command, pw_out *out) {
    pw_cycle_trader *trader = state;
    int64_t value;
    const int status = pw_book_ready(state, TAG, view, out);
    if (status != PW_OK) return status;
    if (command == NULL) return PW_NULL;
    if (pw_book_command(&trader->book, view, command, out)) return PW_OK;
    if (command->verb != PW_OPEN_CYCLE || (command->side != PW_BUY && command->side != PW_SELL)) return PW_OPTION;
    const int32_t limit = against(trader, view, command->side, &value);
    if (limit == 0) {
        send_first(trader, view, command->side, out);
    } else {
        pw_note_out(out, 0, PW_NOTE_NOT_DONE, limit, value);
    }
    return PW_OK;
}

static int64_t trader_next_time(const void *state) { return pw_book_next_time(state); }

static int64_t trader_volume(const void *state) { return pw_book_volume(state); }

static int64_t trader_rows(const void *state, const pw_view *view, pw_cycle_row *rows, int64_t most) {
    return pw_book_rows(state, view, rows, most);
}

const pw_strategy pw_cycle_trader_strategy = {
    "cycle_trader", (int64_t)sizeof(pw_cycle_trader_params), trader_bytes,     trader_init,   trader_tick, trader_time,
    trader_report,  trader_command,                          trader_next_time, trader_volume, trader_rows,
};
