/* adaptive_hedging: one cycle, hedged again at each level until the basket is in profit.
 * docs/strategies-built-in.md states its rules; kernels/params.py its parameters, in the units of people. */
#ifndef PW_ADAPTIVE_HEDGING_H
#define PW_ADAPTIVE_HEDGING_H

#include "cycle.h"

enum { PW_MOST_LEVELS = 20 };
typedef enum pw_adaptive_mode { PW_LEVELS = 0, PW_ZONE = 1 } pw_adaptive_mode;

typedef struct pw_adaptive_hedging_params {
    int64_t sizes[PW_MOST_LEVELS + 1]; /* steps: the first order's, then one a level; [0..max_levels] are used */
    int64_t distance;                 /* points */
    int64_t profit_target;            /* minor units, > 0 */
    int64_t activation;               /* minor units, < 0 */
    int64_t drawdown;                 /* minor units, < activation */
    int64_t day_target;               /* minor units, > 0 */
    int64_t day_limit;                /* minor units, < 0 */
    int64_t max_total;                /* steps */
    int64_t disaster_sl;              /* points, 0: none */
    int32_t max_levels;
    int32_t mode; /* pw_adaptive_mode */
    int32_t auto_hedge;
    int32_t reserved; /* 0 */
} pw_adaptive_hedging_params;

typedef struct pw_adaptive_hedging {
    pw_book book;
    pw_adaptive_hedging_params params;
    int64_t stopped_day; /* server day on which nothing more is opened */
    int32_t stopped;     /* pw_reason: why; PW_WHY_NONE: it is not stopped */
    int32_t reserved;    /* 0 */
} pw_adaptive_hedging;

#endif
