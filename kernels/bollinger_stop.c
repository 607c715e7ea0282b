/* bollinger_stop.h: ticks, reports and commands. A cycle is one position; its `last` is the stop, its `centre` the
 * take-profit that are set at the venue. */
#include "bollinger_stop.h"

#include <string.h>

static const int64_t TAG = INT64_C(0x424200000001); /* bollinger_stop, version 1 */

enum { LEGS = 4 }; /* of one position: more than one only if a venue fills an order as several */

/* ---- Parameters ------------------------------------------------------------------------------------------------- */

static int64_t own_bytes(const pw_bollinger_stop_params *params) {
    const int64_t lanes = pw_lanes_bytes(params);
    return lanes < 0 ? -1 : (int64_t)sizeof(pw_bollinger_stop) + lanes;
}

static int holds(const pw_bollinger_stop_params *p) {
    const int64_t far = INT64_C(1) << 40;
    const int64_t positive[] = {p->signal_timeframe, p->trend_timeframe, p->exec_timeframe, p->risk_num, p->risk_den};
    for (int i = 0; i < 5; i++) {
        if (positive[i] < 1 || positive[i] > far) return 0;
    }
    if (p->mode < PW_TREND || p->mode > PW_BREAKOUT || p->max_open < 1 || p->max_open > PW_MOST_POSITIONS) return 0;
    if (p->trend_timeframe <= p->signal_timeframe || p->risk_num > p->risk_den) return 0;
    return p->sl_ranges >= 0.0 && p->sl_ranges <= 1000.0 && p->tp_ranges >= 0.0 && p->tp_ranges <= 1000.0 &&
           pw_lanes_bytes(p) > 0;
}

static int64_t bollinger_bytes(const void *params) {
    const pw_bollinger_stop_params *given = params;
    if (given == NULL || !holds(given)) return -1;
    return pw_book_bytes(own_bytes(given), given->max_open, LEGS);
}

static int bollinger_init(void *state, int64_t bytes, const void *params, const pw_symbol *symbol) {
    pw_bollinger_stop *bollinger = state;
    const pw_bollinger_stop_params *given = params;
    if (state == NULL || params == NULL || symbol == NULL) return PW_NULL;
    if (!holds(given)) return PW_OPTION;
    const int status = pw_book_begin(&bollinger->book, TAG, bytes, own_bytes(given), given->max_open, LEGS);
    if (status != PW_OK) return status;
    bollinger->params = *given;
    bollinger->day = INT64_MIN;
    return pw_lanes_begin(bollinger, (int64_t)sizeof(*bollinger));
}

/* ---- Positions -------------------------------------------------------------------------------------------------- */

/* The position's stop follows the Bollinger stop, closer only. 1: sent. */
static int trail(pw_bollinger_stop *bollinger, pw_cycle *cycle, const pw_view *view, pw_out *out) {
    const pw_lane *lane = &bollinger->lanes[PW_LANE_ENTRY];
    const int64_t up = cycle->side == PW_BUY ? 1 : -1;
    const int64_t level = pw_level(lane->stop);
    const int64_t quote = pw_fill_side(&view->tick, pw_opposite(cycle->side)); /* where the position closes */
    const int64_t least = view->symbol->stops_level > 0 ? view->symbol->stops_level : 1;
    if (lane->trend != (double)up || level == 0 || up * (level - cycle->last) <= 0) return 0;
    if (up * (quote - level) < least) return 0; /* too near: the venue would refuse it */
    pw_intent draft = {0};
    draft.ticket = pw_legs(cycle)[0].ticket;
    draft.sl = level;
    draft.tp = cycle->centre;
    draft.kind = PW_MODIFY;
    draft.side = cycle->side;
    draft.role = PW_ROLE_SIGNAL;
    pw_send(&bollinger->book, cycle, view, draft, level, out);
    return 1;
}

/* `new_bar`: a bar of the entry lane has closed. 1: something was sent. */
static int step(pw_bollinger_stop *bollinger, pw_cycle *cycle, const pw_view *view, int new_bar, pw_out *out) {
    const pw_lane *lane = &bollinger->lanes[PW_LANE_ENTRY];
    const int64_t before = out->n_intents;
    const int lost = pw_time_out(cycle, view->tick.time, out);
    if (cycle->phase != PW_CLOSING) {
        const int against = new_bar && lane->flip == (cycle->side == PW_BUY ? -1 : 1);
        if (against && cycle->latched == PW_WHY_NONE) cycle->latched = PW_WHY_FLIP;
        if (cycle->latched != PW_WHY_NONE && cycle->request.id == 0) pw_close_begin(cycle, cycle->latched);
    }
    if (cycle->phase == PW_CLOSING) {
        pw_close_step(&bollinger->book, cycle, view, out);
    } else if (new_bar && cycle->request.id == 0) {
        (void)trail(bollinger, cycle, view, out);
    }
    return lost || out->n_intents > before;
}

