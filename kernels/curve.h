/* An equity curve in bounded memory: a fixed number of points, with the exact extremes of what each one stands for.
 *
 *     ticks     . . . . . . . . . . . . . . . . . . . . . . .
 *     points   |---- span ---|---- span ---|---- span ---|--      low, high, last equity and the balance of each
 *                                                                 full: neighbours are joined, span doubles
 *
 * An exact equity costs a division for each position. The engine knows a linear estimate with a bound on its error, and
 * asks pw_curve_matters() whether an equity within that bound could change anything that is kept; only then is it worked
 * out and given to pw_curve_take(). So peak, drawdown, lows and highs are those of every single tick.
 */
#ifndef PITWIRE_CURVE_H
#define PITWIRE_CURVE_H

#include "pitwire.h"

typedef struct pw_point {
    int64_t time;    /* of the last tick in it, UTC microseconds */
    int64_t low, high, equity; /* least, largest and last equity, minor units */
    int64_t balance; /* the last one */
    int64_t ticks;   /* in it */
} pw_point;

typedef struct pw_curve {
    pw_point *points; /* `room` of them, the caller's, room >= 2 and even; NULL: only peak and drawdown are kept */
    int64_t room;
    int64_t n;        /* points closed */
    int64_t span;     /* ticks a point */
    pw_point open;    /* the point that is being filled; ticks = 0: none */
    int64_t peak;     /* largest equity so far */
    int64_t low;      /* least equity so far */
    int64_t drawdown; /* largest fall from the peak before it */
    double part;      /* largest fall as a part of the peak before it; 1 for everything */
} pw_curve;

PW_API int pw_curve_begin(pw_curve *c, pw_point *points, int64_t room, int64_t deposit);
/* The exact equity of a tick. */
PW_API int pw_curve_take(pw_curve *c, int64_t time, int64_t equity, int64_t balance);
/* Close the open point. */
PW_API int pw_curve_end(pw_curve *c);

/* Whether an equity between low and high could be a new extreme of anything that is kept, or ends a point. */
static inline int pw_curve_matters(const pw_curve *c, double low, double high)
{
    if (high > (double)c->peak || (double)c->peak - low > (double)c->drawdown || low < (double)c->low)
        return 1;
    if ((double)c->peak - low > c->part * (double)c->peak)
        return 1;
    if (c->points == NULL)
        return 0;
    return c->open.ticks == 0 || c->open.ticks + 1 >= c->span || low < (double)c->open.low || high > (double)c->open.high;
}

/* A tick whose equity does not matter. */
static inline void pw_curve_pass(pw_curve *c) { c->open.ticks++; }

#endif
