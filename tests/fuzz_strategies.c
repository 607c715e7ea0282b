/* The built-in strategies with whatever bytes come: quotes, reports, commands and time. No access out of bounds, no
 * undefined arithmetic, and what strategy.h promises. Built with the sanitizers, and run by `make check` and `.ci/run`.
 *
 *     bytes   [ strategy | parameters | event, event, ... as far as they last ]
 */
#include "adaptive_hedging.h"
#include "bollinger_stop.h"
#include "cycle_trader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct bytes {
    const uint8_t *at;
    size_t left;
} bytes;

static uint64_t take(bytes *from, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count && from->left > 0; i++) {
        value = value << 8 | from->at[0];
        from->at++;
        from->left--;
    }
    return value;
}

#define MUST(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            abort(); \
        } \
    } while (0)

enum { MOST_FLYING = 256, HISTORY = 1100 };

typedef struct desk {
    const pw_strategy *strategy;
    void *state;
    int64_t bytes;
    pw_view view;
    pw_intent intents[PW_ROOM_INTENTS];
    pw_note notes[PW_ROOM_NOTES];
    pw_cycle_end ended[PW_ROOM_ENDED];
    pw_out out;
    pw_intent flying[MOST_FLYING]; /* without an answer */
    int64_t n_flying;
    int64_t tickets;
} desk;

/* What came out: ids rise, and everything asked for is possible. */
static void collect(desk *at, int status) {
    MUST(status == PW_OK || status == PW_OPTION || status == PW_RANGE || status == PW_FULL);
    for (int64_t i = 0; i < at->out.n_intents; i++) {
        const pw_intent *intent = &at->intents[i];
        MUST(intent->id > 0 && intent->cycle > 0 && (intent->kind == PW_MODIFY || intent->volume > 0));
        MUST(intent->kind == PW_OPEN || intent->ticket > 0);
        if (at->n_flying < MOST_FLYING) at->flying[at->n_flying++] = *intent;
    }
    at->out.n_intents = at->out.n_notes = at->out.n_ended = 0;
    pw_cycle_row rows[PW_ROOM_ENDED];
    MUST(at->strategy->open_volume(at->state) >= 0);
    MUST(at->strategy->rows(at->state, &at->view, rows, PW_ROOM_ENDED) <= PW_ROOM_ENDED);
    (void)at->strategy->next_time(at->state);
}

/* Params that hold, near and with small limits so that much happens. */
static int64_t choose(bytes *from, const pw_strategy *strategy, void *params) {
    const int64_t near = (int64_t)(take(from, 1) % 40) + 1;
    memset(params, 0, (size_t)strategy->params_bytes);
    if (strategy == pw_strategy_at(0)) {
        pw_cycle_trader_params *p = params;
        p->n_sizes = p->n_zones = 2;
        p->sizes[0] = p->zones[1] = 2;
        p->sizes[1] = 3;
        p->zones[0] = p->hedge_sl = p->zone_forward = p->zone_forward2 = p->autotrade_threshold = near;
        p->take_profit = near * 3;
        p->max_cycle_loss = near * 9;
        p->candle = 60 * PW_SECOND;
        p->restriction = near / 2;
        p->max_total = 60;
        p->max_cycles = (int32_t)(take(from, 1) % PW_MOST_CYCLES) + 1;
        p->max_orders = (int32_t)(take(from, 1) % 20) + 2;
        p->autotrade = p->candle_close = 1;
    } else if (strategy == pw_strategy_at(1)) {
        pw_adaptive_hedging_params *p = params;
        for (int i = 0; i <= PW_MOST_LEVELS; i++) p->sizes[i] = i + 1;
        p->distance = near;
        p->profit_target = near * 5;
        p->activation = -near;
        p->drawdown = -near * 40;
        p->day_target = 1000;
        p->day_limit = -1000;
        p->max_total = 100;
        p->max_levels = (int32_t)(take(from, 1) % PW_MOST_LEVELS) + 1;
        p->mode = (int32_t)(near % 2);
        p->auto_hedge = 1;
    } else {
        pw_bollinger_stop_params *p = params;
        p->signal_timeframe = p->exec_timeframe = 60 * PW_SECOND;
        p->trend_timeframe = 300 * PW_SECOND;
        p->risk_num = 1;
        p->risk_den = 100;
        p->deviation = 0.5;
        p->mode = (int32_t)(take(from, 1) % 3);
        p->period = p->mean_period = p->atr_period = (int32_t)(near + 1);
        p->max_open = (int32_t)(take(from, 1) % PW_MOST_POSITIONS) + 1;
    }
    return strategy->state_bytes(params);
}

static void quote(desk *at, bytes *from) {
    pw_tick *tick = &at->view.tick;
    tick->time += (int64_t)take(from, 1) * (at->strategy == pw_strategy_at(2) ? PW_SECOND : PW_SECOND / 4);
    tick->bid += (int64_t)(take(from, 1) % 81) - 40;
    if (tick->bid < 1) tick->bid = 1;
    tick->ask = tick->bid + (int64_t)(take(from, 1) % 8);
    at->view.day_profit = (int64_t)(take(from, 1) % 250) * 10 - 1249;
    collect(at, at->strategy->on_tick(at->state, &at->view, &at->out));
}

