/* bollinger_stop: the trend of a Bollinger stop, traded with the stop as stop-loss.
 * docs/strategies-built-in.md states its rules; kernels/params.py its parameters, in the units of people. */
#ifndef PW_BOLLINGER_STOP_H
#define PW_BOLLINGER_STOP_H

#include "cycle.h"

enum { PW_MOST_POSITIONS = 20, PW_MOST_ENTRIES = 64, PW_WARM_UP = 1000, PW_LANES = 3 };
typedef enum pw_bollinger_mode { PW_TREND = 0, PW_SWING = 1, PW_BREAKOUT = 2 } pw_bollinger_mode;

typedef struct pw_bollinger_stop_params {
    int64_t signal_timeframe; /* microseconds, as the next two */
    int64_t trend_timeframe;
    int64_t exec_timeframe;
    int64_t risk_num, risk_den; /* part of the equity that a stop may cost */
    double deviation;
    double sl_ranges; /* 0: the Bollinger stop */
    double tp_ranges; /* 0: none */
    int32_t mode;     /* pw_bollinger_mode */
    int32_t period;   /* bars, as the next two */
    int32_t mean_period;
    int32_t atr_period;
    int32_t max_open;
    int32_t reserved; /* 0 */
} pw_bollinger_stop_params;

/* Bars of one timeframe and what the kernels make of the closed ones. Prices are points of the bid.
 *
 *     lane      trend mode           swing mode           breakout mode
 *     entry     signal_timeframe     exec_timeframe       D1
 *     trend     trend_timeframe      trend_timeframe      -
 *     daily     -                    D1                   -
 */
enum { PW_LANE_ENTRY = 0, PW_LANE_TREND = 1, PW_LANE_DAILY = 2 };

typedef struct pw_lane {
    int64_t timeframe; /* microseconds; 0: not in use */
    int64_t bucket;    /* of server time, of the open bar */
    int64_t until;     /* before this time no bar can close */
    int64_t high, low, close; /* of the open bar */
    int64_t bars;      /* closed ones */
    int64_t states[3]; /* where the states of bbs, sma and atr lie: bytes from the begin of the strategy's state */
    double trend, stop;       /* Bollinger stop on the last closed bar; NaN before there is one */
    double mean, mean_before; /* mean of closes there, and a bar before */
    double range;      /* average true range there */
    double closed;     /* its close */
    int32_t open;      /* 1: there is an open bar */
    int32_t flip;      /* 1 or -1: the last closed bar flipped up or down */
} pw_lane;

typedef struct pw_bollinger_stop {
    pw_book book;
    pw_bollinger_stop_params params;
    pw_lane lanes[PW_LANES];
    int64_t day;                     /* server day of the entries below */
    int64_t entries[PW_MOST_ENTRIES]; /* fills of that day */
    int32_t n_entries;
    int32_t reserved; /* 0 */
} pw_bollinger_stop;

/* ---- Lanes (bollinger_lane.c) ----------------------------------------------------------------------------------- */

/* Bytes that the kernels' states of all lanes take; -1: an option is out of bounds. */
int64_t pw_lanes_bytes(const pw_bollinger_stop_params *params);
/* Begins the lanes; their states lie from byte `at` of the state on. */
int pw_lanes_begin(pw_bollinger_stop *bollinger, int64_t at);
/* A quote. 1: it closed a bar of the entry lane. */
int pw_lanes_tick(pw_bollinger_stop *bollinger, const pw_symbol *symbol, const pw_tick *tick);

/* Closed bars of a timeframe (microseconds), oldest first, prices in points: the warm-up from history, before the first
 * quote. PW_OPTION: the strategy does not use that timeframe, or a price is not a whole number > 0; PW_STATE: it has
 * seen a quote. */
PW_API int pw_bollinger_stop_warm(void *state, int64_t timeframe, const double *high, const double *low,
                                  const double *close, int64_t n);

/* ---- Entries (bollinger_entry.c) -------------------------------------------------------------------------------- */

typedef struct pw_setup {
    int64_t volume; /* steps; 0: no trade */
    int64_t price;  /* the quote */
    int64_t sl, tp; /* points; tp 0: none */
    int32_t side;
} pw_setup;

/* The entry that the last closed bars and this quote make. PW_RANGE or PW_OK. */
int pw_setup_find(const pw_bollinger_stop *bollinger, const pw_view *view, pw_setup *entry);
/* A price as points, half away from zero; 0 when it is none. */
int64_t pw_level(double price);
/* The entries of another day are forgotten. */
void pw_entries_of(pw_bollinger_stop *bollinger, int64_t day);

#endif
