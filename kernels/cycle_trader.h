/* cycle_trader: a first order, one hedge when it goes wrong, then a ladder inside zones until the basket is in profit.
 * docs/strategies-built-in.md states its rules; kernels/params.py its parameters, in the units of people. */
#ifndef PW_CYCLE_TRADER_H
#define PW_CYCLE_TRADER_H

#include "cycle.h"

enum { PW_MOST_SIZES = 20, PW_MOST_ZONES = 10, PW_MOST_CYCLES = 50, PW_MOST_ORDERS = 100 };

typedef struct pw_cycle_trader_params {
    int64_t sizes[PW_MOST_SIZES];   /* steps */
    int64_t zones[PW_MOST_ZONES]; /* points */
    int64_t take_profit;          /* minor units */
    int64_t max_cycle_loss;       /* minor units, > 0 */
    int64_t autotrade_threshold;  /* points */
    int64_t candle;               /* microseconds */
    int64_t hedge_sl;             /* points, as the next five */
    int64_t zone_forward;
    int64_t zone_forward2;
    int64_t restriction;          /* 0: none */
    int64_t order_sl;             /* 0: none */
    int64_t disaster_sl;          /* 0: none */
    int64_t max_total;            /* steps */
    int32_t n_sizes;
    int32_t n_zones;
    int32_t max_cycles;
    int32_t max_orders;
    int32_t autotrade;
    int32_t candle_close;
    int32_t prevent_opposing;
    int32_t reserved; /* 0 */
} pw_cycle_trader_params;

typedef struct pw_cycle_trader {
    pw_book book;
    pw_cycle_trader_params params;
    int64_t reference[2]; /* what autotrade measures from, BUY and SELL; 0 before the first quote */
    int64_t bucket;       /* candle of the last quote */
    int32_t has_bucket;
    int32_t capped;       /* 1: max_total_lots stopped an automatic first order, and it was said */
    int32_t wait[2];      /* 1: a first order of this side was refused: none until its condition has been false */
} pw_cycle_trader;

/* The rules of one cycle on a quote (cycle_ladder.c). *acted: it sent something, turned, or may on the next quote. */
int pw_trader_step(pw_cycle_trader *trader, pw_cycle *cycle, const pw_view *view, int new_candle, int rules,
                   int *acted, pw_out *out);
/* Narrows the window to where none of them changes its mind. */
int pw_trader_watch(pw_cycle_trader *trader, const pw_cycle *cycle, const pw_view *view);
/* What became of a request of a cycle that is not closing. */
int pw_trader_filled(pw_cycle_trader *trader, pw_cycle *cycle, const pw_request *request, int64_t now);

#endif
