/* What becomes of an order that is due, at the latest tick of its symbol. */
#include "venue_parts.h"

#include <string.h>

int64_t venue_pending_at(const pw_venue *v, int64_t ticket) {
    for (int64_t i = 0; i < v->state->n_pendings; i++) {
        if (venue_pendings(v)[i].ticket == ticket) return i;
    }
    return -1;
}

void venue_drop_pending(pw_venue *v, int64_t at) {
    pw_pending *pending = &venue_pendings(v)[at];
    v->state->n_pendings--;
    memmove(pending, pending + 1, (size_t)(v->state->n_pendings - at) * sizeof(*pending));
}

static int open_position(pw_venue *v, const pw_order *order, const pw_tick *tick) {
    const venue_fill fill = {.id = order->id,
                             .volume = order->volume,
                             .price = venue_slipped(v, venue_opening(tick, order->side), order->side),
                             .sl = order->sl,
                             .tp = order->tp,
                             .protect = order->protect,
                             .symbol = order->symbol,
                             .side = order->side,
                             .cause = PW_BY_MARKET};
    return venue_enter(v, &fill);
}

static int close_position(pw_venue *v, const pw_order *order, const pw_tick *tick) {
    const int64_t at = venue_position_at(v, order->ticket);
    const pw_position *position = &venue_positions(v)[at < 0 ? 0 : at];
    if (at < 0 || position->symbol != order->symbol) return PW_VENUE_POSITION_CLOSED;
    if (position->side == order->side) return PW_VENUE_SIDE;
    if (order->volume < 1 || order->volume > position->volume) return PW_VENUE_VOLUME;
    if (!venue_can_leave(v, at)) return PW_VENUE_NO_RATE;
    const int64_t price = venue_slipped(v, venue_opening(tick, order->side), order->side);
    return venue_leave(v, at, order->volume, price, order->id, 0, PW_BY_MARKET, 0);
}

/* Whether a pending order may stand at a price: on the right side of the market, far enough, its stops around it. */
static int pending_why(const pw_symbol *symbol, const pw_tick *tick, const pw_pending *pending) {
    const int64_t market = venue_opening(tick, pending->side);
    const int below = (pending->side == PW_BUY) == (pending->kind == PW_ORDER_LIMIT);
    const int64_t distance = below ? market - pending->price : pending->price - market;
    if (pending->price < 1 || pending->price > PW_MOST_PRICE || distance < symbol->stops_level) return PW_VENUE_PRICE;
    return venue_stops_ok(symbol, pending->side, pending->price, pending->price, pending->sl, pending->tp)
               ? 0
               : PW_VENUE_STOPS;
}

static void tell_pending(pw_venue *v, int32_t kind, int64_t id, const pw_pending *pending) {
    pw_event *told = venue_tell(v, kind, id, pending->symbol);
    told->ticket = pending->ticket;
    told->volume = told->left = pending->volume;
    told->price = pending->price;
    told->side = pending->side;
}

static int place(pw_venue *v, const pw_order *order, const pw_tick *tick) {
    pw_venue_state *s = v->state;
    const pw_symbol *symbol = &v->symbols[order->symbol];
    pw_pending pending = {.order = order->id,
                          .volume = order->volume,
                          .price = order->price,
                          .sl = order->sl,
                          .tp = order->tp,
                          .protect = order->protect,
                          .placed_at = s->time,
                          .since = s->ticks,
                          .symbol = order->symbol,
                          .side = order->side,
                          .kind = order->kind};
    if (order->volume < symbol->volume_min || order->volume > symbol->volume_max) return PW_VENUE_VOLUME;
    const int why = pending_why(symbol, tick, &pending);
    if (why != 0) return why;
    if (s->n_pendings >= s->most_pendings) return PW_VENUE_CAPACITY;
    pending.ticket = s->next_ticket++;
    venue_pendings(v)[s->n_pendings++] = pending; /* tickets only grow: the array stays in their order */
    tell_pending(v, PW_DID_PLACE, order->id, &pending);
    return 0;
}

