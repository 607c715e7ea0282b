/* What the built-in strategies are made of: baskets of positions with one request in flight each. Internal.
 *
 *     state   [ pw_book | the strategy's parameters and own fields | cycle | cycle | ... ]      cycles by id, no gaps
 *     cycle   [ pw_cycle | leg | leg | ... ]                                                    legs by age, no gaps
 *
 *     life of a request                                     life of a cycle
 *       pw_send -> in flight -> filled | refused              OPENING -> INITIAL -> RECOVERY
 *                     |                                          |          |          |
 *                     | 5 s                                      v          v          v
 *                     v                                       CLOSING, until no position and no request is left
 *                  unknown: an open moves aside and its cycle closes; a close is waited for; a modify is given up
 *
 * The window: on most ticks nothing can happen. After a tick on which nothing did, the quotes are found between which
 * no rule changes its mind and no profit reaches a limit; until a quote lies outside, the time comes or the rate changes
 * a tick costs a few comparisons. It only ever leaves out what was proven to do nothing.
 */
#ifndef PW_CYCLE_H
#define PW_CYCLE_H

#include "strategy.h"

#define PW_SECOND INT64_C(1000000)
#define PW_NO_OUTCOME (5 * PW_SECOND) /* after that an order is unknown */
#define PW_NEVER INT64_MAX

enum { PW_HEDGE_REPEATS = 3, PW_FAILED_CLOSES = 3 };

typedef struct pw_leg { /* one position */
    int64_t ticket;
    int64_t volume; /* open steps; 0: closed, by whom is not yet told */
    int64_t price;  /* average of its fills, rounded to the point */
    int64_t swap;   /* booked on it and not yet realised */
    int64_t opened; /* steps that were opened */
    int64_t value;  /* price x steps, summed over them */
    int32_t side;
    int32_t role;
} pw_leg;

typedef struct pw_request {
    int64_t id; /* 0: none */
    int64_t sent;
    int64_t volume;
    int64_t filled;
    int64_t value; /* price x steps, summed over what was filled */
    int64_t ticket, ticket_by;
    int64_t price; /* the quote that it was decided on; modify: the stop */
    int32_t kind;  /* pw_intent_kind */
    int32_t side;
    int32_t role;
    int32_t unknown; /* 1: a close without an outcome so far */
} pw_request;

typedef struct pw_cycle {
    int64_t id;
    int64_t opened;     /* when its first order was sent */
    int64_t booked;     /* realised profit, commission and swap */
    int64_t anchor;     /* fill of the first order, 0 before it */
    int64_t centre;     /* cycle_trader: of the zone */
    int64_t last;       /* the last fill, or the quote of a turn; bollinger_stop: the stop */
    int64_t reserve;    /* steps of max_total_lots kept free for its hedge */
    int64_t missing;    /* steps of the hedge that are neither filled nor in flight */
    int64_t hedged;     /* steps of the hedge that are filled */
    int64_t hedge_value;/* price x steps, summed over them */
    int64_t retry_at;   /* no close or hedge is sent before */
    pw_request request; /* in flight */
    pw_request unknown; /* an order to open whose outcome nobody knows */
    int32_t phase;      /* pw_phase */
    int32_t side;       /* of the first order */
    int32_t direction;  /* of the ladder, or of the last order */
    int32_t why;        /* pw_reason, while closing */
    int32_t latched;    /* pw_reason of an exit that waits for the request in flight */
    int32_t sends;      /* orders sent for the hedge */
    int32_t failed;     /* closes in a row that failed */
    int32_t wait_open;  /* 1: the market was closed */
    int32_t orders;     /* that filled; a hedge is one, however many orders it took */
    int32_t capped;     /* limits that were reported, one bit each */
    int32_t zone;
    int32_t level;
    int32_t added;      /* ladder orders filled since the hedge or turn, without the turn's own */
    int32_t turning;    /* 1: the request is a turn's order */
    int32_t wait_turn;  /* 1: a turn's order was refused: no turn until its condition has been false */
    int32_t wait_step;  /* the same for a step of the ladder */
    int32_t n_legs;
    int32_t reserved; /* 0 */
} pw_cycle;

