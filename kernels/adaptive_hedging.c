/* adaptive_hedging.h: its rules, ticks, reports and commands.
 *
 *     levels, of a BUY:                         zone, of a BUY:
 *       entry -------- BUY  lot 0                 entry -------- BUY  lot 0 ------------ BUY  lot 2
 *         | distance                                | distance                   | distance
 *       level 1 ------ SELL lot 1                 ---------- SELL lot 1 ----------------------- SELL lot 3
 *         | distance
 *       level 2 ------ SELL lot 2
 */
#include "adaptive_hedging.h"

#include <string.h>

static const int64_t TAG = INT64_C(0x414800000001); /* adaptive_hedging, version 1 */

/* ---- Parameters ------------------------------------------------------------------------------------------------- */

static int holds(const pw_adaptive_hedging_params *p) {
    const int64_t far = INT64_C(1) << 40;
    const int64_t positive[] = {p->distance,   p->profit_target, -p->activation, -p->drawdown,
                                p->day_target, -p->day_limit,    p->max_total};
    for (int i = 0; i < 7; i++) {
        if (positive[i] < 1 || positive[i] > far) return 0;
    }
    if (p->max_levels < 1 || p->max_levels > PW_MOST_LEVELS || p->drawdown >= p->activation) return 0;
    for (int32_t level = 0; level <= p->max_levels; level++) {
        if (p->sizes[level] < 1 || p->sizes[level] > far) return 0;
    }
    if (p->mode != PW_LEVELS && p->mode != PW_ZONE) return 0;
    return p->disaster_sl == 0 || (p->disaster_sl > p->distance * p->max_levels && p->disaster_sl <= far);
}

/* The first order, and each level with what sending it again may leave. */
static int32_t legs_of(const pw_adaptive_hedging_params *params) {
    return 1 + params->max_levels * (1 + PW_HEDGE_REPEATS);
}

static int64_t adaptive_bytes(const void *params) {
    const pw_adaptive_hedging_params *given = params;
    if (given == NULL || !holds(given)) return -1;
    return pw_book_bytes((int64_t)sizeof(pw_adaptive_hedging), 1, legs_of(given));
}

static int adaptive_init(void *state, int64_t bytes, const void *params, const pw_symbol *symbol) {
    pw_adaptive_hedging *adaptive = state;
    const pw_adaptive_hedging_params *given = params;
    if (state == NULL || params == NULL || symbol == NULL) return PW_NULL;
    if (!holds(given)) return PW_OPTION;
    for (int32_t level = 0; level <= given->max_levels; level++) {
        if (given->sizes[level] < symbol->volume_min || given->sizes[level] > symbol->volume_max) return PW_OPTION;
    }
    const int status = pw_book_begin(&adaptive->book, TAG, bytes, (int64_t)sizeof(*adaptive), 1, legs_of(given));
    if (status != PW_OK) return status;
    adaptive->params = *given;
    adaptive->book.protect = given->disaster_sl;
    return PW_OK;
}

/* ---- The rules of the cycle ------------------------------------------------------------------------------------- */

static int within_day(const pw_adaptive_hedging *adaptive, const pw_view *view) {
    return view->day_profit < adaptive->params.day_target && view->day_profit > adaptive->params.day_limit;
}

/* Rule 1: whether the day's profit or loss has stopped it, until the next server day. */
static void rule_day(pw_adaptive_hedging *adaptive, const pw_view *view) {
    if (adaptive->stopped == PW_WHY_NONE && (!view->known || within_day(adaptive, view))) return;
    const int64_t day = pw_server_day(view->symbol, view->tick.time);
    if (adaptive->stopped != PW_WHY_NONE && day == adaptive->stopped_day) return;
    adaptive->stopped = PW_WHY_NONE;
    if (!view->known || within_day(adaptive, view)) return;
    adaptive->stopped = view->day_profit >= adaptive->params.day_target ? PW_WHY_DAY_PROFIT : PW_WHY_DAY_LOSS;
    adaptive->stopped_day = day;
}

