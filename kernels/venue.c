/* The order of things: what is checked before anything changes, and what happens on a tick in which order (venue.h). */
#include "venue_parts.h"

#include <string.h>

static const uint64_t TAG = UINT64_C(0x70772d76656e7565); /* "pw-venue" */
static const int64_t MOST_ARRAY = 65536;
static const int64_t MOST_WAIT = INT64_C(1000000000000); /* microseconds: 11 days */
static const int64_t MOST_STOP_OUT = 16000;

int64_t pw_venue_bytes(int64_t n_symbols, int64_t positions, int64_t pendings, int64_t orders) {
    if (n_symbols < 1 || n_symbols > PW_VENUE_SYMBOLS || positions < 1 || positions > PW_VENUE_POSITIONS) return -1;
    if (pendings < 1 || pendings > MOST_ARRAY || orders < 1 || orders > MOST_ARRAY) return -1;
    return (int64_t)sizeof(pw_venue_state) + n_symbols * (int64_t)sizeof(pw_quote) +
           positions * (int64_t)sizeof(pw_position) + pendings * (int64_t)sizeof(pw_pending) +
           orders * (int64_t)sizeof(pw_order);
}

static int flag(int32_t value) { return value == 0 || value == 1; }

static int spec_ok(const pw_account_spec *spec) {
    if (!venue_fits(spec->deposit) || spec->deposit < 0) return 0;
    if (spec->latency < 0 || spec->latency > MOST_WAIT || spec->fill_timeout < 0 || spec->fill_timeout > MOST_WAIT) return 0;
    if (spec->slippage < 0 || spec->slippage > PW_MOST_PRICE / 64) return 0;
    if (spec->stop_out < 0 || spec->stop_out > MOST_STOP_OUT) return 0;
    return flag(spec->netting) && flag(spec->close_by) && flag(spec->swap);
}

static int source_ok(int32_t from, int32_t pair, int64_t n_symbols) {
    return from == PW_RATE_GIVEN || (pair >= 0 && pair < n_symbols);
}

int pw_venue_begin(pw_venue *v, int64_t bytes, int64_t n_symbols, int64_t positions, int64_t pendings, int64_t orders) {
    static const pw_rate same = {1, 1, 1, 1};
    if (v == NULL || v->spec == NULL || v->symbols == NULL || v->state == NULL) return PW_NULL;
    const int64_t wanted = pw_venue_bytes(n_symbols, positions, pendings, orders);
    if (wanted < 0) return PW_OPTION;
    if (bytes != wanted) return PW_STATE;
    if (!spec_ok(v->spec)) return PW_OPTION;
    for (int64_t i = 0; i < n_symbols; i++) {
        const pw_symbol *symbol = &v->symbols[i];
        const int status = pw_symbol_check(symbol);
        if (status != PW_OK) return status;
        if (!source_ok(symbol->profit_from, symbol->profit_symbol, n_symbols)) return PW_OPTION;
        if (!source_ok(symbol->margin_from, symbol->margin_symbol, n_symbols)) return PW_OPTION;
    }
    pw_venue_state *s = v->state;
    memset(s, 0, (size_t)bytes);
    s->tag = TAG;
    s->bytes = bytes;
    s->n_symbols = n_symbols;
    s->most_positions = positions;
    s->most_pendings = pendings;
    s->most_queued = orders;
    s->time = -PW_MOST_TIME;
    s->balance = v->spec->deposit;
    s->next_ticket = 1;
    for (int64_t i = 0; i < n_symbols; i++) {
        venue_quotes(v)[i].profit = venue_quotes(v)[i].margin = same;
        venue_quotes(v)[i].day_end = INT64_MIN;
    }
    venue_stir(v);
    return PW_OK;
}

static int ready(const pw_venue *v) {
    if (v == NULL || v->state == NULL || v->spec == NULL || v->symbols == NULL) return PW_NULL;
    return v->state->tag == TAG ? v->state->status : PW_STATE;
}

