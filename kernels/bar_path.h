/* Bars turned into ticks: what the venue plays when there are no ticks.
 *
 *     close >= open:  O  L  H  C        else:  O  H  L  C
 *                     |  |  |  |
 *     time            |  |  |  end - 1 us
 *                     |  |  +1/2
 *                     |  +1/4
 *                     start
 *
 * Bars are of bid prices. With ask bars beside them the path is the bid's and each ask is that of the same place (open,
 * high, low, close), at least the bid: what had to be lifted is counted. Else ask = bid + spread.
 * The first tick of a bar may gap, the others are reached without one: pw_venue_tick(..., continuous).
 */
#ifndef PITWIRE_BAR_PATH_H
#define PITWIRE_BAR_PATH_H

#include "market.h"

typedef struct pw_points_bar {
    int64_t time; /* of its start, UTC microseconds */
    int64_t open, high, low, close;
} pw_points_bar;

/* The four ticks of a bar of `length` microseconds (>= 4). ask: NULL, then spread (points, >= 0) is taken.
 * low and high, where not NULL, get the lowest and highest bid and ask of the four (pw_venue_bar).
 * PW_PRICE: a price below 1 or above PW_MOST_PRICE, or a bid bar whose low and high do not hold its open and close. */
PW_API int pw_bar_ticks(const pw_points_bar *bid, const pw_points_bar *ask, int64_t length, int64_t spread, pw_tick *out,
                        pw_tick *low, pw_tick *high, int64_t *corrected);

/* The same for n bars into arrays of 4 n. On PW_PRICE, and PW_UNSORTED (a bar that starts before the end of the one in
 * front of it, or an ask bar of another time), *where is the bar. */
PW_API int pw_bar_path(const pw_points_bar *bid, const pw_points_bar *ask, int64_t n, int64_t length, int64_t spread,
                       int64_t *time, int64_t *bids, int64_t *asks, int64_t *corrected, int64_t *where);

#endif
