/* The venue: fills and account as one state machine, for the paper gateway and for backtests (docs/fills.md).
 *
 *     pw_venue (the caller's)                  the block: pw_venue_bytes() bytes, no pointers
 *       spec, symbols[]  read only             +------------------------------------------------------------+
 *       state  ------------------------------> | pw_venue_state | quotes[] | positions[] | pendings[] | queue[] |
 *       out[]  outcomes, appended              +------------------------------------------------------------+
 *
 *     pw_venue_submit  an order joins the queue; due = its time + latency
 *     pw_venue_tick    one quote of one symbol:
 *                        (a) swap of the midnights passed      (b) orders that are due, by due time, then id
 *                        (c) pending orders by ticket, then SL and TP by the position's ticket      (d) stop-out
 *     pw_venue_settle  orders that are due by the latest tick: with latency 0, what was submitted upon it
 *
 * The block is all that changes: copied before an order and put back, nothing has happened. It means something only to
 * the library that made it (pw_build_hash). A function that answers anything but PW_OK has changed nothing, except
 * PW_RANGE (an amount beyond PW_MOST_MONEY), after which the venue answers nothing else until a copy is put back.
 */
#ifndef PITWIRE_VENUE_H
#define PITWIRE_VENUE_H

#include "market.h"

#define PW_MOST_MONEY ((int64_t)1 << 48) /* minor units: 2.8 billion times a thousand; sums and products then fit */

enum { PW_VENUE_POSITIONS = 8192, PW_VENUE_SYMBOLS = 1024 };

typedef enum pw_order_kind {
    PW_ORDER_OPEN = 1,     /* at the market; on a netting account against an open position: reduces or turns it */
    PW_ORDER_CLOSE = 2,    /* at the market: volume steps of the position `ticket`; side: opposite to the position's */
    PW_ORDER_LIMIT = 3,    /* pending, at `price` or better */
    PW_ORDER_STOP = 4,     /* pending, a market order once `price` is reached */
    PW_ORDER_MODIFY = 5,   /* sl and tp of the position, or price (0: as it is), sl and tp of the pending order `ticket` */
    PW_ORDER_CANCEL = 6,   /* the pending order `ticket` */
    PW_ORDER_CLOSE_BY = 7  /* position `ticket` against `ticket_by`; volume 0: as much as both have */
} pw_order_kind;

typedef struct pw_order {
    int64_t id;        /* the caller's, > 0; decides between orders that are due at the same time */
    int64_t time;      /* of submit */
    int64_t due;       /* set by pw_venue_submit */
    int64_t volume;
    int64_t price;     /* of a pending order */
    int64_t sl, tp;    /* points, 0 none */
    int64_t protect;   /* points from the fill to a stop loss, 0 none; of it and sl the nearer one is set */
    int64_t ticket;
    int64_t ticket_by;
    int32_t kind;      /* pw_order_kind */
    int32_t symbol;
    int32_t side;      /* pw_side; of a modify, a cancel and a close-by not looked at */
    int32_t reserved;  /* 0 */
} pw_order;

typedef struct pw_position {
    int64_t ticket;
    int64_t volume;
    int64_t price;      /* its open; on a netting account the average, rounded to the point */
    int64_t value;      /* sum of price x volume of its fills, exact: what profit and margin are computed with */
    int64_t sl, tp;
    int64_t swap;       /* booked and not realised, minor units */
    int64_t commission; /* charged on opening what is still open, <= 0; in the balance already */
    int64_t opened_at;
    int64_t day;        /* server day up to which swap is booked */
    int64_t since;      /* number of the tick on which it was opened or its SL, TP changed: they are tested after it */
    int64_t order;      /* id of the order that opened it */
    int32_t symbol;
    int32_t side;
} pw_position;

typedef struct pw_pending {
    int64_t ticket;    /* becomes the position's */
    int64_t order;     /* id of the order that placed it */
    int64_t volume;
    int64_t price;
    int64_t sl, tp;
    int64_t protect;
    int64_t placed_at;
    int64_t since;     /* number of the tick on which it was placed or changed: it is tested after it */
    int32_t symbol;
    int32_t side;
    int32_t kind;      /* PW_ORDER_LIMIT, PW_ORDER_STOP */
    int32_t reserved;  /* 0 */
} pw_pending;

