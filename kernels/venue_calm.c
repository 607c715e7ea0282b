/* Which quotes cannot make anything happen, so that the next ticks need no look at orders and positions.
 *
 *     bid  ---(low)=====================(high)---      until: the next midnight
 *     ask  ------(low)=====================(high)---   no order in the queue
 *
 * Stops, limits and pending orders give levels. That there is no stop-out is proved for a range: with every quote moved
 * apart by a 2^reach-th (bid lower, ask higher, and with them the rates) the account would still be above the level, and
 * no quotes in that range make it worth less.
 */
#include "venue_parts.h"

enum { WIDEST = 6, NARROWEST = 20 };

void venue_stir(pw_venue *v) {
    for (int64_t i = 0; i < v->state->n_symbols; i++) venue_quotes(v)[i].until = INT64_MIN;
}

static void least(int64_t *at, int64_t level) {
    if (level < *at) *at = level;
}

static void most(int64_t *at, int64_t level) {
    if (level > *at) *at = level;
}

/* Something happens when the market of opening or closing that side is at or beyond the level. */
static void watch(pw_quote *quote, int bid, int falling, int64_t level) {
    if (falling)
        most(bid ? &quote->bid_low : &quote->ask_low, level);
    else
        least(bid ? &quote->bid_high : &quote->ask_high, level);
}

static void watch_levels(pw_venue *v) {
    for (int64_t i = 0; i < v->state->n_pendings; i++) {
        const pw_pending *pending = &venue_pendings(v)[i];
        const int buy = pending->side == PW_BUY;
        watch(&venue_quotes(v)[pending->symbol], !buy, buy == (pending->kind == PW_ORDER_LIMIT), pending->price);
    }
    for (int64_t i = 0; i < v->state->n_positions; i++) {
        const pw_position *position = &venue_positions(v)[i];
        const int buy = position->side == PW_BUY;
        pw_quote *quote = &venue_quotes(v)[position->symbol];
        if (position->sl != 0) watch(quote, buy, buy, position->sl);
        if (position->tp != 0) watch(quote, buy, !buy, position->tp);
    }
}

/* The range in which there is no stop-out; 0: there is one now. -PW_RANGE. */
static int prove(pw_venue *v) {
    pw_venue_state *s = v->state;
    int64_t reach = s->reach - 2 < WIDEST ? WIDEST : s->reach - 2;
    if (s->n_positions == 0) {
        if (s->n_pendings > 0 && s->balance < 0) return 0;
        s->reach = 0;
        return 1;
    }
    for (;;) {
        pw_worth worth;
        const int status = venue_value(v, reach, &worth);
        if (status == PW_NO_RATE) { /* nothing can be known before another symbol's first tick */
            s->reach = 0;
            return 1;
        }
        if (status == PW_RANGE && reach == VENUE_EXACT) return -PW_RANGE;
        if (status == PW_OK && !venue_is_out(v, &worth)) break;
        if (reach == VENUE_EXACT) return 0;
        reach = reach >= NARROWEST ? VENUE_EXACT : reach + 2;
    }
    s->reach = reach;
    return 1;
}

int venue_calm(pw_venue *v) {
    pw_venue_state *s = v->state;
    if (s->n_queued > 0) {
        venue_stir(v);
        return 0;
    }
    const int proved = prove(v);
    if (proved <= 0) {
        venue_stir(v);
        return proved;
    }
    for (int64_t i = 0; i < s->n_symbols; i++) {
        pw_quote *quote = &venue_quotes(v)[i];
        quote->until = quote->known ? quote->day_end : INT64_MIN;
        quote->bid_low = quote->ask_low = 0;
        quote->bid_high = quote->ask_high = PW_MOST_PRICE + 1;
        if (s->reach == 0 || !quote->known) continue;
        pw_tick wide;
        venue_wide(quote, s->reach, &wide);
        quote->bid_low = wide.bid - 1;
        quote->ask_high = wide.ask + 1;
    }
    watch_levels(v);
    return 0;
}
