/* What the files of the venue share. Nothing here leaves the library.
 *
 *     venue.c         begin, submit, tick, settle, advance: the order of things
 *     venue_order.c   what becomes of an order that is due
 *     venue_trigger.c pending orders, SL and TP
 *     venue_deal.c    opening and closing positions: every booking
 *     venue_worth.c   floating, margin, stop-out
 *     venue_calm.c    which quotes cannot make anything happen
 *     venue_swap.c    midnights
 *     venue_rows.c    rebuilding, and looking at the block
 */
#ifndef PITWIRE_VENUE_PARTS_H
#define PITWIRE_VENUE_PARTS_H

#include "venue.h"
#include "wide.h"

static inline pw_quote *venue_quotes(const pw_venue *v) { return (pw_quote *)(v->state + 1); }
static inline pw_position *venue_positions(const pw_venue *v) {
    return (pw_position *)(venue_quotes(v) + v->state->n_symbols);
}
static inline pw_pending *venue_pendings(const pw_venue *v) {
    return (pw_pending *)(venue_positions(v) + v->state->most_positions);
}
static inline pw_order *venue_queue(const pw_venue *v) {
    return (pw_order *)(venue_pendings(v) + v->state->most_pendings);
}

static inline int venue_fits(int64_t amount) { return amount >= -PW_MOST_MONEY && amount <= PW_MOST_MONEY; }

/* Where a market order of a side fills; where a position of a side closes. */
static inline int64_t venue_opening(const pw_tick *tick, int32_t side) { return side == PW_BUY ? tick->ask : tick->bid; }
static inline int64_t venue_closing(const pw_tick *tick, int32_t side) { return side == PW_BUY ? tick->bid : tick->ask; }

/* The same with slippage, against the side of the order. */
static inline int64_t venue_slipped(const pw_venue *v, int64_t price, int32_t side) {
    if (side == PW_BUY) return price + v->spec->slippage;
    return price > v->spec->slippage ? price - v->spec->slippage : 1;
}

static inline int32_t venue_opposite(int32_t side) { return side == PW_BUY ? PW_SELL : PW_BUY; }

/* What is to be opened. ticket 0: a new one. */
typedef struct venue_fill {
    int64_t id, volume, price, sl, tp, protect, ticket;
    int32_t symbol, side, cause;
} venue_fill;

/* venue_deal.c. A pw_venue_why (0: done), or a pw_status below 0: -PW_RANGE. */
int venue_enter(pw_venue *v, const venue_fill *fill);
int venue_leave(pw_venue *v, int64_t at, int64_t volume, int64_t price, int64_t id, int64_t left, int32_t cause,
                int64_t by);
int venue_leave_by(pw_venue *v, int64_t at, int64_t other, int64_t volume, int64_t id);
int venue_can_leave(const pw_venue *v, int64_t at);
pw_event *venue_tell(pw_venue *v, int32_t kind, int64_t id, int32_t symbol);
void venue_reject(pw_venue *v, const pw_order *order, int why);
int64_t venue_position_at(const pw_venue *v, int64_t ticket); /* -1 */
int64_t venue_pending_at(const pw_venue *v, int64_t ticket);
void venue_drop_pending(pw_venue *v, int64_t at);
int venue_stops_ok(const pw_symbol *symbol, int32_t side, int64_t bid, int64_t ask, int64_t sl, int64_t tp);

/* venue_order.c, venue_trigger.c: 0 or -PW_RANGE. */
int venue_execute(pw_venue *v, const pw_order *order);
int venue_trigger(pw_venue *v, int32_t symbol);

/* venue_worth.c. Quotes are taken `reach` wide: bid and ask moved apart by a 2^reach-th; VENUE_EXACT: as they are. No
 * quotes inside such a range make anything worth less, or the margin more. PW_OK, PW_NO_RATE (not known), PW_RANGE. */
enum { VENUE_EXACT = 62 };
int venue_rate(const pw_venue *v, int32_t symbol, int margin, int64_t reach, pw_rate *out);
int venue_value(const pw_venue *v, int64_t reach, pw_worth *out);
int venue_loss(const pw_venue *v, const pw_position *position, int64_t reach, int64_t *gross);
void venue_wide(const pw_quote *quote, int64_t reach, pw_tick *out);
int venue_is_out(const pw_venue *v, const pw_worth *worth);
int venue_stop_out(pw_venue *v);

/* venue_calm.c, venue_swap.c */
void venue_stir(pw_venue *v);
int venue_calm(pw_venue *v);
int venue_midnight(pw_venue *v, int32_t symbol);

#endif