typedef enum pw_event_kind {
    PW_DID_DEAL = 1,     /* an execution: every change of the balance but deposits */
    PW_DID_PLACE = 2,    /* a pending order stands; ticket */
    PW_DID_MODIFY = 3,
    PW_DID_CANCEL = 4,   /* ticket; cause PW_BY_STOP_OUT: deleted, else cancelled by order `id` */
    PW_DID_REJECT = 5,   /* why; left: what was not filled */
    PW_DID_SWAP = 6      /* booked on the position `ticket` */
} pw_event_kind;

typedef enum pw_entry { PW_ENTRY_NONE = 0, PW_ENTRY_IN = 1, PW_ENTRY_OUT = 2 } pw_entry;

typedef enum pw_cause {
    PW_BY_NONE = 0,
    PW_BY_MARKET = 1,   /* a market order */
    PW_BY_LIMIT = 2,    /* a pending order */
    PW_BY_STOP = 3,
    PW_BY_SL = 4,
    PW_BY_TP = 5,
    PW_BY_STOP_OUT = 6,
    PW_BY_CLOSE_BY = 7
} pw_cause;

/* Why an order was not executed. */
typedef enum pw_venue_why {
    PW_VENUE_MARKET_CLOSED = 1,
    PW_VENUE_POSITION_CLOSED = 2, /* there is no such position (any more) on this symbol */
    PW_VENUE_TIMEOUT = 3,         /* no tick within fill_timeout after it was due */
    PW_VENUE_VOLUME = 4,
    PW_VENUE_STOPS = 5,           /* SL or TP on the wrong side or too near */
    PW_VENUE_PRICE = 6,           /* a pending price on the wrong side or too near */
    PW_VENUE_NO_RATE = 7,
    PW_VENUE_SIDE = 8,            /* a close with the position's own side; a close-by of equal sides */
    PW_VENUE_NOT_PERMITTED = 9,   /* close-by */
    PW_VENUE_CAPACITY = 10,       /* too many positions or pending orders, or PW_MOST_VOLUME on the symbol */
    PW_VENUE_NO_ORDER = 11,       /* there is no such pending order (any more) on this symbol */
    PW_VENUE_NO_MONEY = 12        /* the free margin would be below 0 */
} pw_venue_why;

typedef struct pw_event {
    int64_t time;
    int64_t id;         /* of the order; 0: SL, TP, stop-out, swap */
    int64_t deal;       /* ticket of the deal; of an opening one the position's own, but for pending orders */
    int64_t ticket;     /* of the position, or of the pending order */
    int64_t ticket_by;  /* of the other position of a close-by */
    int64_t volume;
    int64_t left;       /* of the order, not filled yet (by a deal) or ever (by a rejection) */
    int64_t price;
    int64_t profit;     /* realised by this deal */
    int64_t commission; /* charged by this deal, <= 0 */
    int64_t swap;       /* realised by this deal; PW_DID_SWAP: booked on the position */
    int64_t balance;    /* after it */
    int32_t kind;       /* pw_event_kind */
    int32_t symbol;
    int32_t side;       /* of the deal: a BUY position is closed by PW_SELL */
    int32_t entry;      /* pw_entry */
    int32_t cause;      /* pw_cause */
    int32_t why;        /* pw_venue_why */
} pw_event;

/* What is known of a symbol, and which quotes cannot make anything happen: strictly between low and high, before until. */
typedef struct pw_quote {
    pw_tick tick;                 /* the latest */
    pw_rate profit, margin;       /* given by the caller */
    int64_t day, day_end;         /* server day, and until when it is known to last */
    int64_t buy_volume, buy_value, sell_volume, sell_value; /* open */
    int64_t bid_low, bid_high, ask_low, ask_high, until;
    int64_t bar_bid_low, bar_bid_high, bar_ask_low, bar_ask_high; /* of the bar that is being played */
    int32_t known;                /* 1: there was a tick */
    int32_t bar;                  /* 0 none, 1 a bar, 2 one that is counted as ambiguous */
} pw_quote;

typedef struct pw_venue_state {
    uint64_t tag;
    int64_t bytes;
    int64_t n_symbols, most_positions, most_pendings, most_queued;
    int64_t time;          /* of the latest tick */
    int64_t balance;
    int64_t next_ticket;
    int64_t ticks;
    int64_t n_positions, n_pendings, n_queued;
    int64_t ambiguous;     /* bars in which SL and TP of a position lay that one of them closed */
    int64_t stop_outs;     /* positions closed by stop-out */
    int64_t reach;         /* how far the last proof that there is no stop-out went: quote >> reach */
    int32_t status;        /* PW_OK, or PW_RANGE for good */
    int32_t continuous;    /* 1: the latest tick was reached without a gap (within a bar) */
} pw_venue_state;

