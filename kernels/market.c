/* Server time, trading hours and money (market.h). */
#include "market.h"

#include "wide.h"

static const int64_t SECOND = 1000000;
static const int64_t MINUTE = 60 * (int64_t)1000000;
static const int64_t DAY = 86400 * (int64_t)1000000;
static const int64_t WEEK_MINUTES = 7 * 24 * 60;
static const int64_t MOST_OFFSET = 86400; /* seconds */
enum { THURSDAY = 3, SATURDAY = 5 };      /* 1970-01-01 was a Thursday; days are counted from Monday */

/* The quotient rounded down, also for times before 1970. */
static int64_t floor_div(int64_t value, int64_t by) {
    const int64_t quotient = value / by;
    return quotient - (value % by < 0 ? 1 : 0);
}

static int fraction_ok(int64_t num, int64_t den) { return num >= 0 && den > 0; }

static int tables_ok(const pw_symbol *symbol) {
    if (symbol->n_zone < 0 || symbol->n_hours < 0) return 0;
    if ((symbol->n_zone > 0 && symbol->zone == NULL) || (symbol->n_hours > 0 && symbol->hours == NULL)) return 0;
    for (int64_t row = 0; row < symbol->n_zone; row++) {
        const pw_zone_row *zone = &symbol->zone[row];
        if (zone->offset < -MOST_OFFSET || zone->offset > MOST_OFFSET) return 0;
        if (row > 0 && zone->from <= symbol->zone[row - 1].from) return 0;
    }
    for (int64_t row = 0; row < symbol->n_hours; row++) {
        const pw_hours_row *hours = &symbol->hours[row];
        if (hours->from < 0 || hours->to <= hours->from || hours->to > WEEK_MINUTES) return 0;
    }
    return 1;
}

static int modes_ok(const pw_symbol *symbol) {
    if (symbol->margin_mode != PW_MARGIN_FOREX && symbol->margin_mode != PW_MARGIN_CFD) return 0;
    if (symbol->hedged_use_leg != 0 && symbol->hedged_use_leg != 1) return 0;
    if (symbol->swap_mode < PW_SWAP_NONE || symbol->swap_mode > PW_SWAP_PERCENT) return 0;
    if (symbol->swap_mode != PW_SWAP_NONE && (symbol->swap_rollover_day < 1 || symbol->swap_rollover_day > 5)) return 0;
    if (symbol->profit_from < PW_RATE_GIVEN || symbol->profit_from > PW_RATE_INVERSE) return 0;
    return symbol->margin_from >= PW_RATE_GIVEN && symbol->margin_from <= PW_RATE_INVERSE;
}

int pw_symbol_check(const pw_symbol *symbol) {
    if (symbol == NULL) return PW_NULL;
    if (symbol->unit_num <= 0 || symbol->unit_den <= 0 || symbol->lot_num <= 0 || symbol->lot_den <= 0) return PW_OPTION;
    if (symbol->pip <= 0 || symbol->price_den <= 0 || symbol->digits < 0 || symbol->stops_level < 0) return PW_OPTION;
    if (symbol->stops_level > PW_MOST_PRICE || symbol->pip > PW_MOST_PRICE) return PW_OPTION;
    if (symbol->volume_min < 1 || symbol->volume_max < symbol->volume_min) return PW_OPTION;
    if (symbol->volume_max > PW_MOST_VOLUME) return PW_OPTION;
    if (!fraction_ok(symbol->commission_num, symbol->commission_den)) return PW_OPTION;
    if (!fraction_ok(symbol->margin_num, symbol->margin_den)) return PW_OPTION;
    if (!fraction_ok(symbol->hedged_num, symbol->hedged_den) || symbol->swap_den <= 0) return PW_OPTION;
    return modes_ok(symbol) && tables_ok(symbol) ? PW_OK : PW_OPTION;
}