/* An order makes two deals and a rejection at most; a position one swap booking and one closing, and those that come
 * into being on the tick may be closed by stop-out; a pending order is filled or deleted. */
int64_t pw_venue_room(const pw_venue *v) {
    const pw_venue_state *s = v->state;
    return 4 * s->n_queued + 4 * s->n_pendings + 2 * s->n_positions;
}

static int has_room(const pw_venue *v) {
    return v->n_out >= 0 && v->n_out <= v->most_out && v->most_out - v->n_out >= pw_venue_room(v) &&
           (v->out != NULL || v->most_out == 0);
}

static int end(pw_venue *v, int status) {
    if (status == 0) status = venue_calm(v);
    if (status == 0) return PW_OK;
    v->state->status = -status;
    return v->state->status;
}

/* Orders that are due by the tick of `symbol` (-1: of their own symbol), and those whose time is over. */
static int run_queue(pw_venue *v, int32_t symbol) {
    pw_venue_state *s = v->state;
    pw_order *queue = venue_queue(v);
    int64_t kept = 0;
    for (int64_t i = 0; i < s->n_queued; i++) {
        const pw_order order = queue[i];
        const pw_quote *quote = &venue_quotes(v)[order.symbol];
        const int64_t last = order.due + v->spec->fill_timeout;
        const int here = quote->known && (symbol < 0 || order.symbol == symbol);
        if (here && order.due <= quote->tick.time && quote->tick.time <= last) {
            const int status = venue_execute(v, &order);
            if (status != 0) return status;
        } else if (s->time > last) {
            const int open = pw_is_open(&v->symbols[order.symbol], order.due);
            venue_reject(v, &order, open ? PW_VENUE_TIMEOUT : PW_VENUE_MARKET_CLOSED);
        } else {
            queue[kept++] = order;
        }
    }
    s->n_queued = kept;
    return 0;
}

static int stir_tick(pw_venue *v, int32_t symbol, const pw_tick *tick, int continuous) {
    pw_venue_state *s = v->state;
    pw_quote *quote = &venue_quotes(v)[symbol];
    if (!has_room(v)) return PW_FULL;
    s->time = tick->time;
    s->ticks++;
    s->continuous = continuous != 0;
    quote->tick = *tick;
    quote->known = 1;
    int status = venue_midnight(v, symbol);
    if (status == 0) status = run_queue(v, symbol);
    if (status == 0) status = venue_trigger(v, symbol);
    if (status == 0) status = venue_stop_out(v);
    return end(v, status);
}

int pw_venue_tick(pw_venue *v, int32_t symbol, const pw_tick *tick, int continuous) {
    const int status = ready(v);
    if (status != PW_OK) return status;
    pw_venue_state *s = v->state;
    if (tick == NULL) return PW_NULL;
    if (symbol < 0 || symbol >= s->n_symbols) return PW_OPTION;
    if (tick->time < s->time || tick->time > PW_MOST_TIME) return PW_UNSORTED;
    if (tick->bid < 1 || tick->ask < tick->bid || tick->ask > PW_MOST_PRICE) return PW_PRICE;
    pw_quote *quote = &venue_quotes(v)[symbol];
    if (tick->time < quote->until && tick->bid > quote->bid_low && tick->bid < quote->bid_high &&
        tick->ask > quote->ask_low && tick->ask < quote->ask_high) {
        s->time = tick->time;
        s->ticks++;
        s->continuous = continuous != 0;
        quote->tick = *tick;
        return PW_OK;
    }
    return stir_tick(v, symbol, tick, continuous);
}

int pw_venue_settle(pw_venue *v) {
    const int status = ready(v);
    if (status != PW_OK) return status;
    if (v->state->n_queued == 0) return PW_OK;
    return has_room(v) ? end(v, run_queue(v, -1)) : PW_FULL;
}

