/* The built-in strategies: pure state machines that the live runner and the engine call alike.
 *
 *     quote, report, command, time         pw_view: what a strategy sees besides its own state
 *             |                                  |
 *             v                                  v
 *     on_*(state, view, ..., out)  ->  out.intents[] (at most one in flight a cycle), out.notes[], out.ended[]
 *
 * Who calls what, within one tick: the venue first, its reports (on_report, in the order of the deals), then on_tick,
 * once: cycles by id, each through its numbered rules. What fills behind on_tick on the same tick (latency 0) is reported
 * at once, and acted on with the next tick.
 *
 *     on_tick      a quote: every rule. Sends.
 *     on_time      no new quote, but next_time() has come (a repeat, a time-out, a close that goes on): the same, but
 *                  no rule that looks at prices. Sends. Only where time passes without quotes, that is live.
 *     on_command   sends what was asked for, unless the cycle has a request in flight: then a close is latched.
 *     on_report    books, and never sends: what follows is sent by the next on_tick or on_time.
 *
 * A cycle is one basket; of bollinger_stop, one position. Ids of intents and cycles count from 1 and never come again.
 *
 * State: state_bytes(params) bytes, 8-byte aligned, owned by the caller. No pointers: it can be copied, stored and
 * compared byte by byte. A function that answers anything but PW_OK has changed nothing, except PW_RANGE (an amount
 * that does not fit in 64 bits), after which the state is of no use:
 *     PW_FULL      an array of `out` has less room left than PW_ROOM_*
 *     PW_STATE     the state is not one of this strategy and version
 *     PW_OPTION    a report or command that cannot be: a volume <= 0 or more than was asked for, a price <= 0, an
 *                  unknown kind
 * A report on an id or ticket that is not (or no longer) ours is PW_OK, and nothing happens.
 */
#ifndef PITWIRE_STRATEGY_H
#define PITWIRE_STRATEGY_H

#include "market.h"

typedef enum pw_role { PW_ROLE_INITIAL = 1, PW_ROLE_HEDGE = 2, PW_ROLE_LADDER = 3, PW_ROLE_SIGNAL = 4 } pw_role;
typedef enum pw_intent_kind { PW_OPEN = 1, PW_CLOSE = 2, PW_CLOSE_BY = 3, PW_MODIFY = 4 } pw_intent_kind;

/* Why a cycle or position ended; also the reason of an intent that closes. Appended only. */
typedef enum pw_reason {
    PW_WHY_NONE = 0,
    PW_WHY_TAKE_PROFIT = 1,
    PW_WHY_MAX_LOSS = 2,
    PW_WHY_CANDLE_CLOSE = 3,
    PW_WHY_COMMAND = 4,
    PW_WHY_REJECTED = 5,     /* the first order was */
    PW_WHY_HEDGE_FAILED = 6, /* three repeats did not bring the hedge's volume */
    PW_WHY_EXTERNAL = 7,     /* closed elsewhere: its SL, a stop-out, a person */
    PW_WHY_UNKNOWN_ORDER = 8,
    PW_WHY_DAY_PROFIT = 9,
    PW_WHY_DAY_LOSS = 10,
    PW_WHY_DRAWDOWN = 11,
    PW_WHY_FLIP = 12,
    PW_WHY_SL = 13,
    PW_WHY_TP = 14,
    PW_WHY_STOP_OUT = 15,
    PW_WHY_END_OF_DATA = 16
} pw_reason;

typedef struct pw_view {
    const pw_symbol *symbol;
    pw_rate rate;       /* profit currency -> account currency, at this tick; gain_den = 0: none known */
    pw_tick tick;       /* the latest quote; tick.time is now, also when only time has passed */
    int64_t equity;     /* of the account */
    int64_t day_profit; /* change of equity since the server day's boundary, less deposits and withdrawals */
    int32_t known;      /* 0: equity or rate is not known now: nothing is opened, closes go on */
    int32_t close_by;   /* 1: the venue permits close-by */
} pw_view;

