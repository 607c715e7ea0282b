/* cycle.h: requests, from sending to their reports. */
#include "cycle.h"

#include "wide.h"

#include <string.h>

void pw_send(pw_book *book, pw_cycle *cycle, const pw_view *view, pw_intent draft, int64_t price, pw_out *out) {
    pw_request *request = &cycle->request;
    draft.id = ++book->last_intent;
    draft.cycle = cycle->id;
    memset(request, 0, sizeof(*request));
    request->id = draft.id;
    request->sent = view->tick.time;
    request->volume = draft.volume;
    request->ticket = draft.ticket;
    request->ticket_by = draft.ticket_by;
    request->price = price;
    request->kind = draft.kind;
    request->side = draft.side;
    request->role = draft.role;
    if (draft.kind == PW_CLOSE || draft.kind == PW_CLOSE_BY) book->closed_at = view->tick.time;
    out->intents[out->n_intents++] = draft;
}

void pw_send_open(pw_book *book, pw_cycle *cycle, const pw_view *view, int32_t side, int32_t role, int64_t volume,
                  int64_t sl, pw_out *out) {
    pw_intent draft = {0};
    draft.volume = volume;
    draft.sl = sl;
    draft.protect = book->protect;
    draft.kind = PW_OPEN;
    draft.side = side;
    draft.role = role;
    pw_send(book, cycle, view, draft, pw_fill_side(&view->tick, side), out);
}

int pw_average(int64_t value, int64_t volume, int64_t *price) {
    return pw_scale(value, 1, 1, volume, price) ? PW_OK : PW_RANGE;
}

static pw_leg *leg_of(const pw_cycle *cycle, int64_t ticket) {
    pw_leg *legs = pw_legs(cycle);
    for (int32_t i = 0; i < cycle->n_legs; i++) {
        if (legs[i].ticket == ticket) return &legs[i];
    }
    return NULL;
}

/* A deal that opened `volume` of a position. */
static int open_leg(const pw_book *book, pw_cycle *cycle, pw_request *request, const pw_report *report) {
    pw_leg *leg = leg_of(cycle, report->ticket);
    int64_t value;
    if (!pw_multiply(report->price, report->volume, &value)) return PW_RANGE;
    if (leg == NULL) {
        if (cycle->n_legs == book->most_legs) return PW_FULL;
        leg = &pw_legs(cycle)[cycle->n_legs++];
        memset(leg, 0, sizeof(*leg));
        leg->ticket = report->ticket;
        leg->side = request->side;
        leg->role = request->role;
    }
    leg->volume += report->volume;
    leg->opened += report->volume;
    leg->value += value;
    leg->swap += report->swap;
    cycle->booked += report->profit + report->commission;
    request->filled += report->volume;
    request->value += value;
    return pw_average(leg->value, leg->opened, &leg->price);
}

/* `volume` of a position is closed; the leg leaves when nothing is left of it, also one whose end was not yet told. */
static void close_leg(pw_cycle *cycle, pw_leg *leg, int64_t volume) {
    leg->volume -= volume < leg->volume ? volume : leg->volume;
    if (leg->volume > 0) return;
    const pw_leg *end = pw_legs(cycle) + cycle->n_legs;
    memmove(leg, leg + 1, (size_t)((const char *)end - (const char *)(leg + 1)));
    cycle->n_legs--;
    memset(pw_legs(cycle) + cycle->n_legs, 0, sizeof(*leg));
}

static void book_deal(pw_cycle *cycle, const pw_report *report) {
    cycle->booked += report->profit + report->commission + report->swap;
}

/* A deal of a close, or of a position that was closed elsewhere. */
static void close_deal(pw_cycle *cycle, const pw_report *report) {
    pw_leg *leg = leg_of(cycle, report->ticket);
    book_deal(cycle, report);
    if (leg == NULL) return;
    leg->swap -= report->swap;
    close_leg(cycle, leg, report->volume);
}