static int32_t hedge_side(const pw_adaptive_hedging *adaptive, const pw_cycle *cycle) {
    return pw_opposite(adaptive->params.mode == PW_ZONE ? cycle->direction : cycle->side);
}

/* Where the next unused level lies. */
static pw_trigger next_level(const pw_adaptive_hedging *adaptive, const pw_cycle *cycle) {
    const int64_t distance = adaptive->params.distance;
    const int32_t side = hedge_side(adaptive, cycle);
    if (adaptive->params.mode == PW_ZONE) return pw_towards(side, cycle->last, distance);
    return pw_towards(side, cycle->anchor, (cycle->level + 1) * distance);
}

static int may_hedge(const pw_adaptive_hedging *adaptive, const pw_cycle *cycle) {
    return adaptive->params.auto_hedge && cycle->anchor != 0 && cycle->level < adaptive->params.max_levels;
}

/* Rule 4; `profit` is known when `rules`. 1: sent. */
static int rule_hedge(pw_adaptive_hedging *adaptive, pw_cycle *cycle, const pw_view *view, int rules, int64_t profit,
                      pw_out *out) {
    const pw_adaptive_hedging_params *params = &adaptive->params;
    const int32_t side = hedge_side(adaptive, cycle);
    if (!view->known || adaptive->book.exits_only) return 0;
    if (cycle->missing > 0) {
        if (view->tick.time < cycle->retry_at) return 0;
        return pw_hedge_send(&adaptive->book, cycle, view, side, cycle->missing, params->max_total, out);
    }
    if (!rules || !may_hedge(adaptive, cycle) || profit > params->activation) return 0;
    if (!pw_reached(next_level(adaptive, cycle), &view->tick)) return 0;
    return pw_hedge_send(&adaptive->book, cycle, view, side, params->sizes[cycle->level + 1], params->max_total, out);
}

static void close_now(pw_adaptive_hedging *adaptive, pw_cycle *cycle, const pw_view *view, int32_t why, pw_out *out) {
    pw_close_begin(cycle, why);
    pw_close_step(&adaptive->book, cycle, view, out);
}

/* Rules 2 to 4 of a cycle that is not closing, once rule 1 has found nothing. */
static int step_rules(pw_adaptive_hedging *adaptive, pw_cycle *cycle, const pw_view *view, int *acted, pw_out *out) {
    int64_t profit = 0;
    const int status = pw_cycle_profit(cycle, view, &profit);
    if (status != PW_OK) return status == PW_NO_RATE ? PW_OK : status;
    const int drawn = profit <= adaptive->params.drawdown;
    if (cycle->request.id != 0) {
        if (drawn && cycle->latched == PW_WHY_NONE) cycle->latched = PW_WHY_DRAWDOWN;
    } else if (drawn || profit >= adaptive->params.profit_target) {
        close_now(adaptive, cycle, view, drawn ? PW_WHY_DRAWDOWN : PW_WHY_TAKE_PROFIT, out);
        *acted = 1;
    } else {
        *acted |= rule_hedge(adaptive, cycle, view, 1, profit, out);
    }
    return PW_OK;
}

static int step(pw_adaptive_hedging *adaptive, pw_cycle *cycle, const pw_view *view, int rules, int *acted,
                pw_out *out) {
    const int64_t before = out->n_intents;
    *acted = pw_time_out(cycle, view->tick.time, out);
    const int32_t exit = cycle->latched != PW_WHY_NONE ? cycle->latched : adaptive->stopped;
    if (cycle->phase != PW_CLOSING && exit != PW_WHY_NONE) {
        if (cycle->request.id != 0) {
            cycle->latched = exit;
            return PW_OK;
        }
        pw_close_begin(cycle, exit);
    }
    if (cycle->phase == PW_CLOSING) {
        pw_close_step(&adaptive->book, cycle, view, out);
        *acted |= out->n_intents > before;
        return PW_OK;
    }
    if (rules) return step_rules(adaptive, cycle, view, acted, out);
    if (cycle->request.id == 0) *acted |= rule_hedge(adaptive, cycle, view, 0, 0, out);
    return PW_OK;
}

