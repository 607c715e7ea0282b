/* Intents, targets and commands become orders; what the data's end leaves open is closed. */
#include "engine_parts.h"

static int submit(pw_engine *e, const pw_intent *intent)
{
    pw_order order = {0};
    static const int32_t kinds[] = {0, PW_ORDER_OPEN, PW_ORDER_CLOSE, PW_ORDER_CLOSE_BY, PW_ORDER_MODIFY};
    if (intent->kind < PW_OPEN || intent->kind > PW_MODIFY)
        return PW_OPTION;
    if (e->n_flights >= PW_MOST_FLIGHTS)
        return PW_RANGE;
    order.id = intent->id;
    order.time = e->view.tick.time;
    order.volume = intent->volume;
    order.sl = intent->sl;
    order.tp = intent->tp;
    order.protect = intent->protect;
    order.ticket = intent->ticket;
    order.ticket_by = intent->ticket_by;
    order.kind = kinds[intent->kind];
    order.side = intent->side;
    const int status = pw_venue_submit(&e->venue, &order);
    if (status != PW_OK)
        return status;
    e->flights[e->n_flights++] = *intent;
    e->orders++;
    if (intent->kind == PW_OPEN && intent->cycle > e->last_cycle) {
        e->last_cycle = intent->cycle;
        e->open_cycles++;
        e->cycles++;
    }
    return PW_OK;
}

static int submit_all(pw_engine *e, const pw_out *out)
{
    for (int64_t i = 0; i < out->n_intents; i++) {
        const int status = submit(e, &out->intents[i]);
        if (status != PW_OK)
            return status;
    }
    return PW_OK;
}

void engine_take_ended(pw_engine *e, pw_out *out)
{
    for (int64_t i = 0; i < out->n_ended; i++) {
        const int32_t why = out->ended[i].why;
        e->statistics.cycles[why >= 0 && why < PW_MOST_REASONS ? why : 0]++;
        e->open_cycles--;
        e->cycles_profit += out->ended[i].profit;
        if (why == PW_WHY_REJECTED)
            e->quiet_until = e->day_end; /* without money the next tick would bring the same */
    }
    for (int64_t i = 0; i < out->n_notes; i++)
        e->caps += out->notes[i].code == PW_NOTE_CAP;
}

int engine_step(pw_engine *e)
{
    pw_out out = engine_out(e);
    int status = e->strategy->on_tick(e->state, &e->view, &out);
    if (status == PW_OK && out.n_intents > 0)
        status = submit_all(e, &out);
    if (out.n_ended + out.n_notes > 0)
        engine_take_ended(e, &out);
    return status;
}

int engine_command(pw_engine *e)
{
    if (e->open_cycles > 0 || e->n_flights > 0 || e->view.tick.time < e->quiet_until ||
        !pw_is_open(e->view.symbol, e->view.tick.time))
        return PW_OK;
    pw_out out = engine_out(e);
    const pw_command command = {0, PW_OPEN_CYCLE, e->next_side};
    int status = e->strategy->on_command(e->state, &e->view, &command, &out);
    if (status == PW_OK)
        status = submit_all(e, &out);
    if (e->opening == PW_OPEN_ALTERNATE && out.n_intents > 0)
        e->next_side = e->next_side == PW_BUY ? PW_SELL : PW_BUY;
    engine_take_ended(e, &out);
    return status;
}

int engine_aim(pw_engine *e, int64_t target)
{
    const pw_position *rows = pw_venue_positions(&e->venue);
    const int64_t n = e->venue.state->n_positions;
    int64_t net = 0;
    if (e->n_flights > 0)
        return PW_OK; /* one thing at a time */
    for (int64_t i = 0; i < n; i++)
        net += rows[i].side == PW_BUY ? rows[i].volume : -rows[i].volume;
    int64_t missing = target - net;
    if (missing == 0 || !pw_is_open(e->view.symbol, e->view.tick.time))
        return PW_OK;
    pw_intent intent = {0};
    intent.side = missing > 0 ? PW_BUY : PW_SELL;
    intent.role = PW_ROLE_SIGNAL;
    intent.why = PW_WHY_TARGET;
    missing = missing > 0 ? missing : -missing;
    if (!e->venue.spec->netting)
        for (int64_t i = 0; i < n && missing > 0 && e->n_flights < PW_MOST_FLIGHTS; i++) {
            if (rows[i].side == intent.side)
                continue;
            intent.kind = PW_CLOSE;
            intent.id = e->next_id++;
            intent.ticket = rows[i].ticket;
            intent.volume = rows[i].volume < missing ? rows[i].volume : missing;
            missing -= intent.volume;
            const int status = submit(e, &intent);
            if (status != PW_OK)
                return status;
        }
    if (missing == 0 || e->n_flights == PW_MOST_FLIGHTS)
        return PW_OK;
    intent.kind = PW_OPEN;
    intent.id = e->next_id++;
    intent.ticket = 0;
    intent.volume = missing;
    return submit(e, &intent);
}

int engine_close_all(pw_engine *e)
{
    const pw_account_spec *spec = e->venue.spec;
    const pw_symbol *symbols = e->venue.symbols;
    pw_account_spec now = *spec;
    pw_symbol always = symbols[0];
    int status = PW_OK;
    now.latency = 0;
    always.hours = NULL;
    always.n_hours = 0;
    e->venue.spec = &now;
    e->venue.symbols = &always;
    while (status == PW_OK && e->venue.state->n_positions > 0) {
        const pw_position row = pw_venue_positions(&e->venue)[0];
        const int64_t before = e->venue.state->n_positions;
        pw_order order = {0};
        order.id = INT64_MAX - before;
        order.time = e->view.tick.time;
        order.volume = row.volume;
        order.ticket = row.ticket;
        order.kind = PW_ORDER_CLOSE;
        order.side = row.side == PW_BUY ? PW_SELL : PW_BUY;
        status = pw_venue_submit(&e->venue, &order);
        if (status == PW_OK)
            status = pw_venue_settle(&e->venue);
        if (status == PW_OK)
            status = engine_digest(e, PW_WHY_END_OF_DATA);
        if (status == PW_OK && e->venue.state->n_positions >= before)
            status = PW_STATE; /* it was not closed: going on would never end */
    }
    e->venue.spec = spec;
    e->venue.symbols = symbols;
    return status;
}
