/* The backtest loop: one strategy, or an array of target positions, against the venue over arrays of ticks.
 *
 *     time[] bid[] ask[]   read only, shared by any number of runs at once
 *          |
 *          v  one tick: (a)-(d) pw_venue_tick -> (e) reports -> (f) on_tick -> orders -> latency 0: fills, their reports
 *     pw_engine ----------> trades[]     closing deals, the caller's chunk: PW_FULL before a tick that may not fit
 *       |  venue, state     curve        equity, bounded
 *       |  holdings[]           statistics
 *       v
 *     pw_engine_run(e, until) ... pw_engine_end(e): what is still open is closed at the last tick
 *
 * The caller sets the fields of pw_engine that are marked "set", makes venue, state and statistics ready with
 * pw_engine_begin, and may look at everything in between. No allocation, no clock.
 */
#ifndef PITWIRE_ENGINE_H
#define PITWIRE_ENGINE_H

#include "curve.h"
#include "statistics.h"
#include "strategy.h"
#include "venue.h"

/* An open position as the engine books it: whose it is, and what is left of its opening. */
typedef struct pw_holding {
    int64_t ticket;
    int64_t cycle;
    int64_t volume;     /* steps still open */
    int64_t price;      /* points */
    int64_t time;       /* of opening */
    int64_t commission; /* of opening, the share of what is still open, <= 0 */
    int64_t swap;       /* booked and not realised */
    int32_t role;
    int32_t side;
} pw_holding;

/* What opens cycles of strategies that wait for a command: when none is open and the market is. */
typedef enum pw_opening { PW_OPEN_NONE = 0, PW_OPEN_BUY = 1, PW_OPEN_SELL = 2, PW_OPEN_ALTERNATE = 3 } pw_opening;

/* The reason of closes towards a target position; no pw_reason of a strategy comes near it. */
enum { PW_WHY_TARGET = PW_MOST_REASONS - 1 };

enum { PW_MOST_FLIGHTS = 1024 }; /* orders under way; the room of pw_engine.flights and of the venue's queue */

typedef struct pw_engine {
    /* The data: set. */
    const int64_t *time, *bid, *ask;
    int64_t n;
    int32_t bars;           /* 1: four ticks a bar, without gaps between them */
    int32_t opening;        /* pw_opening */
    /* Who decides: set. A strategy with its state, or targets; not both. */
    const pw_strategy *strategy;
    void *state;
    const int64_t *targets; /* steps, > 0 long, of each tick (bars: of each bar, from the next one's first tick on) */
    int32_t wants_equity;   /* 1: the view carries the equity and the day's profit at each tick */
    int32_t reserved;       /* 0 */
    /* The venue: set, and begun by the caller; its `out` has room for at least pw_venue_room(). */
    pw_venue venue;
    pw_holding *holdings;           /* room for the venue's most_positions + 1 */
    pw_intent *flights;     /* PW_MOST_FLIGHTS */
    pw_intent *intents;     /* PW_ROOM_INTENTS */
    pw_note *notes;         /* PW_ROOM_NOTES */
    pw_cycle_end *ended;    /* PW_ROOM_ENDED */
    pw_trade *trades;       /* NULL: none are kept, only counted */
    int64_t room;           /* of trades; at least pw_engine_room() */
    int64_t n_trades;       /* the caller empties it by 0 */
    /* Results. */
    pw_statistics statistics;
    pw_curve curve;
    int64_t deals, orders, rejected;
    int64_t caps;           /* orders that a cap of the strategy's stopped, once a cycle and cap */
    int64_t cycles;         /* opened */
    int64_t cycles_profit;  /* of those that ended, as the strategy booked it */
    int64_t ambiguous;      /* bars in which both SL and TP of a position lay; positions closed by stop-out: the venue's */
    int64_t stop_outs;
    /* Where it is. */
    int64_t at;             /* the next tick */
    int64_t n_holdings, n_flights;
    int64_t open_cycles, last_cycle;
    int64_t next_id;        /* of orders of the engine's own */
    int64_t day_end, day_equity;
    int64_t quiet_until;    /* no command before it: the venue has just refused one */
    double base, per_bid, per_ask, slack; /* estimate of the equity and its largest error */
    int32_t linear;         /* 1: the estimate can be used */
    int32_t stirred;        /* 1: positions or balance have changed since it was made */
    int32_t next_side;
    int32_t status;         /* PW_OK, or what a run broke off with */
    pw_view view;
} pw_engine;

/* Whether ticks can be run over: PW_UNSORTED (a time before the one in front), PW_OPTION (bid <= 0, ask < bid, or a
 * number out of the venue's bounds) with *where = the position. */
PW_API int pw_engine_check(const int64_t *time, const int64_t *bid, const int64_t *ask, int64_t n, int64_t *where);

/* Rows that `trades` must have left for any one tick. */
PW_API int64_t pw_engine_room(const pw_engine *e);

/* Make counts, curve (over e->curve.points and .room, as set) and view ready. */
PW_API int pw_engine_begin(pw_engine *e);

/* Take ticks up to number `until` or the end. PW_FULL: empty `trades` and go on. */
PW_API int pw_engine_run(pw_engine *e, int64_t until);

/* Close what is open at the last tick, whatever the hours and the latency; end counts and curve. PW_FULL as above. */
PW_API int pw_engine_end(pw_engine *e);

#endif
