/* Short windows, each computed on its own. Internal: nothing here leaves the library.
 *
 * What blocks.h says of blocks costs the same for any period, but it goes value by value, and a short block pays for
 * its ends. Up to the periods below a window is computed from its values alone, by operations that are the same for
 * every window, so that many windows are computed side by side in vector code, and chunks cannot matter.
 *
 * Sums and extremes are made by doubling. Level m holds the sums of the last m values, m = 1, 2, 4, ...; a window is
 * put together from those levels whose m are the digits of the period, the shortest newest:
 *
 *     value        0 1 2 3 4 5 6 7 8 9
 *     level 2              . . . [===]      level 2 [i] = level 1 [i] + level 1 [i - 1]
 *     level 4            [=======]          level 4 [i] = level 2 [i] + level 2 [i - 2]
 *     period 6         = [=======|===]      level 4 [i - 2] + level 2 [i]
 *
 * Weighted means, moments and products of two series are added up value by value (in taps); moments and products from
 * differences to the newest value of the window, so that a level does not eat their digits.
 *
 *     ladder    [ m values before | up to PW_STRIP new ] for each level m up to the period, all filled up to `at`;
 *               when that would pass PW_STRIP the last m move to the front
 *     history   [ period - 1 values before | up to PW_CHUNK new ], likewise
 */
#ifndef PW_SHORT_H
#define PW_SHORT_H

#include "blocks.h"

enum {
    PW_STRIP = 256, /* the most values that go through a ladder at once: it stays in the nearest cache */
    PW_TAPS = 8,    /* values of a window in one pass: what is summed stays in registers that long */
    PW_ROOM = PW_STRIP + 24, /* no two levels a page apart: a store would hold up the loads beside it */
    /* The longest periods for which this way was measured to be the faster one. */
    PW_SHORT_SUM = 20,
    PW_SHORT_LINE = 24,
    PW_SHORT_EXTREME = 256,
    PW_SHORT_MOMENTS = 20,
    PW_SHORT_PAIR = 16
};

/* A number of taps that the compiler knows is a loop that it can unroll. */
#define PW_EACH_COUNT(taps, call)                                                                                      \
    switch (taps) {                                                                                                    \
    case 1: call(1); break;                                                                                            \
    case 2: call(2); break;                                                                                            \
    case 3: call(3); break;                                                                                            \
    case 4: call(4); break;                                                                                            \
    case 5: call(5); break;                                                                                            \
    case 6: call(6); break;                                                                                            \
    case 7: call(7); break;                                                                                            \
    default: call(PW_TAPS); break;                                                                                     \
    }

static inline int64_t pw_ladder_store(int64_t period) {
    int64_t doubles = 0;
    for (int64_t m = 1; m <= period; m *= 2) doubles += m + PW_ROOM;
    return doubles;
}

/* Make room for n more values in every level; `at` is moved. */
static inline void pw_ladder_room(int64_t *at, double *store, int64_t period, int64_t n) {
    if (*at + n <= PW_STRIP) return;
    for (int64_t m = 1; m <= period; m *= 2) {
        memmove(store, store + *at, (size_t)m * sizeof(double));
        store += m + PW_ROOM;
    }
    *at = 0;
}

static inline int64_t pw_history_store(int64_t period) { return period - 1 + PW_CHUNK; }

/* Append n values; the address of the first of them, with the period - 1 before it in front. */
static inline const double *pw_history_take(double *store, int64_t at, int64_t period, const double *x, int64_t n) {
    if (at + n > PW_CHUNK) {
        memmove(store, store + at, (size_t)(period - 1) * sizeof(double));
        at = 0;
    }
    double *taken = store + period - 1 + at;
    memcpy(taken, x, (size_t)n * sizeof(double));
    return taken;
}

/* What `at` is after that. */
static inline int64_t pw_history_at(int64_t at, int64_t n) { return at + n > PW_CHUNK ? n : at + n; }

void pw_short_sum_run(pw_sum *sum, double *store, const double *x, int64_t n, double *out);
void pw_short_highest_run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out);
void pw_short_lowest_run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out);
void pw_short_line_run(pw_line *line, double *store, const double *x, int64_t n, double *average, double *slope);
void pw_short_moments_run(pw_moments *moments, double *store, const double *x, int64_t n, double *mean,
                          double *deviation);
void pw_short_pair_run(pw_pair *pair, double *store, const double *x, const double *y, int64_t n, double *xx,
                       double *yy, double *xy);

#endif