static int modify_pending(pw_venue *v, const pw_order *order, const pw_tick *tick, int64_t at) {
    pw_pending changed = venue_pendings(v)[at];
    if (order->price != 0) changed.price = order->price;
    changed.sl = order->sl;
    changed.tp = order->tp;
    changed.since = v->state->ticks;
    const int why = pending_why(&v->symbols[order->symbol], tick, &changed);
    if (why != 0) return why;
    venue_pendings(v)[at] = changed;
    tell_pending(v, PW_DID_MODIFY, order->id, &changed);
    return 0;
}

static int modify(pw_venue *v, const pw_order *order, const pw_tick *tick) {
    const pw_symbol *symbol = &v->symbols[order->symbol];
    const int64_t pending = venue_pending_at(v, order->ticket);
    if (pending >= 0 && venue_pendings(v)[pending].symbol == order->symbol) {
        return modify_pending(v, order, tick, pending);
    }
    const int64_t at = venue_position_at(v, order->ticket);
    pw_position *position = &venue_positions(v)[at < 0 ? 0 : at];
    if (at < 0 || position->symbol != order->symbol) return PW_VENUE_POSITION_CLOSED;
    /* What stays as it is needs no distance: the market may have come near it. */
    const int64_t sl = order->sl == position->sl ? 0 : order->sl;
    const int64_t tp = order->tp == position->tp ? 0 : order->tp;
    if (!venue_stops_ok(symbol, position->side, tick->bid, tick->ask, sl, tp)) return PW_VENUE_STOPS;
    if (order->sl != position->sl || order->tp != position->tp) position->since = v->state->ticks;
    position->sl = order->sl;
    position->tp = order->tp;
    pw_event *told = venue_tell(v, PW_DID_MODIFY, order->id, order->symbol);
    told->ticket = position->ticket;
    told->volume = position->volume;
    told->price = position->price;
    told->side = position->side;
    return 0;
}

static int cancel(pw_venue *v, const pw_order *order) {
    const int64_t at = venue_pending_at(v, order->ticket);
    if (at < 0 || venue_pendings(v)[at].symbol != order->symbol) return PW_VENUE_NO_ORDER;
    tell_pending(v, PW_DID_CANCEL, order->id, &venue_pendings(v)[at]);
    venue_drop_pending(v, at);
    return 0;
}

static int close_by(pw_venue *v, const pw_order *order) {
    const int64_t at = venue_position_at(v, order->ticket);
    const int64_t other = venue_position_at(v, order->ticket_by);
    const pw_position *positions = venue_positions(v);
    if (!v->spec->close_by || v->spec->netting) return PW_VENUE_NOT_PERMITTED;
    if (at < 0 || other < 0) return PW_VENUE_POSITION_CLOSED;
    if (positions[at].symbol != order->symbol || positions[other].symbol != order->symbol) {
        return PW_VENUE_POSITION_CLOSED;
    }
    if (positions[at].side == positions[other].side) return PW_VENUE_SIDE;
    const int64_t both = positions[at].volume < positions[other].volume ? positions[at].volume : positions[other].volume;
    if (order->volume > both) return PW_VENUE_VOLUME;
    if (!venue_can_leave(v, at)) return PW_VENUE_NO_RATE;
    return venue_leave_by(v, at, other, order->volume == 0 ? both : order->volume, order->id);
}

int venue_execute(pw_venue *v, const pw_order *order) {
    const pw_tick *tick = &venue_quotes(v)[order->symbol].tick;
    int why;
    if (!pw_is_open(&v->symbols[order->symbol], tick->time)) {
        why = PW_VENUE_MARKET_CLOSED;
    } else {
        switch (order->kind) {
        case PW_ORDER_OPEN: why = open_position(v, order, tick); break;
        case PW_ORDER_CLOSE: why = close_position(v, order, tick); break;
        case PW_ORDER_LIMIT:
        case PW_ORDER_STOP: why = place(v, order, tick); break;
        case PW_ORDER_MODIFY: why = modify(v, order, tick); break;
        case PW_ORDER_CANCEL: why = cancel(v, order); break;
        default: why = close_by(v, order); break;
        }
    }
    if (why > 0) venue_reject(v, order, why);
    return why < 0 ? why : 0;
}