/* Both positions lose the same volume. The one that is closed wholly realises all its swap, the other the rest. */
static void close_by_deal(pw_cycle *cycle, const pw_report *report) {
    pw_leg *one = leg_of(cycle, report->ticket);
    pw_leg *two = leg_of(cycle, report->ticket_by);
    book_deal(cycle, report);
    if (one != NULL && two != NULL) {
        pw_leg *less = one->volume <= two->volume ? one : two;
        pw_leg *more = less == one ? two : one;
        more->swap -= report->swap - less->swap;
        less->swap = 0;
    }
    if (one != NULL) close_leg(cycle, one, report->volume);
    two = leg_of(cycle, report->ticket_by); /* it may have moved up */
    if (two != NULL) close_leg(cycle, two, report->volume);
}

/* The request, in flight or unknown, that a report is about. */
static pw_request *request_of(const pw_book *book, int64_t id, pw_cycle **cycle) {
    for (int32_t i = 0; i < book->n_cycles && id > 0; i++) {
        *cycle = pw_cycle_at(book, i);
        if ((*cycle)->request.id == id) return &(*cycle)->request;
        if ((*cycle)->unknown.id == id) return &(*cycle)->unknown;
    }
    return NULL;
}

static pw_leg *position_of(const pw_book *book, int64_t ticket, pw_cycle **cycle) {
    for (int32_t i = 0; i < book->n_cycles; i++) {
        *cycle = pw_cycle_at(book, i);
        pw_leg *leg = leg_of(*cycle, ticket);
        if (leg != NULL) return leg;
    }
    return NULL;
}

static int is_sane(const pw_report *report) {
    switch (report->kind) {
    case PW_FILLED:
    case PW_LEFT: return report->volume > 0 && report->left >= 0 && report->price > 0 && report->ticket > 0;
    case PW_REFUSED:
    case PW_UNKNOWN:
    case PW_BOOKED:
    case PW_MODIFIED: return 1;
    default: return 0;
    }
}

/* The order is over: nothing more of it is in flight. */
static void end_request(pw_cycle *cycle, pw_request *request, const pw_view *view, const pw_report *report,
                        pw_outcome *outcome, pw_out *out) {
    const pw_request ended = *request;
    const int was_unknown = request == &cycle->unknown;
    memset(request, 0, sizeof(*request));
    if (was_unknown) { /* its cycle is closing: nothing else is to be done */
        cycle->orders += ended.filled > 0;
        return;
    }
    if (ended.kind == PW_CLOSE || ended.kind == PW_CLOSE_BY) pw_close_outcome(cycle, view, report, &ended, out);
    outcome->request = ended;
}

/* The order has no outcome: one that opens moves aside and its cycle closes, a modify is given up, a close awaited. */
static void lose_request(pw_cycle *cycle, pw_out *out) {
    pw_request *request = &cycle->request;
    if (request->unknown) return;
    pw_note_out(out, cycle->id, PW_NOTE_UNKNOWN, 0, request->id);
    if (request->kind == PW_OPEN) {
        cycle->unknown = *request;
        pw_close_begin(cycle, PW_WHY_UNKNOWN_ORDER);
    }
    if (request->kind == PW_OPEN || request->kind == PW_MODIFY) {
        memset(request, 0, sizeof(*request));
    } else {
        request->unknown = 1;
    }
}

int pw_time_out(pw_cycle *cycle, int64_t now, pw_out *out) {
    if (cycle->request.id == 0 || cycle->request.unknown || now - cycle->request.sent < PW_NO_OUTCOME) return 0;
    lose_request(cycle, out);
    return 1;
}

static int take_fill(const pw_book *book, pw_cycle *cycle, pw_request *request, const pw_view *view,
                     const pw_report *report, pw_outcome *outcome, pw_out *out) {
    if (request->kind == PW_MODIFY || report->volume > request->volume - request->filled) return PW_OPTION;
    if (request->kind == PW_OPEN) {
        const int status = open_leg(book, cycle, request, report);
        if (status != PW_OK) return status;
    } else if (request->kind == PW_CLOSE) {
        close_deal(cycle, report);
        request->filled += report->volume;
    } else {
        close_by_deal(cycle, report);
        request->filled += report->volume;
    }
    if (report->left == 0 || request->filled == request->volume) {
        end_request(cycle, request, view, report, outcome, out);
    }
    return PW_OK;
}