/* Narrows the window to where no rule changes its mind. */
static int watch_cycle(pw_adaptive_hedging *adaptive, const pw_cycle *cycle, const pw_view *view) {
    const pw_adaptive_hedging_params *params = &adaptive->params;
    pw_window *window = &adaptive->book.window;
    int64_t low = params->drawdown;
    int64_t high = params->profit_target;
    int64_t profit = 0;
    pw_watch_requests(window, cycle);
    if (cycle->phase == PW_CLOSING || cycle->latched != PW_WHY_NONE) return PW_OK;
    const int status = pw_cycle_profit(cycle, view, &profit);
    if (status != PW_OK) return status == PW_NO_RATE ? PW_OK : status;
    if (cycle->request.id != 0) {
        high = INT64_MAX / 4;
    } else if (may_hedge(adaptive, cycle) && cycle->missing == 0) {
        const pw_trigger level = next_level(adaptive, cycle);
        pw_watch(window, &view->tick, level);
        if (pw_reached(level, &view->tick)) *(profit > params->activation ? &low : &high) = params->activation;
        if (high == params->activation) high++; /* stays at or below it */
    }
    pw_watch_profit(window, view, cycle, profit, low, high);
    return PW_OK;
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

static int run(pw_adaptive_hedging *adaptive, const pw_view *view, int rules, pw_out *out) {
    pw_window *window = &adaptive->book.window;
    int acted = 0;
    adaptive->book.now = view->tick.time;
    pw_window_open(window, view);
    if (rules) rule_day(adaptive, view);
    if (adaptive->book.n_cycles > 0) {
        pw_cycle *cycle = pw_cycle_at(&adaptive->book, 0);
        int status = step(adaptive, cycle, view, rules, &acted, out);
        if (status == PW_OK && rules && !acted) status = watch_cycle(adaptive, cycle, view);
        if (status != PW_OK) return status;
    }
    if (adaptive->stopped != PW_WHY_NONE) pw_watch_time(window, pw_day_end(view->symbol, view->tick.time));
    if (acted || !rules) pw_window_void(window);
    return PW_OK;
}

static int adaptive_tick(void *state, const pw_view *view, pw_out *out) {
    pw_adaptive_hedging *adaptive = state;
    if (pw_book_is(state, TAG) && view != NULL && pw_quiet(&adaptive->book.window, view) &&
        (adaptive->stopped != PW_WHY_NONE || within_day(adaptive, view))) {
        return PW_OK;
    }
    const int status = pw_book_ready(state, TAG, view, out);
    return status == PW_OK ? run(adaptive, view, 1, out) : status;
}

static int adaptive_time(void *state, const pw_view *view, pw_out *out) {
    const int status = pw_book_ready(state, TAG, view, out);
    return status == PW_OK ? run(state, view, 0, out) : status;
}

/* What became of an order of a cycle that is not closing. */
static int filled(pw_adaptive_hedging *adaptive, pw_cycle *cycle, const pw_request *request, int64_t now) {
    int64_t price = 0;
    if (request->role == PW_ROLE_INITIAL) {
        if (request->filled == 0) {
            pw_close_begin(cycle, PW_WHY_REJECTED);
            return PW_OK;
        }
        cycle->phase = PW_INITIAL;
        cycle->orders = 1;
        cycle->reserve = adaptive->params.auto_hedge ? adaptive->params.sizes[1] : 0;
        const int status = pw_average(request->value, request->filled, &cycle->anchor);
        cycle->last = cycle->anchor;
        return status;
    }
    const int complete = pw_hedge_outcome(cycle, request, now, &price);
    if (complete <= 0) return -complete;
    cycle->phase = PW_RECOVERY;
    cycle->last = price;
    cycle->direction = request->side;
    cycle->level++;
    return PW_OK;
}

static int adaptive_report(void *state, const pw_view *view, const pw_report *report, pw_out *out) {
    pw_adaptive_hedging *adaptive = state;
    pw_outcome outcome;
    int status = pw_book_ready(state, TAG, view, out);
    if (status == PW_OK && report == NULL) status = PW_NULL;
    if (status == PW_OK) status = pw_book_report(&adaptive->book, view, report, &outcome, out);
    if (status != PW_OK || outcome.cycle == NULL) return status;
    if (outcome.request.id != 0 && outcome.request.kind == PW_OPEN && outcome.cycle->phase != PW_CLOSING) {
        status = filled(adaptive, outcome.cycle, &outcome.request, report->time);
    }
    pw_cycle_settle(&adaptive->book, outcome.cycle, report->time, PW_WHY_EXTERNAL, out);
    return status;
}

/* What stands against a cycle, 0: nothing. */
static int32_t against(const pw_adaptive_hedging *adaptive, const pw_view *view, int64_t *value) {
    const pw_adaptive_hedging_params *params = &adaptive->params;
    const int64_t volume = params->sizes[0] + (params->auto_hedge ? params->sizes[1] : 0);
    *value = 0;
    if (adaptive->book.exits_only) return PW_LIMIT_EXITS;
    if (!view->known || view->tick.bid <= 0) return PW_LIMIT_UNKNOWN; /* no quote yet: none is known */
    if (adaptive->stopped != PW_WHY_NONE) return PW_LIMIT_DAY;
    *value = 1;
    if (adaptive->book.n_cycles > 0) return PW_LIMIT_CYCLES;
    *value = params->max_total;
    return pw_book_room(&adaptive->book, NULL, volume, params->max_total) ? 0 : PW_LIMIT_VOLUME;
}

static int adaptive_command(void *state, const pw_view *view, const pw_command *command, pw_out *out) {
    pw_adaptive_hedging *adaptive = state;
    int64_t value;
    const int status = pw_book_ready(state, TAG, view, out);
    if (status != PW_OK) return status;
    if (command == NULL) return PW_NULL;
    if (pw_book_command(&adaptive->book, view, command, out)) return PW_OK;
    if (command->verb != PW_OPEN_CYCLE || (command->side != PW_BUY && command->side != PW_SELL)) return PW_OPTION;
    rule_day(adaptive, view);
    const int32_t limit = against(adaptive, view, &value);
    if (limit != 0) {
        pw_note_out(out, 0, PW_NOTE_NOT_DONE, limit, value);
        return PW_OK;
    }
    pw_cycle *cycle = pw_cycle_new(&adaptive->book, view->tick.time, command->side);
    cycle->reserve = adaptive->params.auto_hedge ? adaptive->params.sizes[1] : 0;
    pw_send_open(&adaptive->book, cycle, view, command->side, PW_ROLE_INITIAL, adaptive->params.sizes[0], 0, out);
    return PW_OK;
}

static int64_t adaptive_next_time(const void *state) { return pw_book_next_time(state); }

static int64_t adaptive_volume(const void *state) { return pw_book_volume(state); }

static int64_t adaptive_rows(const void *state, const pw_view *view, pw_cycle_row *rows, int64_t most) {
    return pw_book_rows(state, view, rows, most);
}

const pw_strategy pw_adaptive_hedging_strategy = {
    "adaptive_hedging", (int64_t)sizeof(pw_adaptive_hedging_params), adaptive_bytes,     adaptive_init,
    adaptive_tick,      adaptive_time,                               adaptive_report,    adaptive_command,
    adaptive_next_time, adaptive_volume,                             adaptive_rows,
};