typedef struct pw_venue {
    const pw_account_spec *spec;
    const pw_symbol *symbols;
    pw_venue_state *state;
    pw_event *out;
    int64_t n_out, most_out; /* the caller empties it by n_out = 0 */
} pw_venue;

typedef struct pw_worth {
    int64_t balance;
    int64_t floating; /* what closing everything at the latest ticks would book: net of swap and closing commission */
    int64_t equity;
    int64_t margin;
    int32_t known;    /* 0: a position cannot be valued (no tick or rate yet): the rest but balance is 0 */
    int32_t reserved; /* 0 */
} pw_worth;

/* Size of a block; -1: n_symbols 1..PW_VENUE_SYMBOLS, positions 1..PW_VENUE_POSITIONS, pendings and orders 1..65536. */
PW_API int64_t pw_venue_bytes(int64_t n_symbols, int64_t positions, int64_t pendings, int64_t orders);

/* Make the block ready: v->spec, symbols and state (8-byte aligned) are set. PW_OPTION: spec or a symbol breaks a rule;
 * PW_STATE: the bytes are not pw_venue_bytes(). */
PW_API int pw_venue_begin(pw_venue *v, int64_t bytes, int64_t n_symbols, int64_t positions, int64_t pendings,
                          int64_t orders);

/* Rebuild from rows, after pw_venue_begin and before the first tick, any order. PW_OPTION: a row that cannot be, a
 * ticket twice. A position without `value` (0) has price x volume; `day` is the server day of its last swap booking or
 * opening. Then the balance, the next ticket (above all there are) and the time of the last tick that was seen. */
PW_API int pw_venue_put_position(pw_venue *v, const pw_position *row);
PW_API int pw_venue_put_pending(pw_venue *v, const pw_pending *row);
PW_API int pw_venue_resume(pw_venue *v, int64_t balance, int64_t next_ticket, int64_t time);

/* The given rates of a symbol (PW_RATE_GIVEN); NULL: as it is. The same currency is 1, 1, 1, 1: what begin sets. */
PW_API int pw_venue_rate(pw_venue *v, int32_t symbol, const pw_rate *profit, const pw_rate *margin);

/* Money in (> 0) or out (< 0). */
PW_API int pw_venue_deposit(pw_venue *v, int64_t amount);

/* The range of the bar whose ticks come next, for the counter; NULL: no bar. low: lowest bid and ask, high: highest. */
PW_API int pw_venue_bar(pw_venue *v, int32_t symbol, const pw_tick *low, const pw_tick *high);

/* PW_FULL: the queue is full. PW_OPTION: an id that is not above 0 or is queued already, an unknown kind, symbol or side,
 * a negative number, a time out of bounds. Everything else that is wrong comes out as PW_DID_REJECT when it is due. */
PW_API int pw_venue_submit(pw_venue *v, const pw_order *order);

/* continuous 1: the quote was reached without a gap (the second to fourth tick of a bar): stops fill at their level.
 * PW_UNSORTED, PW_PRICE, PW_OPTION (symbol), PW_FULL: out[] has less room than pw_venue_room(). */
PW_API int pw_venue_tick(pw_venue *v, int32_t symbol, const pw_tick *tick, int continuous);
PW_API int pw_venue_settle(pw_venue *v);

/* Time passes without a tick: orders whose time is over are rejected. */
PW_API int pw_venue_advance(pw_venue *v, int64_t time);

/* Outcomes that one tick, settle or advance can make now, at most. */
PW_API int64_t pw_venue_room(const pw_venue *v);

PW_API int pw_venue_worth(const pw_venue *v, pw_worth *out);

/* What closing one position at the latest tick would book; PW_STATE: no such ticket; PW_NO_RATE: no tick or rate yet. */
PW_API int pw_venue_floating(const pw_venue *v, int64_t ticket, int64_t *out);

/* The arrays of the block, in order of ticket (queue: due, id); lengths are in the state. */
PW_API const pw_position *pw_venue_positions(const pw_venue *v);
PW_API const pw_pending *pw_venue_pendings(const pw_venue *v);
PW_API const pw_order *pw_venue_queue(const pw_venue *v);
PW_API const pw_quote *pw_venue_quotes(const pw_venue *v);

/* The rate of the profit (0) or margin (1) currency of a symbol as it is now; gain_den = 0: none known. */
PW_API int pw_venue_rate_now(const pw_venue *v, int32_t symbol, int32_t which, pw_rate *out);

#endif
