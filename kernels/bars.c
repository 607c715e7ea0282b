/* Bars from ticks (bars.h). */
#include "bars.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const int64_t MOST_SPAN = INT64_C(10000) * 86400 * 1000000;
static const int64_t MOST_TIME = INT64_C(1) << 61;

int pw_bars_begin(pw_bars *bars, int64_t length, int64_t shift) {
    if (bars == NULL) return PW_NULL;
    if (length < 1 || length > MOST_SPAN || shift < -MOST_SPAN || shift > MOST_SPAN) return PW_OPTION;
    memset(bars, 0, sizeof(*bars));
    bars->length = length;
    bars->shift = shift;
    bars->last = -MOST_TIME;
    return PW_OK;
}

/* The beginning of the bucket that a time lies in; also right for times before 1970. */
static int64_t bucket_of(const pw_bars *bars, int64_t time) {
    const int64_t shifted = time + bars->shift;
    const int64_t into = shifted % bars->length;
    return time - (into < 0 ? into + bars->length : into);
}

static int check(const pw_bars *bars, const int64_t *times, const double *prices, int64_t n, int64_t *where) {
    int64_t last = bars->last;
    for (int64_t i = 0; i < n; i++) {
        const int finite = fabs(prices[i]) <= DBL_MAX;
        if (!finite || times[i] < last || times[i] > MOST_TIME) {
            *where = i;
            return finite ? PW_UNSORTED : PW_NOT_FINITE;
        }
        last = times[i];
    }
    return PW_OK;
}

/* How many bars these ticks close. */
static int64_t count_closed(const pw_bars *bars, const int64_t *times, int64_t n) {
    int64_t count = 0;
    int64_t end = bars->end;
    int open = bars->bar.ticks > 0;
    for (int64_t i = 0; i < n; i++) {
        if (open && times[i] < end) continue;
        count += open;
        open = 1;
        end = bucket_of(bars, times[i]) + bars->length;
    }
    return count;
}

int pw_bars_update(pw_bars *bars, const int64_t *times, const double *prices, int64_t n, pw_bar *out, int64_t room,
                   int64_t *closed, int64_t *where) {
    if (bars == NULL || closed == NULL || where == NULL || bars->length < 1) return PW_NULL;
    if (n < 0 || room < 0) return PW_LENGTH;
    if (n > 0 && (times == NULL || prices == NULL || (out == NULL && room > 0))) return PW_NULL;
    *closed = 0;
    const int status = check(bars, times, prices, n, where);
    if (status != PW_OK) return status;
    if (room < n && count_closed(bars, times, n) > room) return PW_FULL;
    pw_bar bar = bars->bar;
    int64_t end = bars->end;
    for (int64_t i = 0; i < n; i++) {
        const double price = prices[i];
        if (bar.ticks > 0 && times[i] < end) {
            if (price > bar.high) bar.high = price;
            if (price < bar.low) bar.low = price;
            bar.close = price;
            bar.ticks++;
            continue;
        }
        if (bar.ticks > 0) out[(*closed)++] = bar;
        bar.time = bucket_of(bars, times[i]);
        bar.open = bar.high = bar.low = bar.close = price;
        bar.ticks = 1;
        end = bar.time + bars->length;
    }
    if (n > 0) bars->last = times[n - 1];
    bars->bar = bar;
    bars->end = end;
    return PW_OK;
}