static int enter(pw_bollinger_stop *bollinger, const pw_view *view, pw_out *out) {
    pw_book *book = &bollinger->book;
    pw_setup entry;
    if (book->exits_only || !view->known || book->n_cycles >= bollinger->params.max_open) return PW_OK;
    if (book->closed_at == view->tick.time) return PW_OK; /* none on a tick that closes one */
    pw_entries_of(bollinger, pw_server_day(view->symbol, view->tick.time));
    const int status = pw_setup_find(bollinger, view, &entry);
    if (status != PW_OK || entry.volume == 0) return status;
    pw_cycle *cycle = pw_cycle_new(book, view->tick.time, entry.side);
    cycle->last = entry.sl;
    cycle->centre = entry.tp;
    pw_intent draft = {0};
    draft.volume = entry.volume;
    draft.sl = entry.sl;
    draft.tp = entry.tp;
    draft.kind = PW_OPEN;
    draft.side = entry.side;
    draft.role = PW_ROLE_SIGNAL;
    pw_send(book, cycle, view, draft, entry.price, out);
    return PW_OK;
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

static int run(pw_bollinger_stop *bollinger, const pw_view *view, int new_bar, pw_out *out) {
    pw_book *book = &bollinger->book;
    int sent = 0;
    int status = PW_OK;
    book->now = view->tick.time;
    pw_window_open(&book->window, view);
    for (int32_t i = 0; i < book->n_cycles; i++) sent |= step(bollinger, pw_cycle_at(book, i), view, new_bar, out);
    if (new_bar) status = enter(bollinger, view, out);
    for (int32_t i = 0; i < book->n_cycles; i++) {
        const pw_cycle *cycle = pw_cycle_at(book, i);
        pw_watch_requests(&book->window, cycle);
        if (cycle->latched != PW_WHY_NONE && cycle->request.id == 0) sent = 1;
    }
    if (sent) pw_window_void(&book->window);
    return status;
}

static int bollinger_tick(void *state, const pw_view *view, pw_out *out) {
    pw_bollinger_stop *bollinger = state;
    const int status = pw_book_ready(state, TAG, view, out);
    if (status != PW_OK) return status;
    const int new_bar = pw_lanes_tick(bollinger, view->symbol, &view->tick);
    if (!new_bar && (bollinger->book.n_cycles == 0 || pw_quiet(&bollinger->book.window, view))) return PW_OK;
    return run(bollinger, view, new_bar, out);
}

static int bollinger_time(void *state, const pw_view *view, pw_out *out) {
    const int status = pw_book_ready(state, TAG, view, out);
    return status == PW_OK ? run(state, view, 0, out) : status;
}

/* What became of a request of a position that is not closing. */
static int answered(pw_bollinger_stop *bollinger, pw_cycle *cycle, const pw_request *request, const pw_view *view,
                    const pw_report *report) {
    if (request->kind == PW_MODIFY) {
        if (report->kind == PW_MODIFIED) cycle->last = request->price;
        return PW_OK;
    }
    if (request->filled == 0) {
        pw_close_begin(cycle, PW_WHY_REJECTED);
        return PW_OK;
    }
    cycle->phase = PW_INITIAL;
    cycle->orders = 1;
    const int status = pw_average(request->value, request->filled, &cycle->anchor);
    pw_entries_of(bollinger, pw_server_day(view->symbol, report->time));
    if (bollinger->n_entries < PW_MOST_ENTRIES) bollinger->entries[bollinger->n_entries++] = cycle->anchor;
    return status;
}

static int bollinger_report(void *state, const pw_view *view, const pw_report *report, pw_out *out) {
    pw_bollinger_stop *bollinger = state;
    pw_outcome outcome;
    int status = pw_book_ready(state, TAG, view, out);
    if (status == PW_OK && report == NULL) status = PW_NULL;
    if (status == PW_OK) status = pw_book_report(&bollinger->book, view, report, &outcome, out);
    if (status != PW_OK || outcome.cycle == NULL) return status;
    if (outcome.request.id != 0 && outcome.cycle->phase != PW_CLOSING) {
        status = answered(bollinger, outcome.cycle, &outcome.request, view, report);
    }
    const int told = report->kind == PW_LEFT && report->why != PW_WHY_NONE;
    pw_cycle_settle(&bollinger->book, outcome.cycle, report->time, told ? report->why : PW_WHY_EXTERNAL, out);
    return status;
}

static int bollinger_command(void *state, const pw_view *view, const pw_command *command, pw_out *out) {
    pw_bollinger_stop *bollinger = state;
    const int status = pw_book_ready(state, TAG, view, out);
    if (status != PW_OK) return status;
    if (command == NULL) return PW_NULL;
    if (pw_book_command(&bollinger->book, view, command, out)) return PW_OK;
    if (command->verb != PW_OPEN_CYCLE) return PW_OPTION;
    pw_note_out(out, 0, PW_NOTE_NOT_DONE, PW_LIMIT_COMMAND, 0); /* it has entries of its own only */
    return PW_OK;
}

static int64_t bollinger_next_time(const void *state) { return pw_book_next_time(state); }

static int64_t bollinger_volume(const void *state) { return pw_book_volume(state); }

static int64_t bollinger_rows(const void *state, const pw_view *view, pw_cycle_row *rows, int64_t most) {
    return pw_book_rows(state, view, rows, most);
}

const pw_strategy pw_bollinger_stop_strategy = {
    "bollinger_stop",    (int64_t)sizeof(pw_bollinger_stop_params), bollinger_bytes,     bollinger_init,
    bollinger_tick,      bollinger_time,                            bollinger_report,    bollinger_command,
    bollinger_next_time, bollinger_volume,                          bollinger_rows,
};
