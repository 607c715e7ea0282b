/* What a run of trades amounts to: counted trade by trade, equity by equity, day by day, in constant memory.
 *
 *     pw_statistics_begin(s, deposit, time)
 *       |   pw_statistics_trade(s, trade)            each closing deal, in order
 *       |   pw_statistics_day(s, equity)             equity at the end of each server day with ticks
 *       |   pw_statistics_exposed(s, time, open)     whenever there begin or cease to be open positions
 *       |   pw_statistics_end(s, time)
 *       v
 *     pw_statistics_figures(s, figures)              ratios; NaN where one is not defined
 *
 * The largest drawdown is found by curve.h, which sees the equity at every tick. docs/backtest.md defines every figure.
 */
#ifndef PITWIRE_STATISTICS_H
#define PITWIRE_STATISTICS_H

#include "pitwire.h"

enum { PW_MOST_REASONS = 32 };

/* One closing deal: what was closed of one position, with its share of the commission and swap. */
typedef struct pw_trade {
    int64_t ticket;
    int64_t cycle;       /* of the strategy, 0 none */
    int64_t volume;      /* steps */
    int64_t open_time;   /* UTC microseconds */
    int64_t open_price;  /* points */
    int64_t close_time;  /* UTC microseconds */
    int64_t close_price; /* points */
    int64_t profit;      /* minor units, of the prices only */
    int64_t commission;  /* minor units, <= 0: of the closing and the share of the opening */
    int64_t swap;        /* minor units */
    int32_t role;        /* pw_role, 0 none */
    int32_t side;        /* pw_side of the position */
    int32_t reason;      /* pw_reason */
    int32_t reserved;    /* 0 */
} pw_trade;

typedef struct pw_statistics {
    int64_t deposit;      /* minor units, all money here */
    int64_t trades;
    int64_t wins;         /* trades above 0, commission and swap included */
    int64_t losses;       /* below 0 */
    int64_t gross_profit; /* sum of the wins */
    int64_t gross_loss;   /* sum of the losses, <= 0 */
    int64_t commission;
    int64_t swap;
    int64_t volume;       /* steps closed */
    int64_t losing_run;   /* losses since the last trade that was none */
    int64_t longest_losing_run;
    int64_t end_trades;   /* closed because the data ended; counted above as well */
    int64_t end_profit;
    int64_t begun, ended; /* times of the first and the last tick */
    int64_t open_since;   /* when there began to be open positions; -1: there are none */
    int64_t exposed;      /* microseconds with open positions */
    int64_t equity;       /* at the end of the last day */
    int64_t days;         /* returns taken */
    double mean, squares; /* of the daily returns: Welford's running mean, and sum of squared deviations from it */
    double downside;      /* sum of the squares of the negative ones */
    int64_t cycles[PW_MOST_REASONS]; /* cycles ended, by pw_reason */
} pw_statistics;

typedef struct pw_figures {
    double profit_factor;   /* gross profit / gross loss */
    double expectancy;      /* minor units a trade */
    double win_rate;        /* 0 to 1 */
    double recovery_factor; /* net profit / largest drawdown */
    double sharpe, sortino; /* a year, of the daily returns */
    double annual_return;   /* compound, 0.1 = 10 % */
    double calmar;          /* annual return / largest drawdown in percent of the peak */
    double exposure;        /* 0 to 1 of the time between the first and the last tick */
} pw_figures;

PW_API int pw_statistics_begin(pw_statistics *s, int64_t deposit, int64_t time);
PW_API int pw_statistics_trade(pw_statistics *s, const pw_trade *trade, int32_t end_of_data);
PW_API int pw_statistics_day(pw_statistics *s, int64_t equity);
PW_API int pw_statistics_exposed(pw_statistics *s, int64_t time, int32_t open);
PW_API int pw_statistics_end(pw_statistics *s, int64_t time);

/* `drawdown` in minor units and `drawdown_part` of the peak (0.1 = 10 %): the largest ones of the equity. */
PW_API int pw_statistics_figures(const pw_statistics *s, int64_t drawdown, double drawdown_part, pw_figures *out);

#endif
