/* cycle.h: closing, which ends only with the last position.
 *
 *     net != 0   close the heavier side, oldest first, the last one partially
 *     net == 0   close the oldest buy by the oldest sell; where that is not permitted: close the oldest, which makes
 *                the other side the heavier one
 */
#include "cycle.h"

void pw_close_begin(pw_cycle *cycle, int32_t why) {
    if (cycle->phase == PW_CLOSING) return;
    cycle->phase = PW_CLOSING;
    cycle->why = cycle->latched != PW_WHY_NONE ? cycle->latched : why; /* the first reason stays */
    cycle->latched = PW_WHY_NONE;
    cycle->reserve = 0;
    cycle->missing = 0;
    cycle->failed = 0;
    cycle->retry_at = INT64_MIN;
}

/* The oldest open position, of one side or (side < 0) of both. */
static const pw_leg *oldest(const pw_cycle *cycle, int32_t side) {
    const pw_leg *legs = pw_legs(cycle);
    for (int32_t i = 0; i < cycle->n_legs; i++) {
        if (legs[i].volume > 0 && (side < 0 || legs[i].side == side)) return &legs[i];
    }
    return NULL;
}

static void send_close(pw_book *book, pw_cycle *cycle, const pw_view *view, const pw_leg *leg, int64_t volume,
                       const pw_leg *by, pw_out *out) {
    pw_intent draft = {0};
    draft.volume = volume;
    draft.ticket = leg->ticket;
    draft.ticket_by = by != NULL ? by->ticket : 0;
    draft.kind = by != NULL ? PW_CLOSE_BY : PW_CLOSE;
    draft.side = pw_opposite(leg->side);
    draft.role = leg->role;
    draft.why = cycle->why;
    pw_send(book, cycle, view, draft, pw_fill_side(&view->tick, draft.side), out);
}

void pw_close_step(pw_book *book, pw_cycle *cycle, const pw_view *view, pw_out *out) {
    if (cycle->request.id != 0 || view->tick.time < cycle->retry_at) return;
    if (cycle->wait_open && !pw_is_open(view->symbol, view->tick.time)) return;
    cycle->wait_open = 0;
    const int64_t net = pw_open_steps(cycle, PW_BUY) - pw_open_steps(cycle, PW_SELL);
    if (net != 0) {
        const int64_t excess = net > 0 ? net : -net;
        const pw_leg *leg = oldest(cycle, net > 0 ? PW_BUY : PW_SELL);
        int64_t volume = excess < leg->volume ? excess : leg->volume;
        const int64_t least = view->symbol->volume_min;
        if (volume < least || leg->volume - volume < least) volume = leg->volume; /* no venue takes less than that */
        send_close(book, cycle, view, leg, volume, NULL, out);
        return;
    }
    const pw_leg *buy = oldest(cycle, PW_BUY);
    const pw_leg *sell = oldest(cycle, PW_SELL);
    if (buy == NULL || sell == NULL) return;
    if (view->close_by && cycle->failed < PW_FAILED_CLOSES) {
        send_close(book, cycle, view, buy, buy->volume < sell->volume ? buy->volume : sell->volume, sell, out);
    } else {
        const pw_leg *leg = oldest(cycle, -1);
        send_close(book, cycle, view, leg, leg->volume, NULL, out);
    }
}

/* The position that a refused close named is closed already. 1: it was one of ours. */
static int already_closed(pw_cycle *cycle, const pw_report *report, const pw_request *request) {
    pw_leg *legs = pw_legs(cycle);
    const int64_t ticket = request->kind == PW_CLOSE ? request->ticket : report->ticket;
    if (ticket != request->ticket && ticket != request->ticket_by) return 0;
    for (int32_t i = 0; i < cycle->n_legs; i++) {
        if (legs[i].ticket == ticket) legs[i].volume = 0; /* the leg stays for its deal, should that come later */
    }
    return ticket != 0;
}

void pw_close_outcome(pw_cycle *cycle, const pw_view *view, const pw_report *report, const pw_request *request,
                      pw_out *out) {
    const int gone = report->kind == PW_REFUSED && report->why == PW_REFUSED_POSITION_CLOSED;
    if (request->filled > 0 || (gone && already_closed(cycle, report, request))) {
        cycle->failed = 0;
        cycle->retry_at = INT64_MIN;
        return;
    }
    if (report->why == PW_REFUSED_MARKET_CLOSED && !pw_is_open(view->symbol, report->time)) {
        cycle->wait_open = 1;
        return;
    }
    cycle->failed++;
    cycle->retry_at = report->time + (cycle->failed > 5 ? 30 : INT64_C(1) << (cycle->failed - 1)) * PW_SECOND;
    if (cycle->failed == PW_FAILED_CLOSES) pw_note_out(out, cycle->id, PW_NOTE_CLOSE_FAILED, 0, request->id);
}
