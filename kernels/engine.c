/* engine.h: begin, run, end. */
#include "engine_parts.h"

#include <string.h>

int pw_engine_check(const int64_t *time, const int64_t *bid, const int64_t *ask, int64_t n, int64_t *where)
{
    int64_t last = -PW_MOST_TIME;
    if (n < 0)
        return PW_LENGTH;
    if (where == NULL || (n > 0 && (time == NULL || bid == NULL || ask == NULL)))
        return PW_NULL;
    for (int64_t i = 0; i < n; i++) {
        *where = i;
        if (time[i] < last)
            return PW_UNSORTED;
        if (bid[i] <= 0 || ask[i] < bid[i] || ask[i] > PW_MOST_PRICE || time[i] > PW_MOST_TIME)
            return PW_OPTION;
        last = time[i];
    }
    return PW_OK;
}

int64_t pw_engine_room(const pw_engine *e)
{
    const pw_venue_state *state = e->venue.state;
    return 2 * (state->n_positions + state->n_queued + state->n_pendings + PW_ROOM_INTENTS) + 2;
}

int pw_engine_begin(pw_engine *e)
{
    if (e == NULL || e->venue.state == NULL || e->venue.spec == NULL || e->venue.symbols == NULL || e->holdings == NULL ||
        e->flights == NULL || e->intents == NULL || e->notes == NULL || e->ended == NULL)
        return PW_NULL;
    if (e->n < 1)
        return PW_LENGTH;
    if ((e->strategy == NULL) == (e->targets == NULL) || (e->bars && e->n % 4 != 0))
        return PW_OPTION;
    const pw_venue_state *state = e->venue.state;
    if (e->venue.most_out < 4 * (state->most_queued + PW_ROOM_INTENTS) + 4 * state->most_pendings + 2 * state->most_positions)
        return PW_FULL;
    const int64_t deposit = state->balance;
    const pw_symbol *symbol = &e->venue.symbols[0];
    int status = pw_statistics_begin(&e->statistics, deposit, e->time[0]);
    if (status == PW_OK)
        status = pw_curve_begin(&e->curve, e->curve.points, e->curve.room, deposit);
    if (status != PW_OK)
        return status;
    e->deals = e->orders = e->rejected = e->caps = e->cycles = e->cycles_profit = 0;
    e->at = e->n_holdings = e->n_flights = e->n_trades = e->open_cycles = e->last_cycle = 0;
    e->next_id = 1;
    e->day_end = pw_day_end(symbol, e->time[0]);
    e->day_equity = deposit;
    e->quiet_until = -PW_MOST_TIME;
    e->stirred = 1;
    e->next_side = e->opening == PW_OPEN_SELL ? PW_SELL : PW_BUY;
    e->status = PW_OK;
    memset(&e->view, 0, sizeof e->view);
    e->view.symbol = symbol;
    e->view.known = 1;
    e->view.close_by = e->venue.spec->close_by;
    e->view.equity = deposit;
    return PW_OK;
}

/* The range of the bar that begins with tick i, so that the venue can count what lies in it together. */
static int tell_bar(pw_engine *e, int64_t i)
{
    pw_tick low = {e->time[i], e->bid[i], e->ask[i]};
    pw_tick high = low;
    for (int64_t k = i + 1; k < i + 4; k++) {
        low.bid = e->bid[k] < low.bid ? e->bid[k] : low.bid;
        low.ask = e->ask[k] < low.ask ? e->ask[k] : low.ask;
        high.bid = e->bid[k] > high.bid ? e->bid[k] : high.bid;
        high.ask = e->ask[k] > high.ask ? e->ask[k] : high.ask;
    }
    return pw_venue_bar(&e->venue, 0, &low, &high);
}

/* The rate, if it moves with the price. */
static int refresh_rate(pw_engine *e)
{
    const pw_symbol *symbol = &e->venue.symbols[0];
    if (symbol->profit_from == PW_RATE_GIVEN && e->at > 0)
        return PW_OK;
    e->linear = symbol->profit_from == PW_RATE_GIVEN;
    return pw_venue_rate_now(&e->venue, 0, 0, &e->view.rate);
}

static int take(pw_engine *e, int64_t i)
{
    const pw_tick tick = {e->time[i], e->bid[i], e->ask[i]};
    const int inside = e->bars && i % 4 != 0;
    int64_t equity = 0;
    int status = PW_OK;
    if (tick.time >= e->day_end && (status = engine_day(e, tick.time)) != PW_OK)
        return status;
    if (e->bars && !inside && (status = tell_bar(e, i)) != PW_OK)
        return status;
    status = pw_venue_tick(&e->venue, 0, &tick, inside);
    if (status != PW_OK)
        return status;
    e->view.tick = tick;
    if ((status = refresh_rate(e)) != PW_OK)
        return status;
    const int64_t ended = e->venue.n_out;
    if (ended > 0 && (status = engine_digest(e, PW_WHY_NONE)) != PW_OK)
        return status;
    if (e->wants_equity) {
        if ((status = engine_exact(e, &equity)) != PW_OK)
            return status;
        e->view.equity = equity;
        e->view.day_profit = equity - e->day_equity;
    }
    if (e->targets == NULL)
        status = engine_step(e);
    else if (!e->bars)
        status = engine_aim(e, e->targets[i]);
    else if (!inside && i > 0)
        status = engine_aim(e, e->targets[i / 4 - 1]);
    if (status == PW_OK && e->opening != PW_OPEN_NONE && ended == 0)
        status = engine_command(e);
    if (status != PW_OK)
        return status;
    if (e->n_flights > 0 && e->venue.spec->latency == 0) {
        if ((status = pw_venue_settle(&e->venue)) != PW_OK)
            return status;
        if (e->venue.n_out > 0 && (status = engine_digest(e, PW_WHY_NONE)) != PW_OK)
            return status;
    }
    return engine_measure(e, &equity, 0);
}

int pw_engine_run(pw_engine *e, int64_t until)
{
    if (e == NULL)
        return PW_NULL;
    if (e->status != PW_OK)
        return e->status;
    const int64_t last = until < e->n ? until : e->n;
    while (e->at < last) {
        if (e->trades != NULL && e->room - e->n_trades < pw_engine_room(e))
            return PW_FULL;
        e->status = take(e, e->at);
        if (e->status != PW_OK)
            return e->status;
        e->at++;
    }
    return PW_OK;
}

int pw_engine_end(pw_engine *e)
{
    if (e == NULL)
        return PW_NULL;
    if (e->status != PW_OK)
        return e->status;
    if (e->at < 1)
        return PW_LENGTH;
    if (e->trades != NULL && e->room - e->n_trades < pw_engine_room(e))
        return PW_FULL;
    const int64_t time = e->time[e->at - 1];
    int64_t equity = 0;
    int status = engine_close_all(e);
    if (status == PW_OK)
        status = engine_measure(e, &equity, 1);
    if (status == PW_OK)
        status = pw_statistics_day(&e->statistics, equity);
    if (status == PW_OK)
        status = pw_statistics_end(&e->statistics, time);
    if (status == PW_OK)
        status = pw_curve_end(&e->curve);
    e->ambiguous = e->venue.state->ambiguous;
    e->stop_outs = e->venue.state->stop_outs;
    e->status = status;
    return status;
}
