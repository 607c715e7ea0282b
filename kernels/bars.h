/* Bars from ticks: the one function that every decider builds its bars with.
 *
 *     bucket    |-------- length --------|-------- length --------|      edges at k * length - shift
 *     ticks        o   h      l        c    o  ...
 *     bar                                   ^ given out with the first tick at or after its end
 *
 * A time without ticks has no bar. The open bar is in the state (ticks > 0); it is never given out by itself, since
 * nobody knows that it is complete. `shift` moves the edges: with the server's offset to UTC, D1 begins at the
 * server's midnight.
 */
#ifndef PW_BARS_H
#define PW_BARS_H

#include "pitwire.h"

typedef struct pw_bar {
    int64_t time; /* of the bucket's beginning, UTC microseconds */
    double open, high, low, close;
    int64_t ticks; /* how many it was made of */
} pw_bar;

typedef struct pw_bars {
    int64_t length; /* of a bucket, microseconds, at least 1 */
    int64_t shift;  /* microseconds added to a time before it is cut, |shift| < 2^62 */
    int64_t end;    /* end of the open bar's bucket */
    int64_t last;   /* time of the last tick */
    pw_bar bar;     /* the open bar; ticks = 0: none */
} pw_bars;

/* Make `bars` ready. PW_OPTION: a length below 1 or above 10,000 days, or a shift of more than that either way. */
PW_API int pw_bars_begin(pw_bars *bars, int64_t length, int64_t shift);

/* Take n ticks; write the bars they close to out[0..room-1] and their number to *closed. Ticks are looked at before
 * any is taken: on PW_NOT_FINITE (a price) and PW_UNSORTED (a time before the last one, or one outside +-2^61) *where
 * is the position and nothing is changed. PW_FULL: more than `room` bars close, nothing is changed; room >= n is
 * always enough. */
PW_API int pw_bars_update(pw_bars *bars, const int64_t *times, const double *prices, int64_t n, pw_bar *out,
                          int64_t room, int64_t *closed, int64_t *where);

#endif
