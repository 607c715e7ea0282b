/* What a market and an account are, for strategies, the venue and the engine alike.
 *
 *     time    int64, UTC microseconds
 *     price   int64, points (10^-digits)
 *     volume  int64, steps (of the symbol's volume_step)
 *     money   int64, minor units (hundredths) of the account's currency
 *
 * Every amount is a fraction until it is booked, and is rounded then, once, half away from zero (wide.h). All numbers
 * here are exact: what people write as decimals (a swap of -7.2 points, a contract of 100000) comes in as fractions.
 *
 *     profit of a position  =  moved x volume  x  unit_num / unit_den  x  rate
 *                              [points x steps]   [minor units of the profit currency a point and step]
 */
#ifndef PITWIRE_MARKET_H
#define PITWIRE_MARKET_H

#include "pitwire.h"

typedef enum pw_side { PW_BUY = 0, PW_SELL = 1 } pw_side;

/* The bounds of prices and of the volume of one symbol (open, all together): their product always fits. */
#define PW_MOST_PRICE ((int64_t)1 << 36)
#define PW_MOST_VOLUME ((int64_t)1 << 26)
#define PW_MOST_TIME ((int64_t)1 << 61)

typedef struct pw_tick {
    int64_t time;
    int64_t bid;
    int64_t ask;
} pw_tick;

/* Money of the profit (or margin) currency in the account's: gains at the worse side, losses at the dearer.
 * A den of 0: no rate is known. The same currency: all four 1. */
typedef struct pw_rate {
    int64_t gain_num, gain_den;
    int64_t loss_num, loss_den;
} pw_rate;

/* From `from` on (UTC) server time is UTC + offset seconds, until the next row. Sorted; the first row holds before it. */
typedef struct pw_zone_row {
    int64_t from;
    int64_t offset;
} pw_zone_row;

/* Open from minute `from` to minute `to` (not included) since Monday 00:00 of server time. None: always open. */
typedef struct pw_hours_row {
    int64_t from;
    int64_t to;
} pw_hours_row;

typedef enum pw_margin_mode { PW_MARGIN_FOREX = 0, PW_MARGIN_CFD = 1 } pw_margin_mode;
typedef enum pw_swap_mode { PW_SWAP_NONE = 0, PW_SWAP_POINTS = 1, PW_SWAP_MONEY = 2, PW_SWAP_PERCENT = 3 } pw_swap_mode;

/* Where a rate comes from: given by the caller (pw_venue_rate), or the latest tick of a symbol of the same venue,
 * whose price is money of the account a unit of the currency (EURUSD for EUR on a USD account), or its inverse (USDJPY
 * for JPY on a USD account). */
typedef enum pw_rate_from { PW_RATE_GIVEN = 0, PW_RATE_DIRECT = 1, PW_RATE_INVERSE = 2 } pw_rate_from;

typedef struct pw_symbol {
    int64_t unit_num, unit_den;     /* minor units of the profit currency that one point is worth on one step */
    int64_t pip;                    /* points of a pip */
    int64_t volume_min, volume_max; /* steps */
    int64_t lot_num, lot_den;       /* lots of a step: 1/100 */
    int64_t stops_level;            /* least distance of SL, TP and pending prices from the market, points */
    int64_t commission_num, commission_den; /* minor units of the account's currency, a step and side, >= 0 */
    int64_t margin_num, margin_den; /* minor units of the margin currency a step (forex), a step and point (CFD), leverage
                                       included */
    int64_t hedged_num, hedged_den; /* the same for covered volume: margin_hedged in the contract's place */
    int64_t swap_long_num, swap_short_num; /* a step and night (percent: a step, point and night), minor units of the
                                              profit currency (money: of the account's); over swap_den */
    int64_t swap_den;
    int64_t price_den;              /* points in a unit of price, 10^digits */
    int32_t digits;
    int32_t margin_mode;            /* pw_margin_mode */
    int32_t hedged_use_leg;         /* 1: only the larger side is charged, covered volume not beside it */
    int32_t swap_mode;              /* pw_swap_mode */
    int32_t swap_rollover_day;      /* 1 = Monday ... 5 = Friday: the night after it counts three times */
    int32_t profit_from;            /* pw_rate_from, of the profit currency's rate */
    int32_t profit_symbol;          /* whose tick that is: an index into the venue's symbols */
    int32_t margin_from;            /* the same of the margin currency */
    int32_t margin_symbol;
    int32_t reserved;               /* 0 */
    const pw_zone_row *zone;        /* server time; none: UTC */
    int64_t n_zone;
    const pw_hours_row *hours;      /* sorted or not; none: always open */
    int64_t n_hours;
} pw_symbol;

