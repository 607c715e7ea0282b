/* Bars turned into ticks (bar_path.h). */
#include "bar_path.h"

static const int64_t MOST_LENGTH = INT64_C(10000) * 86400 * 1000000;

static int prices_ok(const pw_points_bar *bar) {
    const int64_t prices[4] = {bar->open, bar->high, bar->low, bar->close};
    for (int i = 0; i < 4; i++) {
        if (prices[i] < 1 || prices[i] > PW_MOST_PRICE) return 0;
    }
    return 1;
}

static int holds(const pw_points_bar *bar) {
    return bar->low <= bar->open && bar->low <= bar->close && bar->high >= bar->open && bar->high >= bar->close;
}

static void widen(const pw_tick *ticks, pw_tick *low, pw_tick *high) {
    *low = *high = ticks[0];
    for (int i = 1; i < 4; i++) {
        if (ticks[i].bid < low->bid) low->bid = ticks[i].bid;
        if (ticks[i].bid > high->bid) high->bid = ticks[i].bid;
        if (ticks[i].ask < low->ask) low->ask = ticks[i].ask;
        if (ticks[i].ask > high->ask) high->ask = ticks[i].ask;
    }
}

int pw_bar_ticks(const pw_points_bar *bid, const pw_points_bar *ask, int64_t length, int64_t spread, pw_tick *out,
                 pw_tick *low, pw_tick *high, int64_t *corrected) {
    if (bid == NULL || out == NULL || corrected == NULL) return PW_NULL;
    if (length < 4 || length > MOST_LENGTH || spread < 0 || spread > PW_MOST_PRICE) return PW_OPTION;
    if (bid->time < -PW_MOST_TIME || bid->time > PW_MOST_TIME - length) return PW_UNSORTED;
    if (!prices_ok(bid) || !holds(bid) || (ask != NULL && !prices_ok(ask))) return PW_PRICE;
    if (ask == NULL && bid->high + spread > PW_MOST_PRICE) return PW_PRICE;
    const int up = bid->close >= bid->open;
    const int64_t times[4] = {0, length / 4, length / 2, length - 1};
    const int64_t bids[4] = {bid->open, up ? bid->low : bid->high, up ? bid->high : bid->low, bid->close};
    for (int i = 0; i < 4; i++) {
        out[i].time = bid->time + times[i];
        out[i].bid = bids[i];
        out[i].ask = bids[i] + spread;
    }
    if (ask != NULL) {
        const int64_t asks[4] = {ask->open, up ? ask->low : ask->high, up ? ask->high : ask->low, ask->close};
        for (int i = 0; i < 4; i++) {
            *corrected += asks[i] < bids[i];
            out[i].ask = asks[i] < bids[i] ? bids[i] : asks[i];
        }
    }
    if (low != NULL && high != NULL) widen(out, low, high);
    return PW_OK;
}

int pw_bar_path(const pw_points_bar *bid, const pw_points_bar *ask, int64_t n, int64_t length, int64_t spread,
                int64_t *time, int64_t *bids, int64_t *asks, int64_t *corrected, int64_t *where) {
    if (time == NULL || bids == NULL || asks == NULL || where == NULL || corrected == NULL) return PW_NULL;
    if (n < 0) return PW_LENGTH;
    *corrected = 0;
    for (int64_t i = 0; i < n; i++) {
        pw_tick ticks[4];
        *where = i;
        if (i > 0 && bid[i].time < bid[i - 1].time + length) return PW_UNSORTED;
        if (ask != NULL && ask[i].time != bid[i].time) return PW_UNSORTED;
        const int status = pw_bar_ticks(&bid[i], ask != NULL ? &ask[i] : NULL, length, spread, ticks, NULL, NULL, corrected);
        if (status != PW_OK) return status;
        for (int64_t k = 0; k < 4; k++) {
            time[4 * i + k] = ticks[k].time;
            bids[4 * i + k] = ticks[k].bid;
            asks[4 * i + k] = ticks[k].ask;
        }
    }
    return PW_OK;
}
