/* The largest and smallest value of a short sliding window, by doubling (short.h); the two halves of the last step may
 * overlap. Of two zeros neither is larger; the older one stays.
 *
 *     store   [ ladder ]
 */
#include "short.h"

static inline double better(double older, double newer, int lowest) {
    return lowest ? (newer < older ? newer : older) : (newer > older ? newer : older);
}

static inline void join(const double *restrict older, const double *restrict newer, int64_t n, double *restrict out,
                        int lowest) {
    for (int64_t i = 0; i < n; i++) out[i] = better(older[i], newer[i], lowest);
}

static inline void run_strip(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out, int lowest) {
    const int64_t period = extreme->period;
    pw_ladder_room(&extreme->at, store, period, n);
    double *level = store + 1 + extreme->at;
    int64_t m = 1;
    memcpy(level, x, (size_t)n * sizeof(double));
    for (; 2 * m <= period; m *= 2) {
        double *next = level + PW_ROOM + 2 * m;
        join(level - m, level, n, next, lowest);
        level = next;
    }
    join(level - (period - m), level, n, out, lowest);
    extreme->at += n;
}

static inline void run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out, int lowest) {
    for (int64_t i = 0; i < n; i += PW_STRIP) {
        run_strip(extreme, store, x + i, pw_least(n - i, PW_STRIP), out + i, lowest);
    }
}

PW_WIDE void pw_short_highest_run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out) {
    run(extreme, store, x, n, out, 0);
}

PW_WIDE void pw_short_lowest_run(pw_extreme *extreme, double *store, const double *x, int64_t n, double *out) {
    run(extreme, store, x, n, out, 1);
}