/* An answer to one of the intents that fly, or a report of random numbers. */
static void report(desk *at, bytes *from) {
    pw_report made = {0};
    const uint64_t what = take(from, 1);
    made.time = at->view.tick.time;
    if (at->n_flying == 0 || what % 16 == 0) {
        int64_t *const wide[] = {&made.id,   &made.ticket, &made.ticket_by, &made.volume,
                                 &made.left, &made.price,  &made.swap};
        for (int i = 0; i < 7; i++) *wide[i] = (int64_t)take(from, take(from, 1) % 5);
        made.kind = (int32_t)(take(from, 1) % 9) - 1;
        made.why = (int32_t)(take(from, 1) % 20);
        collect(at, at->strategy->on_report(at->state, &at->view, &made, &at->out));
        return;
    }
    const int64_t which = (int64_t)(take(from, 1) % (uint64_t)at->n_flying);
    const pw_intent intent = at->flying[which];
    made.id = intent.id;
    made.kind = intent.kind == PW_MODIFY ? PW_MODIFIED : PW_FILLED;
    if (what % 7 == 2) made.kind = PW_UNKNOWN;
    if (what % 5 == 1) made.kind = PW_REFUSED;
    made.why = (int32_t)(what % 3);
    made.volume = what % 6 == 0 && intent.volume > 1 ? intent.volume - 1 : intent.volume;
    made.left = intent.volume - made.volume;
    made.price = pw_fill_side(&at->view.tick, intent.side);
    made.commission = -made.volume;
    made.ticket = intent.kind == PW_OPEN ? ++at->tickets : intent.ticket;
    made.ticket_by = intent.ticket_by;
    collect(at, at->strategy->on_report(at->state, &at->view, &made, &at->out));
    if (made.kind != PW_UNKNOWN) at->flying[which] = at->flying[--at->n_flying];
}

static void command(desk *at, bytes *from) {
    const pw_command made = {(int64_t)take(from, 1), (int32_t)(take(from, 1) % 6), (int32_t)(take(from, 1) % 3)};
    collect(at, at->strategy->on_command(at->state, &at->view, &made, &at->out));
}

/* A copy of the state goes on in the same way. */
static void compare_copy(const desk *at) {
    desk twin = *at;
    desk one = *at;
    twin.state = malloc((size_t)at->bytes);
    one.state = malloc((size_t)at->bytes);
    if (twin.state == NULL || one.state == NULL) abort();
    memcpy(twin.state, at->state, (size_t)at->bytes);
    memcpy(one.state, at->state, (size_t)at->bytes);
    for (int i = 0; i < 2; i++) {
        desk *each = i == 0 ? &twin : &one;
        each->out = (pw_out){each->intents, 0, PW_ROOM_INTENTS, each->notes, 0, PW_ROOM_NOTES, each->ended, 0,
                             PW_ROOM_ENDED};
        each->view.tick.time += PW_SECOND;
        (void)each->strategy->on_tick(each->state, &each->view, &each->out);
    }
    MUST(memcmp(twin.state, one.state, (size_t)at->bytes) == 0);
    MUST(twin.out.n_intents == one.out.n_intents);
    free(twin.state);
    free(one.state);
}

/* Bars from history, so that bollinger_stop is past its warm-up. */
static void warm(const desk *at) {
    static double high[HISTORY], low[HISTORY], close[HISTORY];
    const int64_t timeframes[] = {60 * PW_SECOND, 300 * PW_SECOND, 86400 * PW_SECOND};
    for (int i = 0; i < HISTORY; i++) {
        close[i] = 1000.0 + (double)(i * 7 % 13);
        high[i] = close[i] + 5.0;
        low[i] = close[i] - 5.0;
    }
    for (int i = 0; i < 3; i++) {
        const int status = pw_bollinger_stop_warm(at->state, timeframes[i], high, low, close, HISTORY);
        MUST(status == PW_OK || status == PW_OPTION);
    }
    MUST(pw_bollinger_stop_warm(at->state, 60 * PW_SECOND, low, high, close, 1) == PW_OPTION);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bytes from = {data, size};
    static desk at;
    union {
        pw_cycle_trader_params trader;
        pw_adaptive_hedging_params adaptive;
        pw_bollinger_stop_params bollinger;
    } params;
    pw_symbol symbol = {0};
    symbol.unit_num = symbol.unit_den = symbol.commission_num = symbol.commission_den = 1;
    symbol.pip = symbol.volume_min = symbol.lot_num = 1;
    symbol.volume_max = symbol.lot_den = 100;
    memset(&at, 0, sizeof(at));
    at.strategy = pw_strategy_at((int32_t)(take(&from, 1) % 3));
    at.bytes = choose(&from, at.strategy, &params);
    MUST(at.bytes > 0);
    at.state = malloc((size_t)at.bytes); /* exactly as much: one more byte is found out */
    if (at.state == NULL) abort();
    MUST(at.strategy->init(at.state, at.bytes - 1, &params, &symbol) == PW_STATE);
    MUST(at.strategy->init(at.state, at.bytes, &params, &symbol) == PW_OK);
    at.out = (pw_out){at.intents, 0, PW_ROOM_INTENTS, at.notes, 0, PW_ROOM_NOTES, at.ended, 0, PW_ROOM_ENDED};
    at.view.symbol = &symbol;
    at.view.rate = (pw_rate){1, 1, 1, 1};
    at.view.tick = (pw_tick){0, 1000, 1002};
    at.view.equity = 1000000;
    at.view.known = 1;
    if (at.strategy == pw_strategy_at(2)) warm(&at);
    while (from.left > 0) {
        const uint64_t event = take(&from, 1) % 16;
        at.view.close_by = event % 2 == 0;
        if (event < 8) {
            quote(&at, &from);
        } else if (event < 13) {
            report(&at, &from);
        } else if (event == 13) {
            command(&at, &from);
        } else {
            at.view.tick.time += (int64_t)take(&from, 1) * PW_SECOND / 8;
            collect(&at, at.strategy->on_time(at.state, &at.view, &at.out));
        }
    }
    compare_copy(&at);
    free(at.state);
    return 0;
}
