/* The sum of a short sliding window, by doubling (short.h).
 *
 *     store   [ ladder ]
 */
#include "short.h"

PW_WIDE static void run(pw_sum *sum, double *store, const double *x, int64_t n, double *out) {
    const int64_t period = sum->period;
    double halves[2][PW_STRIP];
    const double *newer = NULL; /* sums of the newest `have` values */
    int64_t have = 0;
    int64_t turn = 0;
    pw_ladder_room(&sum->at, store, period, n);
    double *level = store + 1 + sum->at;
    memcpy(level, x, (size_t)n * sizeof(double));
    for (int64_t m = 1;; m *= 2) {
        if (period & m) {
            double *restrict to = have + m == period ? out : halves[turn];
            if (have > 0) {
                const double *restrict older = level - have;
                const double *restrict rest = newer;
                for (int64_t i = 0; i < n; i++) to[i] = older[i] + rest[i];
                newer = to;
                turn = 1 - turn;
            } else if (m == period) {
                memcpy(to, level, (size_t)n * sizeof(double));
            } else {
                newer = level;
            }
            have += m;
            if (have == period) break;
        }
        const double *restrict from = level;
        double *restrict next = level + PW_ROOM + 2 * m;
        for (int64_t i = 0; i < n; i++) next[i] = from[i] + from[i - m];
        level = next;
    }
    sum->at += n;
}

void pw_short_sum_run(pw_sum *sum, double *store, const double *x, int64_t n, double *out) {
    for (int64_t i = 0; i < n; i += PW_STRIP) run(sum, store, x + i, pw_least(n - i, PW_STRIP), out + i);
}
