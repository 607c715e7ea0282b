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

/* Bars of one timeframe and what the kernels make of the closed ones. Prices are points of the bid. */
typedef struct pw_lane {
    int64_t timeframe; /* microseconds; 0: not in use */
    int64_t bucket;
    int64_t until;                 /* before this time no bar can close */
    int64_t high, low, close;      /* of the open bar */
    int64_t bars;                  /* closed ones */
    int64_t states[3];             /* where the kernels' states lie, bytes from the state's begin: bbs, sma, atr */
    double trend, stop;            /* Bollinger stop on the last closed bar */
    double mean, mean_before;      /* mean of closes there and a bar before */
    double range;                  /* average true range there */
    double closed;                 /* its close */
    int32_t open;                  /* 1: there is an open bar */
    int32_t flip;                  /* 1 or -1: the last closed bar flipped up or down */
} pw_lane;

#endif