typedef struct pw_intent {
    int64_t id;        /* the strategy's counter, from 1: the caller makes the order id of it */
    int64_t cycle;
    int64_t volume;    /* steps; modify: 0 */
    int64_t ticket;    /* of the position to close or modify; 0 */
    int64_t ticket_by; /* close-by: the other one */
    int64_t sl, tp;    /* points, 0 none */
    int64_t protect;   /* open: points from the fill to a protective stop, 0 none; of it and sl the nearer one is set */
    int32_t kind;      /* pw_intent_kind */
    int32_t side;      /* of the order: a close has the side opposite to its position's; a modify its position's */
    int32_t role;      /* pw_role of the position that it opens or closes */
    int32_t why;       /* pw_reason of a close */
} pw_intent;

typedef enum pw_report_kind {
    PW_FILLED = 1,  /* a deal; left > 0: more of the order may follow, or PW_REFUSED for the rest */
    PW_REFUSED = 2, /* the guard or the venue did not take it; nothing (more) will fill */
    PW_UNKNOWN = 3, /* no outcome: what it turns out to have done comes later as PW_FILLED or PW_REFUSED */
    PW_LEFT = 4,    /* a position of ours was closed (in part) by somebody else: SL, TP, stop-out, a person: why */
    PW_BOOKED = 5,  /* swap on a position */
    PW_MODIFIED = 6 /* a modify was carried out */
} pw_report_kind;

/* Why a request was refused: pw_report.why of PW_REFUSED. */
typedef enum pw_refusal { PW_REFUSED_ANY = 0, PW_REFUSED_MARKET_CLOSED = 1, PW_REFUSED_POSITION_CLOSED = 2 } pw_refusal;

typedef struct pw_report {
    int64_t id;         /* of the intent; 0 for PW_LEFT and PW_BOOKED */
    int64_t time;
    int64_t ticket;     /* the position; of a close refused because its position is closed: that one */
    int64_t ticket_by;  /* close-by: the other position, closed by the same volume */
    int64_t volume;     /* of this deal, steps */
    int64_t left;       /* of the order, steps */
    int64_t price;
    int64_t profit;     /* realised by this deal, minor units */
    int64_t commission; /* charged by this deal, <= 0 */
    int64_t swap;       /* booked on the position (PW_BOOKED), or realised by closing; of both for a close-by */
    int32_t kind;       /* pw_report_kind */
    int32_t why;        /* PW_REFUSED: pw_refusal; PW_LEFT: pw_reason */
} pw_report;

typedef enum pw_verb {
    PW_OPEN_CYCLE = 1,  /* side */
    PW_CLOSE_CYCLE = 2, /* cycle */
    PW_CLOSE_ALL = 3,
    PW_EXITS_ONLY = 4   /* side 1: nothing is opened until side 0 (stored state and venue differ after a restart) */
} pw_verb;

typedef struct pw_command {
    int64_t cycle;
    int32_t verb; /* pw_verb */
    int32_t side; /* pw_side */
} pw_command;

/* What stops an order: pw_note.detail. */
typedef enum pw_limit {
    PW_LIMIT_ORDERS = 1,   /* max_orders_per_cycle */
    PW_LIMIT_VOLUME = 2,   /* max_total_lots */
    PW_LIMIT_CYCLES = 3,   /* max_cycles, max_open_orders; adaptive_hedging: its one */
    PW_LIMIT_OPPOSING = 4, /* prevent_opposing_trades */
    PW_LIMIT_UNKNOWN = 5,  /* equity or rate is not known */
    PW_LIMIT_EXITS = 6,    /* only exits run */
    PW_LIMIT_DAY = 7,      /* stopped for the day */
    PW_LIMIT_NO_CYCLE = 8, /* close_cycle: there is no such cycle */
    PW_LIMIT_COMMAND = 9   /* the strategy does not take this command */
} pw_limit;

