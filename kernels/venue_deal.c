/* Opening and closing positions: every booking of the venue, each rounded once. */
#include "venue_parts.h"

#include <string.h>

pw_event *venue_tell(pw_venue *v, int32_t kind, int64_t id, int32_t symbol) {
    pw_event *told = &v->out[v->n_out++]; /* there is room: pw_venue_room() */
    memset(told, 0, sizeof(*told));
    told->time = v->state->time;
    told->id = id;
    told->kind = kind;
    told->symbol = symbol;
    told->balance = v->state->balance;
    return told;
}

void venue_reject(pw_venue *v, const pw_order *order, int why) {
    pw_event *told = venue_tell(v, PW_DID_REJECT, order->id, order->symbol);
    told->ticket = order->ticket;
    told->ticket_by = order->ticket_by;
    told->volume = told->left = order->volume;
    told->price = order->price;
    told->side = order->side;
    told->why = why;
}

/* The first place whose ticket is not below. */
static int64_t place_of(const pw_venue *v, int64_t ticket) {
    const pw_position *positions = venue_positions(v);
    int64_t low = 0;
    int64_t high = v->state->n_positions;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (positions[middle].ticket < ticket)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t venue_position_at(const pw_venue *v, int64_t ticket) {
    const int64_t at = place_of(v, ticket);
    return at < v->state->n_positions && venue_positions(v)[at].ticket == ticket ? at : -1;
}

int venue_stops_ok(const pw_symbol *symbol, int32_t side, int64_t bid, int64_t ask, int64_t sl, int64_t tp) {
    const int64_t level = symbol->stops_level;
    if (side == PW_BUY) return (sl == 0 || bid - sl >= level) && (tp == 0 || tp - bid >= level);
    return (sl == 0 || sl - ask >= level) && (tp == 0 || ask - tp >= level);
}

/* The volume and value open on a side of a symbol change. */
static void carry(pw_venue *v, int32_t symbol, int32_t side, int64_t volume, int64_t value) {
    pw_quote *quote = &venue_quotes(v)[symbol];
    if (side == PW_BUY) {
        quote->buy_volume += volume;
        quote->buy_value += value;
    } else {
        quote->sell_volume += volume;
        quote->sell_value += value;
    }
}

/* Whether the free margin allows it, now that it is carried and the commission is booked: not below 0, or no more
 * margin than before. */
static int affords(const pw_venue *v, const venue_fill *fill, int64_t margin_before) {
    const pw_symbol *symbol = &v->symbols[fill->symbol];
    const pw_position made = {.symbol = fill->symbol, .side = fill->side, .volume = fill->volume,
                              .value = fill->price * fill->volume};
    pw_worth worth;
    int64_t gross = 0;
    int64_t due = 0;
    int status = venue_value(v, VENUE_EXACT, &worth);
    if (status == PW_OK) status = venue_loss(v, &made, VENUE_EXACT, &gross);
    if (status == PW_OK) status = pw_commission(symbol, fill->volume, &due);
    if (status == PW_NO_RATE) return PW_VENUE_NO_RATE;
    if (status != PW_OK) return -PW_RANGE;
    const int64_t free_margin = v->state->balance + worth.floating + gross + due - worth.margin;
    return free_margin < 0 && worth.margin > margin_before ? PW_VENUE_NO_MONEY : 0;
}

static int64_t protected_sl(const venue_fill *fill) {
    int64_t sl = fill->sl;
    if (fill->protect > 0) {
        const int64_t far = fill->side == PW_BUY ? fill->price - fill->protect : fill->price + fill->protect;
        if (far > 0 && (sl == 0 || (fill->side == PW_BUY ? far > sl : far < sl))) sl = far;
    }
    return sl;
}

/* A position more, or on a netting account more of the one there is (`held` >= 0). */
static int gain(pw_venue *v, const venue_fill *fill, int64_t held, int64_t left) {
    pw_venue_state *s = v->state;
    const pw_quote *quote = &venue_quotes(v)[fill->symbol];
    const int64_t value = fill->price * fill->volume;
    pw_worth before;
    int64_t commission;
    if (held < 0 && s->n_positions >= s->most_positions) return PW_VENUE_CAPACITY;
    if (quote->buy_volume + quote->sell_volume + fill->volume > PW_MOST_VOLUME) return PW_VENUE_CAPACITY;
    int status = venue_value(v, VENUE_EXACT, &before);
    if (status == PW_OK) status = pw_commission(&v->symbols[fill->symbol], fill->volume, &commission);
    if (status != PW_OK) return status == PW_NO_RATE ? PW_VENUE_NO_RATE : -PW_RANGE;
    carry(v, fill->symbol, fill->side, fill->volume, value);
    s->balance += commission;
    const int why = affords(v, fill, before.margin);
    if (why != 0) {
        carry(v, fill->symbol, fill->side, -fill->volume, -value);
        s->balance -= commission;
        return why;
    }
    if (!venue_fits(s->balance)) return -PW_RANGE;
    const int64_t sl = protected_sl(fill);
    const int64_t deal = fill->ticket != 0 || held >= 0 ? s->next_ticket++ : 0;
    pw_position *position;
    if (held >= 0) {
        position = &venue_positions(v)[held];
        position->volume += fill->volume;
        position->value += value;
        position->commission += commission;
        if (!pw_scale(position->value, 1, 1, position->volume, &position->price)) return -PW_RANGE;
        if (sl != 0 || fill->tp != 0) position->since = s->ticks;
        if (sl != 0) position->sl = sl;
        if (fill->tp != 0) position->tp = fill->tp;
    } else {
        const int64_t ticket = fill->ticket != 0 ? fill->ticket : s->next_ticket++;
        const int64_t at = place_of(v, ticket);
        position = &venue_positions(v)[at];
        memmove(position + 1, position, (size_t)(s->n_positions - at) * sizeof(*position));
        s->n_positions++;
        *position = (pw_position){.ticket = ticket,
                                  .volume = fill->volume,
                                  .price = fill->price,
                                  .value = value,
                                  .sl = sl,
                                  .tp = fill->tp,
                                  .commission = commission,
                                  .opened_at = s->time,
                                  .day = quote->day,
                                  .since = s->ticks,
                                  .order = fill->id,
                                  .symbol = fill->symbol,
                                  .side = fill->side};
    }
    pw_event *told = venue_tell(v, PW_DID_DEAL, fill->id, fill->symbol);
    told->deal = deal != 0 ? deal : position->ticket;
    told->ticket = position->ticket;
    told->volume = fill->volume;
    told->left = left;
    told->price = fill->price;
    told->commission = commission;
    told->side = fill->side;
    told->entry = PW_ENTRY_IN;
    told->cause = fill->cause;
    return 0;
}

int venue_enter(pw_venue *v, const venue_fill *fill) {
    const pw_quote *quote = &venue_quotes(v)[fill->symbol];
    const pw_symbol *symbol = &v->symbols[fill->symbol];
    const int64_t sl = protected_sl(fill);
    if (fill->volume < symbol->volume_min || fill->volume > symbol->volume_max) return PW_VENUE_VOLUME;
    if (!venue_stops_ok(symbol, fill->side, quote->tick.bid, quote->tick.ask, sl, fill->tp)) return PW_VENUE_STOPS;
    if (!v->spec->netting) return gain(v, fill, -1, 0);
    int64_t held = -1;
    for (int64_t i = 0; i < v->state->n_positions; i++) {
        if (venue_positions(v)[i].symbol == fill->symbol) held = i;
    }
    if (held < 0 || venue_positions(v)[held].side == fill->side) return gain(v, fill, held, 0);
    venue_fill rest = *fill;
    const int64_t open = venue_positions(v)[held].volume;
    const int64_t closed = fill->volume < open ? fill->volume : open;
    if (!venue_can_leave(v, held)) return PW_VENUE_NO_RATE;
    rest.volume -= closed;
    const int status = venue_leave(v, held, closed, fill->price, fill->id, rest.volume, fill->cause, 0);
    if (status != 0 || rest.volume == 0) return status;
    const int why = gain(v, &rest, -1, 0);
    if (why <= 0) return why;
    const pw_order dropped = {.id = fill->id, .volume = rest.volume, .symbol = fill->symbol, .side = fill->side};
    venue_reject(v, &dropped, why); /* the part that closed stands */
    return 0;
}

int venue_can_leave(const pw_venue *v, int64_t at) {
    pw_rate rate;
    return venue_rate(v, venue_positions(v)[at].symbol, 0, VENUE_EXACT, &rate) == PW_OK;
}

/* The bar holds both stops of a position that one of them closes: which came first is not known. */
static void count_ambiguous(pw_venue *v, const pw_position *position) {
    pw_quote *quote = &venue_quotes(v)[position->symbol];
    const int64_t low = position->side == PW_BUY ? quote->bar_bid_low : quote->bar_ask_low;
    const int64_t high = position->side == PW_BUY ? quote->bar_bid_high : quote->bar_ask_high;
    if (quote->bar != 1 || position->sl == 0 || position->tp == 0) return;
    if (position->sl < low || position->sl > high || position->tp < low || position->tp > high) return;
    quote->bar = 2;
    v->state->ambiguous++;
}

int venue_leave(pw_venue *v, int64_t at, int64_t volume, int64_t price, int64_t id, int64_t left, int32_t cause,
                int64_t by) {
    pw_venue_state *s = v->state;
    pw_position *position = &venue_positions(v)[at];
    const pw_symbol *symbol = &v->symbols[position->symbol];
    pw_rate rate;
    int64_t value;
    int64_t swap;
    int64_t opening; /* commission charged on opening this part */
    int64_t profit;
    int64_t commission = 0;
    if (venue_rate(v, position->symbol, 0, VENUE_EXACT, &rate) != PW_OK) return -PW_RANGE; /* asked for before */
    int status = pw_share(position->value, volume, position->volume, &value);
    if (status == PW_OK) status = pw_share(position->swap, volume, position->volume, &swap);
    if (status == PW_OK) status = pw_share(position->commission, volume, position->volume, &opening);
    if (status == PW_OK && cause != PW_BY_CLOSE_BY) status = pw_commission(symbol, volume, &commission);
    if (status != PW_OK) return -PW_RANGE;
    const int64_t moved = price * volume - value;
    status = pw_profit_moved(symbol, &rate, position->side == PW_BUY ? moved : -moved, &profit);
    if (status != PW_OK || !venue_fits(profit)) return -PW_RANGE;
    s->balance += profit + commission + swap;
    if (!venue_fits(s->balance)) return -PW_RANGE;
    if (cause == PW_BY_SL || cause == PW_BY_TP) count_ambiguous(v, position);
    pw_event *told = venue_tell(v, PW_DID_DEAL, id, position->symbol);
    told->deal = s->next_ticket++;
    told->ticket = position->ticket;
    told->ticket_by = by;
    told->volume = volume;
    told->left = left;
    told->price = price;
    told->profit = profit;
    told->commission = commission;
    told->swap = swap;
    told->side = venue_opposite(position->side);
    told->entry = PW_ENTRY_OUT;
    told->cause = cause;
    carry(v, position->symbol, position->side, -volume, -value);
    position->volume -= volume;
    position->value -= value;
    position->swap -= swap;
    position->commission -= opening;
    if (position->volume == 0) {
        s->n_positions--;
        memmove(position, position + 1, (size_t)(s->n_positions - at) * sizeof(*position));
    }
    return 0;
}

/* Both at the other's opening price: the first books what lies between, the second nothing. */
int venue_leave_by(pw_venue *v, int64_t at, int64_t other, int64_t volume, int64_t id) {
    const int64_t ticket = venue_positions(v)[at].ticket;
    const int64_t ticket_by = venue_positions(v)[other].ticket;
    const int64_t price = venue_positions(v)[other].price;
    int status = venue_leave(v, at, volume, price, id, 0, PW_BY_CLOSE_BY, ticket_by);
    if (status == 0) {
        status = venue_leave(v, venue_position_at(v, ticket_by), volume, price, id, 0, PW_BY_CLOSE_BY, ticket);
    }
    return status;
}
