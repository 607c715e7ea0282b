/* cycle.h: what a basket is worth, and between which quotes nothing can happen. */
#include "cycle.h"

int pw_cycle_profit(const pw_cycle *cycle, const pw_view *view, int64_t *profit) {
    const pw_leg *legs = pw_legs(cycle);
    int64_t sum = cycle->booked;
    for (int32_t i = 0; i < cycle->n_legs; i++) {
        int64_t floating;
        if (legs[i].volume == 0) continue;
        const int status = pw_floating(view->symbol, &view->rate, legs[i].side, legs[i].price, legs[i].volume,
                                       legs[i].swap, &view->tick, &floating);
        if (status != PW_OK) return status;
        sum += floating;
    }
    *profit = sum;
    return PW_OK;
}

void pw_window_void(pw_window *window) {
    window->low[PW_BID] = window->low[PW_ASK] = 1;
    window->high[PW_BID] = window->high[PW_ASK] = 0;
}

void pw_window_open(pw_window *window, const pw_view *view) {
    window->low[PW_BID] = window->low[PW_ASK] = INT64_MIN;
    window->high[PW_BID] = window->high[PW_ASK] = INT64_MAX;
    window->until = PW_NEVER;
    window->rate = view->rate;
    window->known = view->known;
}

static int64_t quoted(const pw_tick *tick, int quote) { return quote == PW_BID ? tick->bid : tick->ask; }

void pw_watch_at_least(pw_window *window, const pw_tick *tick, int quote, int64_t level) {
    if (quoted(tick, quote) >= level) {
        if (window->low[quote] < level) window->low[quote] = level;
    } else if (window->high[quote] > level - 1) {
        window->high[quote] = level - 1;
    }
}

void pw_watch_at_most(pw_window *window, const pw_tick *tick, int quote, int64_t level) {
    pw_watch_at_least(window, tick, quote, level + 1); /* the opposite, which changes at the same quote */
}

pw_trigger pw_towards(int32_t side, int64_t from, int64_t distance) {
    const pw_trigger up = {from + distance, PW_ASK, 1};
    const pw_trigger down = {from - distance, PW_BID, 0};
    return side == PW_BUY ? up : down;
}

int pw_reached(pw_trigger at, const pw_tick *tick) {
    return at.above ? quoted(tick, at.quote) >= at.level : quoted(tick, at.quote) <= at.level;
}

void pw_watch(pw_window *window, const pw_tick *tick, pw_trigger at) {
    if (at.above) {
        pw_watch_at_least(window, tick, at.quote, at.level);
    } else {
        pw_watch_at_most(window, tick, at.quote, at.level);
    }
}

void pw_watch_time(pw_window *window, int64_t time) {
    if (window->until > time) window->until = time;
}

/* How far quotes may go, in points, while the profit moves by less than `money`, when it moves by `a_point` a point.
 * Every leg is rounded, so it may move a minor unit more than its exact value. Rounded down, with a part in a million to
 * spare for the doubles. */
static int64_t points_within(int64_t money, double a_point, int32_t legs) {
    const double points = ((double)money - (double)legs - 1.0) / a_point * 0.999999 - 1.0;
    if (!(points > 0.0)) return 0;
    return points < 1e15 ? (int64_t)points : (int64_t)1e15;
}

void pw_watch_profit(pw_window *window, const pw_view *view, const pw_cycle *cycle, int64_t profit, int64_t low,
                     int64_t high) {
    const pw_tick *tick = &view->tick;
    const double gain = (double)view->rate.gain_num / (double)view->rate.gain_den;
    const double loss = (double)view->rate.loss_num / (double)view->rate.loss_den;
    const double unit = (double)view->symbol->unit_num / (double)view->symbol->unit_den * (gain > loss ? gain : loss);
    const int64_t bought = pw_open_steps(cycle, PW_BUY);
    const int64_t sold = pw_open_steps(cycle, PW_SELL);
    if (bought + sold == 0) return;
    const double a_point = unit * (double)(bought + sold);
    const int64_t up = points_within(high - profit, a_point, cycle->n_legs);
    const int64_t down = points_within(profit - low, a_point, cycle->n_legs);
    if (bought > 0) {
        pw_watch_at_least(window, tick, PW_BID, tick->bid + up + 1);
        pw_watch_at_most(window, tick, PW_BID, tick->bid - down - 1);
    }
    if (sold > 0) {
        pw_watch_at_least(window, tick, PW_ASK, tick->ask + down + 1);
        pw_watch_at_most(window, tick, PW_ASK, tick->ask - up - 1);
    }
}

void pw_watch_requests(pw_window *window, const pw_cycle *cycle) {
    if (cycle->request.id != 0) {
        if (!cycle->request.unknown) pw_watch_time(window, cycle->request.sent + PW_NO_OUTCOME);
    } else if (cycle->wait_open) {
        pw_window_void(window);
    } else if (cycle->phase == PW_CLOSING || cycle->missing > 0) {
        pw_watch_time(window, cycle->retry_at);
    }
}

int64_t pw_bucket_until(const pw_symbol *symbol, int64_t now, int64_t timeframe) {
    const int64_t bucket = pw_bucket(symbol, now, timeframe);
    int64_t until = now + (bucket + 1) * timeframe - pw_server_time(symbol, now);
    for (int64_t row = 0; row < symbol->n_zone; row++) {
        const int64_t from = symbol->zone[row].from;
        if (from > now && from < until) until = from;
    }
    return until;
}
