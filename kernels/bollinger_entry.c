/* bollinger_stop.h: what an entry is, where its stop lies, and how much the risk allows. Shorts mirror longs: `up` is 1
 * for a long and -1 for a short, and every difference is multiplied by it. */
#include "bollinger_stop.h"

#include "wide.h"

#include <math.h>

int64_t pw_level(double price) {
    return price >= 1.0 && price < (double)PW_MOST_PRICE ? (int64_t)round(price) : 0;
}

void pw_entries_of(pw_bollinger_stop *bollinger, int64_t day) {
    if (bollinger->day == day) return;
    bollinger->day = day;
    for (int32_t i = 0; i < bollinger->n_entries; i++) bollinger->entries[i] = 0;
    bollinger->n_entries = 0;
}

/* Whether an order of this server day, filled or on its way, lies within `distance` of a price. */
static int lies_near(const pw_bollinger_stop *bollinger, double price, double distance) {
    for (int32_t i = 0; i < bollinger->n_entries; i++) {
        if (fabs((double)bollinger->entries[i] - price) <= distance) return 1;
    }
    for (int32_t i = 0; i < bollinger->book.n_cycles; i++) {
        const pw_cycle *cycle = pw_cycle_at(&bollinger->book, i);
        const int64_t asked = cycle->anchor == 0 ? cycle->request.price + cycle->unknown.price : 0;
        if (asked != 0 && fabs((double)asked - price) <= distance) return 1;
    }
    return bollinger->n_entries == PW_MOST_ENTRIES; /* no room to remember another: the day is over */
}

/* Whether the mode allows an entry in the direction of the flip. A NaN in the warm-up compares false. */
static int allowed(const pw_bollinger_stop *bollinger, double price, double up) {
    const pw_lane *entry = &bollinger->lanes[PW_LANE_ENTRY];
    const pw_lane *trend = &bollinger->lanes[PW_LANE_TREND];
    const double range = bollinger->lanes[PW_LANE_DAILY].range;
    switch (bollinger->params.mode) {
    case PW_TREND: return trend->trend == up;
    case PW_SWING:
        return trend->trend == up && up * (trend->mean - trend->mean_before) > 0.0 && range >= 0.0 &&
               !lies_near(bollinger, price, range / 4.0);
    default: return up * (entry->closed - entry->mean) > 0.0 && up * (price - entry->stop) > 0.0;
    }
}

static double stop_of(const pw_bollinger_stop *bollinger, double price, double up) {
    const pw_lane *entry = &bollinger->lanes[PW_LANE_ENTRY];
    const double ranges = bollinger->params.sl_ranges;
    if (bollinger->params.mode != PW_BREAKOUT) return ranges == 0.0 ? entry->stop : price - up * ranges * entry->range;
    const double far = price - up * (ranges == 0.0 ? 1.0 : ranges) * entry->range;
    return up * (far - entry->stop) < 0.0 ? far : entry->stop;
}

/* equity x risk / (loss a lot at the stop + commission of both deals a lot), floored to the grid and capped. */
static int size_of(const pw_bollinger_stop *bollinger, const pw_view *view, pw_setup *entry) {
    const pw_symbol *symbol = view->symbol;
    int64_t profit;
    int64_t commission;
    int64_t scaled;
    int64_t cost;
    int64_t volume;
    int status = pw_profit(symbol, &view->rate, entry->side, entry->price, entry->sl, symbol->lot_den, &profit);
    if (status == PW_OK) status = pw_commission(symbol, symbol->lot_den, &commission);
    if (status == PW_NO_RATE) return PW_OK;
    if (status != PW_OK) return status;
    const int64_t lost = -profit - 2 * commission;
    if (lost <= 0 || view->equity <= 0) return PW_OK;
    if (!pw_multiply(bollinger->params.risk_num, symbol->lot_den, &scaled)) return PW_RANGE;
    if (!pw_multiply(bollinger->params.risk_den, lost, &cost)) return PW_RANGE;
    if (!pw_scale_down(view->equity, scaled, 1, cost, &volume)) volume = symbol->volume_max;
    if (volume > symbol->volume_max) volume = symbol->volume_max;
    if (volume >= symbol->volume_min) entry->volume = volume;
    return PW_OK;
}

int pw_setup_find(const pw_bollinger_stop *bollinger, const pw_view *view, pw_setup *entry) {
    const pw_lane *lane = &bollinger->lanes[PW_LANE_ENTRY];
    const pw_setup none = {0};
    *entry = none;
    if (lane->bars <= PW_WARM_UP || lane->flip == 0) return PW_OK;
    const double up = lane->flip;
    entry->side = lane->flip > 0 ? PW_BUY : PW_SELL;
    entry->price = pw_fill_side(&view->tick, entry->side);
    const double price = (double)entry->price;
    if (!allowed(bollinger, price, up)) return PW_OK;
    entry->sl = pw_level(stop_of(bollinger, price, up));
    if (bollinger->params.tp_ranges > 0.0) {
        entry->tp = pw_level(price + up * bollinger->params.tp_ranges * lane->range);
        if (entry->tp == 0) return PW_OK;
    }
    const int64_t distance = lane->flip > 0 ? entry->price - entry->sl : entry->sl - entry->price;
    return entry->sl > 0 && distance > 0 ? size_of(bollinger, view, entry) : PW_OK;
}