typedef struct pw_account_spec {
    int64_t deposit;      /* minor units */
    int64_t latency;      /* microseconds from submit to the earliest fill */
    int64_t slippage;     /* points, adverse, on market and stop fills */
    int64_t fill_timeout; /* microseconds; 5 s */
    int64_t stop_out;     /* level in hundredths of a percent (5000 = 50 %) */
    int32_t netting;      /* 0 hedging, 1 netting */
    int32_t close_by;     /* 1: close-by is permitted */
    int32_t swap;         /* 0: no swap is booked */
    int32_t reserved;     /* 0 */
} pw_account_spec;

/* PW_OK, or PW_OPTION for numbers that break a rule stated above. Every other function here wants a checked symbol. */
PW_API int pw_symbol_check(const pw_symbol *symbol);

/* Server time of a UTC time, microseconds. |time| <= PW_MOST_TIME. */
PW_API int64_t pw_server_time(const pw_symbol *symbol, int64_t time);

/* The bucket of a timeframe (microseconds, > 0) of server time in which a UTC time lies. */
PW_API int64_t pw_bucket(const pw_symbol *symbol, int64_t time, int64_t timeframe);

/* The number of the server day in which a UTC time lies; its day of the week, 0 = Monday; and a UTC time after `time`
 * before which it is the same day: the next midnight, or a change of the zone before it. */
PW_API int64_t pw_server_day(const pw_symbol *symbol, int64_t time);
PW_API int32_t pw_weekday(int64_t day);
PW_API int64_t pw_day_end(const pw_symbol *symbol, int64_t time);

/* Whether the market is open at a UTC time. */
PW_API int pw_is_open(const pw_symbol *symbol, int64_t time);

/* The rate that a tick of this pair stands for (PW_RATE_DIRECT, PW_RATE_INVERSE). */
PW_API void pw_rate_of(const pw_symbol *pair, const pw_tick *tick, int32_t from, pw_rate *out);

/* a x b x num / den of a foreign currency in the account's, at the rate for gains or for losses, rounded once. */
PW_API int pw_convert(int64_t a, int64_t b, int64_t num, int64_t den, const pw_rate *rate, int gain, int64_t *out);

/* Money, minor units of the account's currency. PW_RANGE when it does not fit, PW_NO_RATE without a rate.
 * value: of an open position, the sum of price x volume of what it was opened with (points x steps); for a position of
 * one fill open x volume. moved: points x steps in favour of the position. */
PW_API int pw_profit(const pw_symbol *symbol, const pw_rate *rate, int32_t side, int64_t open, int64_t close,
                     int64_t volume, int64_t *out);
PW_API int pw_profit_moved(const pw_symbol *symbol, const pw_rate *rate, int64_t moved, int64_t *out);

/* What one deal costs: <= 0. */
PW_API int pw_commission(const pw_symbol *symbol, int64_t volume, int64_t *out);

/* What closing at the tick would book: profit + swap + the closing commission due. Commission charged before is in the
 * balance, and the caller's to subtract. */
PW_API int pw_floating(const pw_symbol *symbol, const pw_rate *rate, int32_t side, int64_t open, int64_t volume,
                       int64_t swap, const pw_tick *tick, int64_t *out);

/* Swap for one booking of `nights` (1 or 3) on a volume, at a price in points (percent mode), of one side. */
PW_API int pw_swap(const pw_symbol *symbol, const pw_rate *rate, int32_t side, int64_t volume, int64_t price,
                   int64_t nights, int64_t *out);

/* How often the midnight that ends a server day counts: 0 after Saturday and Sunday, 3 after the rollover day, else 1. */
PW_API int64_t pw_swap_nights(const pw_symbol *symbol, int64_t day);

/* Margin of a symbol: the volume and the value (points x steps) that is open on each side; rate of the margin currency. */
PW_API int pw_margin(const pw_symbol *symbol, const pw_rate *rate, int64_t buy_volume, int64_t buy_value,
                     int64_t sell_volume, int64_t sell_value, int64_t *out);

/* A part of an amount in proportion to volumes: amount x part / whole, rounded once. */
PW_API int pw_share(int64_t amount, int64_t part, int64_t whole, int64_t *out);

#endif