/* A report on one of our orders. */
static int take_answer(const pw_book *book, const pw_view *view, const pw_report *report, pw_outcome *outcome,
                       pw_out *out) {
    pw_cycle *cycle = NULL;
    pw_request *request = request_of(book, report->id, &cycle);
    if (request == NULL) return PW_OK;
    outcome->cycle = cycle;
    if (report->kind == PW_FILLED) return take_fill(book, cycle, request, view, report, outcome, out);
    if (report->kind == PW_UNKNOWN) {
        if (request == &cycle->request) lose_request(cycle, out);
    } else if (report->kind == PW_REFUSED || request->kind == PW_MODIFY) {
        end_request(cycle, request, view, report, outcome, out);
    }
    return PW_OK;
}

int pw_book_report(pw_book *book, const pw_view *view, const pw_report *report, pw_outcome *outcome, pw_out *out) {
    memset(outcome, 0, sizeof(*outcome));
    if (!is_sane(report)) return PW_OPTION;
    pw_window_void(&book->window);
    if (report->kind != PW_LEFT && report->kind != PW_BOOKED) return take_answer(book, view, report, outcome, out);
    pw_cycle *cycle = NULL;
    pw_leg *leg = position_of(book, report->ticket, &cycle);
    if (leg == NULL) return PW_OK;
    outcome->cycle = cycle;
    if (report->kind == PW_BOOKED) {
        leg->swap += report->swap;
    } else {
        close_deal(cycle, report);
    }
    return PW_OK;
}

static void close_by_command(pw_book *book, pw_cycle *cycle, const pw_view *view, pw_out *out) {
    if (cycle->phase == PW_CLOSING) return;
    if (cycle->request.id != 0) {
        if (cycle->latched == PW_WHY_NONE) cycle->latched = PW_WHY_COMMAND;
        return;
    }
    pw_close_begin(cycle, PW_WHY_COMMAND);
    pw_close_step(book, cycle, view, out);
}

int pw_book_command(pw_book *book, const pw_view *view, const pw_command *command, pw_out *out) {
    int found = 0;
    pw_window_void(&book->window);
    if (command->verb == PW_EXITS_ONLY) {
        book->exits_only = command->side != 0;
        return 1;
    }
    if (command->verb != PW_CLOSE_CYCLE && command->verb != PW_CLOSE_ALL) return 0;
    for (int32_t i = 0; i < book->n_cycles; i++) {
        pw_cycle *cycle = pw_cycle_at(book, i);
        if (command->verb == PW_CLOSE_CYCLE && cycle->id != command->cycle) continue;
        found = 1;
        close_by_command(book, cycle, view, out);
    }
    if (command->verb == PW_CLOSE_CYCLE && !found) {
        pw_note_out(out, command->cycle, PW_NOTE_NOT_DONE, PW_LIMIT_NO_CYCLE, command->cycle);
    }
    return 1;
}

int64_t pw_book_next_time(const pw_book *book) {
    int64_t next = PW_NEVER;
    for (int32_t i = 0; i < book->n_cycles; i++) {
        const pw_cycle *cycle = pw_cycle_at(book, i);
        int64_t at = PW_NEVER;
        if (cycle->request.id != 0) {
            if (!cycle->request.unknown) at = cycle->request.sent + PW_NO_OUTCOME;
        } else if (cycle->phase == PW_CLOSING) {
            const int idle = pw_open_steps(cycle, PW_BUY) + pw_open_steps(cycle, PW_SELL) == 0;
            at = idle ? PW_NEVER : cycle->retry_at;
            if (cycle->wait_open && at <= book->now) at = book->now + 30 * PW_SECOND; /* looks whether it has opened */
        } else if (cycle->latched != PW_WHY_NONE) {
            at = book->now;
        } else if (cycle->missing > 0) {
            at = cycle->retry_at > book->now ? cycle->retry_at : book->now + PW_SECOND;
        }
        if (at < next) next = at;
    }
    return next;
}
