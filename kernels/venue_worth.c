/* What the account is worth, what margin it binds, and stop-out. */
#include "venue_parts.h"

void venue_wide(const pw_quote *quote, int64_t reach, pw_tick *out) {
    out->time = quote->tick.time;
    out->bid = quote->tick.bid - (quote->tick.bid >> reach);
    out->ask = quote->tick.ask + (quote->tick.ask >> reach);
    if (out->ask > PW_MOST_PRICE) out->ask = PW_MOST_PRICE; /* a higher one is refused */
}

int venue_rate(const pw_venue *v, int32_t symbol, int margin, int64_t reach, pw_rate *out) {
    const pw_symbol *of = &v->symbols[symbol];
    const int32_t from = margin ? of->margin_from : of->profit_from;
    const int32_t pair = margin ? of->margin_symbol : of->profit_symbol;
    const pw_quote *quotes = venue_quotes(v);
    pw_tick tick;
    if (from == PW_RATE_GIVEN) {
        *out = margin ? quotes[symbol].margin : quotes[symbol].profit;
        return out->gain_den > 0 ? PW_OK : PW_NO_RATE;
    }
    out->gain_num = out->gain_den = out->loss_num = out->loss_den = 0;
    if (!quotes[pair].known) return PW_NO_RATE;
    venue_wide(&quotes[pair], reach, &tick);
    pw_rate_of(&v->symbols[pair], &tick, from, out);
    return PW_OK;
}

/* Profit at the latest tick, without swap and commission. */
int venue_loss(const pw_venue *v, const pw_position *position, int64_t reach, int64_t *gross) {
    const pw_quote *quote = &venue_quotes(v)[position->symbol];
    pw_rate rate;
    pw_tick tick;
    int status = quote->known ? venue_rate(v, position->symbol, 0, reach, &rate) : PW_NO_RATE;
    if (status != PW_OK) return status;
    venue_wide(quote, reach, &tick);
    const int64_t moved = venue_closing(&tick, position->side) * position->volume - position->value;
    status = pw_profit_moved(&v->symbols[position->symbol], &rate, position->side == PW_BUY ? moved : -moved, gross);
    return status == PW_OK && !venue_fits(*gross) ? PW_RANGE : status;
}

static int floating_of(const pw_venue *v, const pw_position *position, int64_t reach, int64_t *out) {
    int64_t gross;
    int64_t due;
    int status = venue_loss(v, position, reach, &gross);
    if (status == PW_OK) status = pw_commission(&v->symbols[position->symbol], position->volume, &due);
    if (status != PW_OK) return status;
    *out = gross + position->swap + due;
    return venue_fits(*out) ? PW_OK : PW_RANGE;
}

int venue_value(const pw_venue *v, int64_t reach, pw_worth *out) {
    const pw_quote *quotes = venue_quotes(v);
    const pw_position *positions = venue_positions(v);
    int64_t floating = 0;
    int64_t margin = 0;
    *out = (pw_worth){.balance = v->state->balance};
    for (int64_t i = 0; i < v->state->n_positions; i++) {
        int64_t one;
        const int status = floating_of(v, &positions[i], reach, &one);
        if (status != PW_OK) return status;
        floating += one; /* PW_VENUE_POSITIONS x PW_MOST_MONEY fit */
    }
    for (int32_t i = 0; i < v->state->n_symbols; i++) {
        const pw_quote *q = &quotes[i];
        pw_rate rate;
        int64_t one;
        if (q->buy_volume + q->sell_volume == 0) continue;
        int status = venue_rate(v, i, 1, reach, &rate);
        if (status == PW_OK) {
            status = pw_margin(&v->symbols[i], &rate, q->buy_volume, q->buy_value, q->sell_volume, q->sell_value, &one);
        }
        if (status != PW_OK) return status;
        if (!venue_fits(one)) return PW_RANGE;
        margin += one;
    }
    out->floating = floating;
    out->equity = v->state->balance + floating;
    out->margin = margin;
    out->known = 1;
    return venue_fits(out->equity) && venue_fits(margin) ? PW_OK : PW_RANGE;
}

/* Level <= stop-out, or no margin and equity below 0. */
int venue_is_out(const pw_venue *v, const pw_worth *worth) {
    if (worth->margin == 0) return worth->equity < 0;
    return worth->equity * 10000 <= v->spec->stop_out * worth->margin;
}

/* The position with the largest loss whose market is open; -1: none. */
static int64_t worst_of(const pw_venue *v) {
    const pw_position *positions = venue_positions(v);
    int64_t worst = -1;
    int64_t least = 0;
    for (int64_t i = 0; i < v->state->n_positions; i++) {
        int64_t gross;
        if (!pw_is_open(&v->symbols[positions[i].symbol], v->state->time)) continue;
        if (venue_loss(v, &positions[i], VENUE_EXACT, &gross) != PW_OK) continue;
        gross += positions[i].swap;
        if (worst < 0 || gross < least) {
            worst = i;
            least = gross;
        }
    }
    return worst;
}

int venue_stop_out(pw_venue *v) {
    for (;;) {
        pw_worth worth;
        if (v->state->n_positions == 0 && (v->state->n_pendings == 0 || v->state->balance >= 0)) return PW_OK;
        const int status = venue_value(v, VENUE_EXACT, &worth);
        if (status == PW_RANGE) return -PW_RANGE;
        if (status != PW_OK || !venue_is_out(v, &worth)) return PW_OK;
        while (v->state->n_pendings > 0) {
            const pw_pending *pending = venue_pendings(v);
            pw_event *told = venue_tell(v, PW_DID_CANCEL, pending->order, pending->symbol);
            told->ticket = pending->ticket;
            told->volume = told->left = pending->volume;
            told->price = pending->price;
            told->side = pending->side;
            told->cause = PW_BY_STOP_OUT;
            venue_drop_pending(v, 0);
        }
        const int64_t worst = worst_of(v);
        if (worst < 0) return PW_OK;
        const pw_position *position = &venue_positions(v)[worst];
        const int32_t side = venue_opposite(position->side);
        const int64_t price = venue_slipped(v, venue_opening(&venue_quotes(v)[position->symbol].tick, side), side);
        const int left = venue_leave(v, worst, position->volume, price, 0, 0, PW_BY_STOP_OUT, 0);
        if (left != PW_OK) return left;
        v->state->stop_outs++;
    }
}

int pw_venue_worth(const pw_venue *v, pw_worth *out) {
    if (v == NULL || v->state == NULL || out == NULL) return PW_NULL;
    if (v->state->status != PW_OK) return v->state->status;
    const int status = venue_value(v, VENUE_EXACT, out);
    return status == PW_NO_RATE ? PW_OK : status;
}

int pw_venue_floating(const pw_venue *v, int64_t ticket, int64_t *out) {
    if (v == NULL || v->state == NULL || out == NULL) return PW_NULL;
    if (v->state->status != PW_OK) return v->state->status;
    const int64_t at = venue_position_at(v, ticket);
    return at < 0 ? PW_STATE : floating_of(v, &venue_positions(v)[at], VENUE_EXACT, out);
}

int pw_venue_rate_now(const pw_venue *v, int32_t symbol, int32_t which, pw_rate *out) {
    if (v == NULL || v->state == NULL || out == NULL) return PW_NULL;
    if (symbol < 0 || symbol >= v->state->n_symbols) return PW_OPTION;
    (void)venue_rate(v, symbol, which, VENUE_EXACT, out);
    return PW_OK;
}