/* The row that holds at a time; -1 without a table. */
static int64_t zone_at(const pw_symbol *symbol, int64_t time) {
    int64_t low = 0;
    int64_t high = symbol->n_zone; /* the row that holds is before high; the first one also holds before itself */
    if (high <= 0) return -1;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (symbol->zone[middle].from <= time)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int64_t pw_server_time(const pw_symbol *symbol, int64_t time) {
    const int64_t row = zone_at(symbol, time);
    return row < 0 ? time : time + symbol->zone[row].offset * SECOND;
}

int64_t pw_bucket(const pw_symbol *symbol, int64_t time, int64_t timeframe) {
    return floor_div(pw_server_time(symbol, time), timeframe);
}

int64_t pw_server_day(const pw_symbol *symbol, int64_t time) { return pw_bucket(symbol, time, DAY); }

int32_t pw_weekday(int64_t day) {
    const int64_t since_monday = day + THURSDAY;
    return (int32_t)(since_monday - 7 * floor_div(since_monday, 7));
}

int64_t pw_day_end(const pw_symbol *symbol, int64_t time) {
    const int64_t row = zone_at(symbol, time);
    const int64_t server = pw_server_time(symbol, time);
    const int64_t midnight = time + (floor_div(server, DAY) + 1) * DAY - server;
    /* The first row also holds before itself, so that its own beginning changes nothing. */
    if (row >= 0 && row + 1 < symbol->n_zone && symbol->zone[row + 1].from < midnight) return symbol->zone[row + 1].from;
    return midnight;
}

int pw_is_open(const pw_symbol *symbol, int64_t time) {
    if (symbol->n_hours <= 0) return 1;
    const int64_t server = pw_server_time(symbol, time);
    const int64_t day = floor_div(server, DAY);
    const int64_t minute = pw_weekday(day) * (int64_t)(24 * 60) + (server - day * DAY) / MINUTE;
    for (int64_t row = 0; row < symbol->n_hours; row++) {
        if (symbol->hours[row].from <= minute && minute < symbol->hours[row].to) return 1;
    }
    return 0;
}

void pw_rate_of(const pw_symbol *pair, const pw_tick *tick, int32_t from, pw_rate *out) {
    if (from == PW_RATE_DIRECT) {
        out->gain_num = tick->bid;
        out->loss_num = tick->ask;
        out->gain_den = out->loss_den = pair->price_den;
    } else {
        out->gain_num = out->loss_num = pair->price_den;
        out->gain_den = tick->ask;
        out->loss_den = tick->bid;
    }
}

int pw_convert(int64_t a, int64_t b, int64_t num, int64_t den, const pw_rate *rate, int gain, int64_t *out) {
    const int64_t rate_num = gain ? rate->gain_num : rate->loss_num;
    const int64_t rate_den = gain ? rate->gain_den : rate->loss_den;
    int64_t whole_num = num;
    int64_t whole_den = den;
    if (rate_den <= 0) return PW_NO_RATE;
    if (rate_num != rate_den && (!pw_multiply(num, rate_num, &whole_num) || !pw_multiply(den, rate_den, &whole_den))) {
        return PW_RANGE;
    }
    return pw_scale(a, b, whole_num, whole_den, out) ? PW_OK : PW_RANGE;
}

int pw_profit_moved(const pw_symbol *symbol, const pw_rate *rate, int64_t moved, int64_t *out) {
    *out = 0;
    return moved == 0 ? PW_OK : pw_convert(moved, 1, symbol->unit_num, symbol->unit_den, rate, moved > 0, out);
}

int pw_profit(const pw_symbol *symbol, const pw_rate *rate, int32_t side, int64_t open, int64_t close, int64_t volume,
              int64_t *out) {
    const int64_t moved = side == PW_BUY ? close - open : open - close;
    *out = 0;
    if (moved == 0 || volume == 0) return PW_OK;
    return pw_convert(moved, volume, symbol->unit_num, symbol->unit_den, rate, moved > 0, out);
}

int pw_commission(const pw_symbol *symbol, int64_t volume, int64_t *out) {
    *out = 0;
    if (symbol->commission_num == 0) return PW_OK;
    return pw_scale(-volume, 1, symbol->commission_num, symbol->commission_den, out) ? PW_OK : PW_RANGE;
}

int pw_floating(const pw_symbol *symbol, const pw_rate *rate, int32_t side, int64_t open, int64_t volume, int64_t swap,
                const pw_tick *tick, int64_t *out) {
    int64_t gross;
    int64_t due;
    int status = pw_profit(symbol, rate, side, open, side == PW_BUY ? tick->bid : tick->ask, volume, &gross);
    if (status == PW_OK) status = pw_commission(symbol, volume, &due);
    if (status == PW_OK) *out = gross + due + swap;
    return status;
}

int64_t pw_swap_nights(const pw_symbol *symbol, int64_t day) {
    const int32_t weekday = pw_weekday(day);
    if (weekday >= SATURDAY) return 0;
    return weekday + 1 == symbol->swap_rollover_day ? 3 : 1;
}

int pw_swap(const pw_symbol *symbol, const pw_rate *rate, int32_t side, int64_t volume, int64_t price, int64_t nights,
            int64_t *out) {
    static const pw_rate same = {1, 1, 1, 1};
    const int64_t num = side == PW_BUY ? symbol->swap_long_num : symbol->swap_short_num;
    const int64_t by = symbol->swap_mode == PW_SWAP_PERCENT ? price : 1;
    int64_t charged;
    *out = 0;
    if (symbol->swap_mode == PW_SWAP_NONE || num == 0 || nights == 0) return PW_OK;
    if (!pw_multiply(num, nights, &charged)) return PW_RANGE;
    return pw_convert(volume, by, charged, symbol->swap_den, symbol->swap_mode == PW_SWAP_MONEY ? &same : rate, num > 0,
                      out);
}

/* One part of the margin: a volume, for a CFD at the average that `value` is for `of` steps. Margin is converted at the
 * dearer side: it is owed. */
static int margin_part(const pw_symbol *symbol, const pw_rate *rate, int64_t volume, int64_t value, int64_t of,
                       int64_t num, int64_t den, int64_t *out) {
    int64_t whole_den;
    *out = 0;
    if (volume == 0 || num == 0) return PW_OK;
    if (symbol->margin_mode == PW_MARGIN_FOREX) return pw_convert(volume, 1, num, den, rate, 0, out);
    if (!pw_multiply(den, of, &whole_den)) return PW_RANGE;
    return pw_convert(volume, value, num, whole_den, rate, 0, out);
}

int pw_margin(const pw_symbol *symbol, const pw_rate *rate, int64_t buy_volume, int64_t buy_value, int64_t sell_volume,
              int64_t sell_value, int64_t *out) {
    const int buys = buy_volume > sell_volume || (buy_volume == sell_volume && buy_value >= sell_value);
    const int64_t volume = buys ? buy_volume : sell_volume; /* the larger side's */
    const int64_t value = buys ? buy_value : sell_value;
    const int64_t covered = buys ? sell_volume : buy_volume;
    const int64_t charged = symbol->hedged_use_leg ? volume : volume - covered;
    int64_t open_part;
    int64_t covered_part = 0;
    int status = margin_part(symbol, rate, charged, value, volume, symbol->margin_num, symbol->margin_den, &open_part);
    if (status == PW_OK && !symbol->hedged_use_leg) {
        status = margin_part(symbol, rate, covered, buy_value + sell_value, buy_volume + sell_volume, symbol->hedged_num,
                             symbol->hedged_den, &covered_part);
    }
    if (status == PW_OK) *out = open_part + covered_part;
    return status;
}

int pw_share(int64_t amount, int64_t part, int64_t whole, int64_t *out) {
    if (part == whole) {
        *out = amount;
        return PW_OK;
    }
    return pw_scale(amount, part, 1, whole, out) ? PW_OK : PW_RANGE;
}