typedef enum pw_note_code {
    PW_NOTE_CAP = 1,          /* cap_reached: detail the pw_limit, value its figure; once a cycle and limit */
    PW_NOTE_CLOSE_FAILED = 2, /* three closes in a row failed; value the last intent */
    PW_NOTE_UNKNOWN = 3,      /* no outcome of intent `value` */
    PW_NOTE_NOT_DONE = 4      /* a command was not carried out: detail the pw_limit, value its figure */
} pw_note_code;

typedef struct pw_note {
    int64_t cycle; /* 0: of none */
    int64_t value;
    int32_t code;   /* pw_note_code */
    int32_t detail; /* pw_limit */
} pw_note;

typedef struct pw_cycle_end {
    int64_t cycle;
    int64_t opened; /* when its first order was sent, UTC microseconds */
    int64_t closed;
    int64_t profit; /* everything booked: profit, commission and swap */
    int32_t why;    /* pw_reason */
    int32_t orders; /* that filled */
} pw_cycle_end;

/* The caller sets the arrays and their lengths; what comes out is appended behind n_*. */
typedef struct pw_out {
    pw_intent *intents;
    int64_t n_intents, most_intents;
    pw_note *notes;
    int64_t n_notes, most_notes;
    pw_cycle_end *ended;
    int64_t n_ended, most_ended;
} pw_out;

/* What each array must have left before a call: enough for any strategy with any parameters. */
enum { PW_ROOM_INTENTS = 64, PW_ROOM_NOTES = 256, PW_ROOM_ENDED = 64 };

typedef enum pw_phase { PW_OPENING = 1, PW_INITIAL = 2, PW_RECOVERY = 3, PW_CLOSING = 4 } pw_phase;

/* One open cycle, for people. */
typedef struct pw_cycle_row {
    int64_t cycle;
    int64_t opened;       /* when its first order was sent */
    int64_t anchor;       /* fill of the first order, 0 before it */
    int64_t centre;       /* cycle_trader: of the zone, 0 before the hedge */
    int64_t last;         /* cycle_trader: last_add; adaptive_hedging: the last fill; bollinger_stop: the stop */
    int64_t bought, sold; /* open steps */
    int64_t booked;       /* realised, commission and swap included */
    int64_t profit;       /* booked and floating; booked alone without a rate */
    int64_t request;      /* the intent in flight, 0 none */
    int32_t phase;        /* pw_phase */
    int32_t side;         /* of the first order */
    int32_t direction;    /* of the ladder, or of the last order */
    int32_t zone;         /* zone_index */
    int32_t level;        /* ladder_index; adaptive_hedging: levels used */
    int32_t orders;       /* that filled */
    int32_t legs;         /* open positions */
    int32_t why;          /* pw_reason while closing */
} pw_cycle_row;

typedef struct pw_strategy {
    const char *name;
    int64_t params_bytes;
    int64_t (*state_bytes)(const void *params); /* -1: the parameters break a rule */
    int (*init)(void *state, int64_t bytes, const void *params, const pw_symbol *symbol);
    int (*on_tick)(void *state, const pw_view *view, pw_out *out);
    int (*on_time)(void *state, const pw_view *view, pw_out *out);
    int (*on_report)(void *state, const pw_view *view, const pw_report *report, pw_out *out);
    int (*on_command)(void *state, const pw_view *view, const pw_command *command, pw_out *out);
    int64_t (*next_time)(const void *state);   /* when on_time is to be called without a quote; INT64_MAX: never */
    int64_t (*open_volume)(const void *state); /* steps, gross: open, in flight and unknown */
    int64_t (*rows)(const void *state, const pw_view *view, pw_cycle_row *rows, int64_t most); /* how many there are */
} pw_strategy;

/* Strategy number `at`, or NULL past the last one. */
PW_API const pw_strategy *pw_strategy_at(int32_t at);

#endif