typedef struct pw_window {
    int64_t low[2], high[2]; /* of bid and ask; low > high: no window */
    int64_t until;           /* time */
    pw_rate rate;
    int64_t known;
} pw_window;

typedef struct pw_book { /* what every state begins with */
    int64_t bytes; /* of the state */
    int64_t tag;   /* strategy and version */
    int64_t last_intent, last_cycle;
    int64_t closed_at; /* time of the last quote on which a cycle closed or sent a close */
    int64_t now;
    int64_t cycles;  /* where the first one lies, bytes */
    int64_t stride;  /* from one to the next, bytes */
    int64_t protect; /* points, for every order that opens */
    pw_window window;
    int32_t n_cycles, most_cycles;
    int32_t most_legs;
    int32_t exits_only;
} pw_book;

/* ---- Book (cycle_book.c) ---------------------------------------------------------------------------------------- */

/* Bytes of a state whose own part takes `own` bytes. */
int64_t pw_book_bytes(int64_t own, int32_t most_cycles, int32_t most_legs);
/* Clears the whole state. PW_STATE: too few bytes. */
int pw_book_begin(pw_book *book, int64_t tag, int64_t bytes, int64_t own, int32_t most_cycles, int32_t most_legs);
/* PW_OK when the state is this strategy's and `out` has room. */
int pw_book_ready(const pw_book *book, int64_t tag, const pw_view *view, const pw_out *out);
/* The same without looking at `out`: whether the bytes are a state of this strategy. */
int pw_book_is(const pw_book *book, int64_t tag);

pw_cycle *pw_cycle_at(const pw_book *book, int32_t at);
pw_leg *pw_legs(const pw_cycle *cycle);
/* A new cycle at the end. There must be room (n_cycles < most_cycles). */
pw_cycle *pw_cycle_new(pw_book *book, int64_t now, int32_t side);
/* Ends the cycle, and takes it away, once it has no position, request or unknown order; `why` if it was not closing. */
void pw_cycle_settle(pw_book *book, pw_cycle *cycle, int64_t now, int32_t why, pw_out *out);

int64_t pw_open_steps(const pw_cycle *cycle, int32_t side);
int64_t pw_book_volume(const pw_book *book); /* gross: open, in flight and unknown */
/* Whether `volume` more, and the room kept for the hedges of the other cycles, is within the cap. */
int pw_book_room(const pw_book *book, const pw_cycle *cycle, int64_t volume, int64_t most);
/* Reports a cap that stopped an order, once a cycle. */
void pw_cap_reached(pw_cycle *cycle, int32_t limit, int64_t value, pw_out *out);
void pw_note_out(pw_out *out, int64_t cycle, int32_t code, int32_t detail, int64_t value);
int64_t pw_book_rows(const pw_book *book, const pw_view *view, pw_cycle_row *rows, int64_t most);

/* ---- Requests (cycle_request.c) --------------------------------------------------------------------------------- */

/* Sends what `draft` says; id and cycle are filled in. `price`: see pw_request. */
void pw_send(pw_book *book, pw_cycle *cycle, const pw_view *view, pw_intent draft, int64_t price, pw_out *out);
void pw_send_open(pw_book *book, pw_cycle *cycle, const pw_view *view, int32_t side, int32_t role, int64_t volume,
                  int64_t sl, pw_out *out);
/* The quote at which an order of this side would fill. */
static inline int64_t pw_fill_side(const pw_tick *tick, int32_t side) { return side == PW_BUY ? tick->ask : tick->bid; }
static inline int32_t pw_opposite(int32_t side) { return side == PW_BUY ? PW_SELL : PW_BUY; }

/* What a report did. */
typedef struct pw_outcome {
    pw_cycle *cycle;    /* NULL: none of ours */
    pw_request request; /* the request that it ended; id 0: none */
} pw_outcome;
int pw_book_report(pw_book *book, const pw_view *view, const pw_report *report, pw_outcome *outcome, pw_out *out);
/* Makes requests unknown that have been without an outcome for too long. 1: there was one. */
int pw_time_out(pw_cycle *cycle, int64_t now, pw_out *out);
/* Sum of price x steps over steps, rounded to the point. */
int pw_average(int64_t value, int64_t volume, int64_t *price);
/* Close commands and PW_EXITS_ONLY: latch or begin. 1 when the command was one of them. */
int pw_book_command(pw_book *book, const pw_view *view, const pw_command *command, pw_out *out);
/* When on_time is to be called next. */
int64_t pw_book_next_time(const pw_book *book);

