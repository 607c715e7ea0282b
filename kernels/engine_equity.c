/* Equity: the venue's exact one where it matters, an estimate with a known error everywhere else. */
#include "engine_parts.h"

static const double ROUNDING = 4e-15; /* of the estimate's own arithmetic, relative */

int engine_exact(const pw_engine *e, int64_t *equity)
{
    pw_worth worth;
    if (e->n_holdings == 0) {
        *equity = e->venue.state->balance;
        return PW_OK;
    }
    const int status = pw_venue_worth(&e->venue, &worth);
    if (status != PW_OK)
        return status;
    *equity = worth.equity;
    return worth.known ? PW_OK : PW_NO_RATE;
}

/* equity = base + per_bid x bid + per_ask x ask, within slack: each position is rounded once, by at most a half. */
static int estimate(pw_engine *e)
{
    const pw_symbol *symbol = e->view.symbol;
    const pw_rate *rate = &e->view.rate;
    const pw_position *rows = pw_venue_positions(&e->venue);
    const int64_t n = e->venue.state->n_positions;
    double size = (double)e->venue.state->balance;
    e->base = size;
    e->per_bid = 0;
    e->per_ask = 0;
    e->stirred = 0;
    if (rate->gain_num != rate->loss_num || rate->gain_den != rate->loss_den || rate->gain_den <= 0) {
        e->linear = 0;
        return PW_OK;
    }
    const double unit = (double)symbol->unit_num / (double)symbol->unit_den * (double)rate->gain_num / (double)rate->gain_den;
    for (int64_t i = 0; i < n; i++) {
        int64_t due;
        const double value = (double)rows[i].value * unit;
        const double a_point = (double)rows[i].volume * unit;
        const int status = pw_commission(symbol, rows[i].volume, &due);
        if (status != PW_OK)
            return status;
        e->base += (double)(due + rows[i].swap) + (rows[i].side == PW_BUY ? -value : value);
        if (rows[i].side == PW_BUY)
            e->per_bid += a_point;
        else
            e->per_ask -= a_point;
        size += value;
    }
    e->slack = 1.0 + 0.5 * (double)n + (size < 0 ? -size : size) * 4 * ROUNDING;
    return PW_OK;
}

int engine_measure(pw_engine *e, int64_t *equity, int exact)
{
    const int64_t balance = e->venue.state->balance;
    int status = PW_OK;
    if (e->n_holdings == 0) {
        *equity = balance;
        if (!exact && !pw_curve_matters(&e->curve, (double)balance, (double)balance)) {
            pw_curve_pass(&e->curve);
            return PW_OK;
        }
        return pw_curve_take(&e->curve, e->view.tick.time, balance, balance);
    }
    if (e->linear && e->stirred && (status = estimate(e)) != PW_OK)
        return status;
    if (e->linear && !exact) {
        const double about = e->base + e->per_bid * (double)e->view.tick.bid + e->per_ask * (double)e->view.tick.ask;
        if (!pw_curve_matters(&e->curve, about - e->slack, about + e->slack)) {
            pw_curve_pass(&e->curve);
            return PW_OK;
        }
    }
    status = engine_exact(e, equity);
    return status == PW_OK ? pw_curve_take(&e->curve, e->view.tick.time, *equity, balance) : status;
}

int engine_day(pw_engine *e, int64_t time)
{
    const pw_symbol *symbol = &e->venue.symbols[0];
    /* day_end may be a change of the zone within a day */
    if (e->at > 0 && pw_server_day(symbol, time) != pw_server_day(symbol, e->time[e->at - 1])) {
        int64_t equity;
        int status = engine_exact(e, &equity);
        if (status == PW_OK)
            status = pw_statistics_day(&e->statistics, equity);
        if (status != PW_OK)
            return status;
        e->day_equity = equity;
    }
    e->day_end = pw_day_end(symbol, time);
    return PW_OK;
}
