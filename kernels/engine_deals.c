/* What the venue says becomes legs, trades and reports to the strategy. */
#include "engine_parts.h"

#include <string.h>

static const pw_intent NOBODY;

/* Who sent an order; it stays in flight until it ends. */
static const pw_intent *sent(const pw_engine *e, int64_t id)
{
    for (int64_t i = e->n_flights - 1; i >= 0; i--)
        if (e->flights[i].id == id)
            return &e->flights[i];
    return &NOBODY;
}

static void landed(pw_engine *e, int64_t id)
{
    for (int64_t i = 0; i < e->n_flights; i++)
        if (e->flights[i].id == id) {
            memmove(&e->flights[i], &e->flights[i + 1], (size_t)(e->n_flights - i - 1) * sizeof e->flights[0]);
            e->n_flights--;
            return;
        }
}

static pw_holding *holding_of(pw_engine *e, int64_t ticket)
{
    for (int64_t i = e->n_holdings - 1; i >= 0; i--)
        if (e->holdings[i].ticket == ticket)
            return &e->holdings[i];
    return NULL;
}

/* What the venue has as the price of a position now: of one that was added to it is the average. */
static int64_t price_now(const pw_engine *e, int64_t ticket, int64_t otherwise)
{
    const pw_position *rows = pw_venue_positions(&e->venue);
    for (int64_t i = e->venue.state->n_positions - 1; i >= 0; i--)
        if (rows[i].ticket == ticket)
            return rows[i].price;
    return otherwise;
}

static int opened(pw_engine *e, const pw_event *deal, const pw_intent *intent)
{
    pw_holding *held = holding_of(e, deal->ticket);
    if (held == NULL) {
        if (e->n_holdings > e->venue.state->most_positions)
            return PW_RANGE;
        held = &e->holdings[e->n_holdings++];
        memset(held, 0, sizeof *held);
        held->ticket = deal->ticket;
        held->cycle = intent->cycle;
        held->role = intent->role;
        held->side = deal->side;
        held->time = deal->time;
        if (e->n_holdings == 1)
            (void)pw_statistics_exposed(&e->statistics, deal->time, 1);
    }
    held->volume += deal->volume;
    held->commission += deal->commission;
    held->price = price_now(e, deal->ticket, deal->price);
    return PW_OK;
}

/* One side of a closing deal. */
static int closed(pw_engine *e, const pw_event *deal, int64_t ticket, int64_t price, int64_t profit, int64_t commission,
                  int32_t reason)
{
    pw_holding *held = holding_of(e, ticket);
    pw_trade trade = {0};
    int64_t opening = 0;
    int64_t swap = 0;
    if (held == NULL || deal->volume > held->volume)
        return PW_STATE;
    int status = pw_share(held->commission, deal->volume, held->volume, &opening);
    if (status == PW_OK)
        status = pw_share(held->swap, deal->volume, held->volume, &swap);
    if (status != PW_OK)
        return status;
    trade.ticket = ticket;
    trade.cycle = held->cycle;
    trade.volume = deal->volume;
    trade.open_time = held->time;
    trade.open_price = held->price;
    trade.close_time = deal->time;
    trade.close_price = price;
    trade.profit = profit;
    trade.commission = commission + opening;
    trade.swap = swap;
    trade.role = held->role;
    trade.side = held->side;
    trade.reason = reason;
    held->volume -= deal->volume;
    held->commission -= opening;
    held->swap -= swap;
    if (held->volume == 0) {
        const int64_t at = held - e->holdings;
        memmove(held, held + 1, (size_t)(e->n_holdings - at - 1) * sizeof *held);
        e->n_holdings--;
        if (e->n_holdings == 0)
            (void)pw_statistics_exposed(&e->statistics, deal->time, 0);
    }
    if (e->trades != NULL)
        e->trades[e->n_trades++] = trade;
    return pw_statistics_trade(&e->statistics, &trade, reason == PW_WHY_END_OF_DATA);
}

static int32_t reason_of(const pw_event *deal, const pw_intent *intent, int32_t otherwise)
{
    if (deal->cause == PW_BY_SL)
        return PW_WHY_SL;
    if (deal->cause == PW_BY_TP)
        return PW_WHY_TP;
    if (deal->cause == PW_BY_STOP_OUT)
        return PW_WHY_STOP_OUT;
    return intent->id != 0 ? intent->why : otherwise;
}

static int book(pw_engine *e, const pw_event *deal, const pw_intent *intent, int32_t otherwise)
{
    const int32_t reason = reason_of(deal, intent, otherwise);
    e->deals++;
    if (deal->entry == PW_ENTRY_IN)
        return opened(e, deal, intent);
    return closed(e, deal, deal->ticket, deal->price, deal->profit, deal->commission, reason);
}

/* The report that an outcome is to the strategy; kind 0: none. */
static pw_report report_of(const pw_event *out, int32_t reason)
{
    pw_report report = {0};
    report.id = out->id;
    report.time = out->time;
    report.ticket = out->ticket;
    report.ticket_by = out->ticket_by;
    report.volume = out->volume;
    report.left = out->left;
    report.price = out->price;
    report.profit = out->profit;
    report.commission = out->commission;
    report.swap = out->swap;
    switch (out->kind) {
    case PW_DID_DEAL:
        report.kind = out->id != 0 ? PW_FILLED : PW_LEFT;
        report.why = out->id != 0 ? 0 : reason;
        break;
    case PW_DID_MODIFY:
        report.kind = PW_MODIFIED;
        break;
    case PW_DID_REJECT:
        report.kind = PW_REFUSED;
        report.why = out->why == PW_VENUE_MARKET_CLOSED     ? PW_REFUSED_MARKET_CLOSED
                     : out->why == PW_VENUE_POSITION_CLOSED ? PW_REFUSED_POSITION_CLOSED
                                                            : PW_REFUSED_ANY;
        break;
    case PW_DID_SWAP:
        report.kind = PW_BOOKED;
        break;
    default:
        break;
    }
    return report;
}

static int tell(pw_engine *e, const pw_report *report)
{
    pw_out told = engine_out(e);
    const int status = e->strategy->on_report(e->state, &e->view, report, &told);
    engine_take_ended(e, &told);
    return status;
}

int engine_digest(pw_engine *e, int32_t reason)
{
    const int64_t n = e->venue.n_out;
    const int listens = e->strategy != NULL && reason != PW_WHY_END_OF_DATA;
    int status = PW_OK;
    e->stirred = 1;
    for (int64_t i = 0; i < n && status == PW_OK; i++) {
        const pw_event *out = &e->venue.out[i];
        const pw_intent intent = *sent(e, out->id);
        pw_report report = report_of(out, reason_of(out, &intent, reason));
        if (out->kind == PW_DID_DEAL)
            status = book(e, out, &intent, reason);
        if (status == PW_OK && out->cause == PW_BY_CLOSE_BY && i + 1 < n && out[1].id == out->id) {
            /* the other position's deal: one report tells of both */
            i++;
            report.profit += out[1].profit;
            report.swap += out[1].swap;
            status = book(e, &out[1], &intent, reason);
        }
        if (out->kind == PW_DID_SWAP) {
            pw_holding *held = holding_of(e, out->ticket);
            if (held != NULL)
                held->swap += out->swap;
        }
        e->rejected += out->kind == PW_DID_REJECT;
        if (out->id != 0 && (out->kind != PW_DID_DEAL || out->left == 0))
            landed(e, out->id);
        if (status == PW_OK && listens && report.kind != 0)
            status = tell(e, &report);
    }
    e->venue.n_out = 0;
    return status;
}
