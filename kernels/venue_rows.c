/* Rebuilding a venue from rows, and looking into its block. */
#include "venue_parts.h"

#include <string.h>

enum { MOST_DAY = 26688200 }; /* that of PW_MOST_TIME */

static int ready(const pw_venue *v) { return v != NULL && v->state != NULL ? v->state->status : PW_NULL; }

static int ticket_free(const pw_venue *v, int64_t ticket) {
    return ticket > 0 && ticket <= PW_MOST_TIME && venue_position_at(v, ticket) < 0 && venue_pending_at(v, ticket) < 0;
}

/* A fill may lie beyond the highest quote by the slippage. */
static int price_ok(int64_t price, int64_t low) {
    return price >= low && price <= PW_MOST_PRICE + PW_MOST_PRICE / 64;
}

static int owned(const pw_venue *v, int32_t symbol, int32_t side, int64_t volume) {
    return symbol >= 0 && symbol < v->state->n_symbols && (side == PW_BUY || side == PW_SELL) && volume >= 1 &&
           volume <= PW_MOST_VOLUME;
}

int pw_venue_put_position(pw_venue *v, const pw_position *row) {
    const int status = row == NULL ? PW_NULL : ready(v);
    if (status != PW_OK) return status;
    pw_venue_state *s = v->state;
    if (!owned(v, row->symbol, row->side, row->volume) || !ticket_free(v, row->ticket)) return PW_OPTION;
    if (!price_ok(row->price, 1) || !price_ok(row->sl, 0) || !price_ok(row->tp, 0)) return PW_OPTION;
    if (!venue_fits(row->swap) || !venue_fits(row->commission) || row->commission > 0) return PW_OPTION;
    if (row->day < -MOST_DAY || row->day > MOST_DAY || row->value < 0) return PW_OPTION;
    pw_position position = *row;
    const int64_t exact = row->price * row->volume;
    if (position.value == 0) position.value = exact;
    /* The price is the average rounded to the point: value may differ from price x volume by half a point a step. */
    const int64_t off = position.value > exact ? position.value - exact : exact - position.value;
    if (off > position.volume || (off != 0 && !v->spec->netting)) return PW_OPTION;
    pw_quote *quote = &venue_quotes(v)[row->symbol];
    if (quote->buy_volume + quote->sell_volume + row->volume > PW_MOST_VOLUME) return PW_OPTION;
    for (int64_t i = 0; i < s->n_positions && v->spec->netting; i++) {
        if (venue_positions(v)[i].symbol == row->symbol) return PW_OPTION;
    }
    if (s->n_positions >= s->most_positions) return PW_FULL;
    int64_t at = s->n_positions;
    pw_position *positions = venue_positions(v);
    while (at > 0 && positions[at - 1].ticket > row->ticket) at--;
    memmove(&positions[at + 1], &positions[at], (size_t)(s->n_positions - at) * sizeof(*positions));
    position.since = s->ticks;
    positions[at] = position;
    s->n_positions++;
    *(row->side == PW_BUY ? &quote->buy_volume : &quote->sell_volume) += position.volume;
    *(row->side == PW_BUY ? &quote->buy_value : &quote->sell_value) += position.value;
    if (row->ticket >= s->next_ticket) s->next_ticket = row->ticket + 1;
    venue_stir(v);
    return PW_OK;
}

int pw_venue_put_pending(pw_venue *v, const pw_pending *row) {
    const int status = row == NULL ? PW_NULL : ready(v);
    if (status != PW_OK) return status;
    pw_venue_state *s = v->state;
    if (!owned(v, row->symbol, row->side, row->volume) || !ticket_free(v, row->ticket)) return PW_OPTION;
    if (row->kind != PW_ORDER_LIMIT && row->kind != PW_ORDER_STOP) return PW_OPTION;
    if (!price_ok(row->price, 1) || !price_ok(row->sl, 0) || !price_ok(row->tp, 0)) return PW_OPTION;
    if (!price_ok(row->protect, 0) || row->order < 1) return PW_OPTION;
    if (s->n_pendings >= s->most_pendings) return PW_FULL;
    int64_t at = s->n_pendings;
    pw_pending *pendings = venue_pendings(v);
    while (at > 0 && pendings[at - 1].ticket > row->ticket) at--;
    memmove(&pendings[at + 1], &pendings[at], (size_t)(s->n_pendings - at) * sizeof(*pendings));
    pendings[at] = *row;
    pendings[at].since = s->ticks;
    s->n_pendings++;
    if (row->ticket >= s->next_ticket) s->next_ticket = row->ticket + 1;
    venue_stir(v);
    return PW_OK;
}

int pw_venue_resume(pw_venue *v, int64_t balance, int64_t next_ticket, int64_t time) {
    const int status = ready(v);
    if (status != PW_OK) return status;
    if (!venue_fits(balance) || next_ticket < v->state->next_ticket || next_ticket > PW_MOST_TIME) return PW_OPTION;
    if (time < -PW_MOST_TIME || time > PW_MOST_TIME) return PW_OPTION;
    v->state->balance = balance;
    v->state->next_ticket = next_ticket;
    v->state->time = time;
    venue_stir(v);
    return PW_OK;
}

const pw_position *pw_venue_positions(const pw_venue *v) { return venue_positions(v); }
const pw_pending *pw_venue_pendings(const pw_venue *v) { return venue_pendings(v); }
const pw_order *pw_venue_queue(const pw_venue *v) { return venue_queue(v); }
const pw_quote *pw_venue_quotes(const pw_venue *v) { return venue_quotes(v); }