int pw_venue_advance(pw_venue *v, int64_t time) {
    const int status = ready(v);
    if (status != PW_OK) return status;
    if (time < v->state->time || time > PW_MOST_TIME) return PW_UNSORTED;
    if (!has_room(v)) return PW_FULL;
    v->state->time = time;
    return v->state->n_queued == 0 ? PW_OK : end(v, run_queue(v, PW_VENUE_SYMBOLS));
}

static int order_ok(const pw_venue *v, const pw_order *order) {
    if (order->id < 1 || order->kind < PW_ORDER_OPEN || order->kind > PW_ORDER_CLOSE_BY) return 0;
    if (order->symbol < 0 || order->symbol >= v->state->n_symbols) return 0;
    if (order->side != PW_BUY && order->side != PW_SELL) return 0;
    if (order->volume < 0 || order->price < 0 || order->sl < 0 || order->tp < 0 || order->protect < 0) return 0;
    if (order->sl > PW_MOST_PRICE || order->tp > PW_MOST_PRICE || order->protect > PW_MOST_PRICE) return 0;
    return order->time >= -PW_MOST_TIME && order->time <= PW_MOST_TIME;
}

int pw_venue_submit(pw_venue *v, const pw_order *order) {
    const int status = ready(v);
    if (status != PW_OK) return status;
    if (order == NULL) return PW_NULL;
    if (!order_ok(v, order)) return PW_OPTION;
    pw_venue_state *s = v->state;
    pw_order *queue = venue_queue(v);
    pw_order entered = *order;
    entered.due = order->time + v->spec->latency;
    for (int64_t i = 0; i < s->n_queued; i++) {
        if (queue[i].id == order->id) return PW_OPTION;
    }
    if (s->n_queued >= s->most_queued) return PW_FULL;
    int64_t at = s->n_queued;
    while (at > 0 && (queue[at - 1].due > entered.due || (queue[at - 1].due == entered.due && queue[at - 1].id > order->id))) {
        at--;
    }
    memmove(&queue[at + 1], &queue[at], (size_t)(s->n_queued - at) * sizeof(*queue));
    queue[at] = entered;
    s->n_queued++;
    venue_stir(v);
    return PW_OK;
}

int pw_venue_rate(pw_venue *v, int32_t symbol, const pw_rate *profit, const pw_rate *margin) {
    const int status = ready(v);
    if (status != PW_OK) return status;
    if (symbol < 0 || symbol >= v->state->n_symbols) return PW_OPTION;
    const pw_rate *given[2] = {profit, margin};
    for (int i = 0; i < 2; i++) {
        const pw_rate *rate = given[i];
        if (rate == NULL || (rate->gain_num == 0 && rate->gain_den == 0 && rate->loss_num == 0 && rate->loss_den == 0)) {
            continue;
        }
        if (rate->gain_num < 1 || rate->gain_den < 1 || rate->loss_num < 1 || rate->loss_den < 1) return PW_OPTION;
    }
    if (profit != NULL) venue_quotes(v)[symbol].profit = *profit;
    if (margin != NULL) venue_quotes(v)[symbol].margin = *margin;
    venue_stir(v);
    return PW_OK;
}

int pw_venue_deposit(pw_venue *v, int64_t amount) {
    const int status = ready(v);
    if (status != PW_OK) return status;
    if (!venue_fits(amount) || !venue_fits(v->state->balance + amount)) return PW_RANGE;
    v->state->balance += amount;
    venue_stir(v);
    return PW_OK;
}

int pw_venue_bar(pw_venue *v, int32_t symbol, const pw_tick *low, const pw_tick *high) {
    const int status = ready(v);
    if (status != PW_OK) return status;
    if (symbol < 0 || symbol >= v->state->n_symbols) return PW_OPTION;
    pw_quote *quote = &venue_quotes(v)[symbol];
    quote->bar = low != NULL && high != NULL;
    if (!quote->bar) return PW_OK;
    quote->bar_bid_low = low->bid;
    quote->bar_bid_high = high->bid;
    quote->bar_ask_low = low->ask;
    quote->bar_ask_high = high->ask;
    return PW_OK;
}