/* ---- Closing (cycle_closing.c) ---------------------------------------------------------------------------------- */

/* The first reason stays. */
void pw_close_begin(pw_cycle *cycle, int32_t why);
/* Sends the next close when nothing is in flight and its time has come. */
void pw_close_step(pw_book *book, pw_cycle *cycle, const pw_view *view, pw_out *out);
/* What became of a close. */
void pw_close_outcome(pw_cycle *cycle, const pw_view *view, const pw_report *report, const pw_request *request,
                      pw_out *out);

/* ---- Hedge (cycle_hedge.c) -------------------------------------------------------------------------------------- */

/* Sends a hedge of `volume`, or what is missing of it, if max_total_lots has room. 1: sent. */
int pw_hedge_send(pw_book *book, pw_cycle *cycle, const pw_view *view, int32_t side, int64_t volume, int64_t most,
                  pw_out *out);
/* 1: the hedge is complete, *price its average fill; 0: more is to come, or the cycle closes (hedge_failed); < 0: minus
 * a pw_status. */
int pw_hedge_outcome(pw_cycle *cycle, const pw_request *request, int64_t now, int64_t *price);

/* ---- Profit and window (cycle_window.c) ------------------------------------------------------------------------- */

/* Booked and floating, each leg rounded once. PW_NO_RATE: not known. */
int pw_cycle_profit(const pw_cycle *cycle, const pw_view *view, int64_t *profit);

enum { PW_BID = 0, PW_ASK = 1 };

/* Whether nothing can happen at this quote. */
static inline int pw_quiet(const pw_window *window, const pw_view *view) {
    const pw_tick *tick = &view->tick;
    return tick->bid >= window->low[PW_BID] && tick->bid <= window->high[PW_BID] && tick->ask >= window->low[PW_ASK] &&
           tick->ask <= window->high[PW_ASK] && tick->time < window->until && view->known == window->known &&
           view->rate.gain_num == window->rate.gain_num && view->rate.gain_den == window->rate.gain_den &&
           view->rate.loss_num == window->rate.loss_num && view->rate.loss_den == window->rate.loss_den;
}

void pw_window_void(pw_window *window);
/* As wide as can be; then each call below makes it narrower, so that within it the answer stays what it is now. */
void pw_window_open(pw_window *window, const pw_view *view);
void pw_watch_at_least(pw_window *window, const pw_tick *tick, int quote, int64_t level); /* quote >= level */
void pw_watch_at_most(pw_window *window, const pw_tick *tick, int quote, int64_t level);  /* quote <= level */

/* A price that has to be reached: at or above `level` on one side of the quote, or at or below it. */
typedef struct pw_trigger {
    int64_t level;
    int32_t quote; /* PW_BID, PW_ASK */
    int32_t above; /* 1: at or above */
} pw_trigger;

/* `distance` away from `from`: up, by the ask, for an order that buys there; down, by the bid, for one that sells. */
pw_trigger pw_towards(int32_t side, int64_t from, int64_t distance);
int pw_reached(pw_trigger at, const pw_tick *tick);
void pw_watch(pw_window *window, const pw_tick *tick, pw_trigger at);

void pw_watch_time(pw_window *window, int64_t time);                                      /* now < time */
/* The profit stays above `low` and below `high`. */
void pw_watch_profit(pw_window *window, const pw_view *view, const pw_cycle *cycle, int64_t profit, int64_t low,
                     int64_t high);
/* What a cycle waits for: its time-out, its repeat. */
void pw_watch_requests(pw_window *window, const pw_cycle *cycle);

/* The time before which pw_bucket cannot change. */
int64_t pw_bucket_until(const pw_symbol *symbol, int64_t now, int64_t timeframe);

#endif
