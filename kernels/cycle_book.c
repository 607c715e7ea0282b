/* cycle.h: the book of open cycles. */
#include "cycle.h"

#include <string.h>

int64_t pw_book_bytes(int64_t own, int32_t most_cycles, int32_t most_legs) {
    return own + most_cycles * ((int64_t)sizeof(pw_cycle) + most_legs * (int64_t)sizeof(pw_leg));
}

int pw_book_begin(pw_book *book, int64_t tag, int64_t bytes, int64_t own, int32_t most_cycles, int32_t most_legs) {
    const int64_t need = pw_book_bytes(own, most_cycles, most_legs);
    if (bytes < need) return PW_STATE;
    memset(book, 0, (size_t)need);
    book->bytes = need;
    book->tag = tag;
    book->closed_at = INT64_MIN;
    book->cycles = own;
    book->stride = (int64_t)sizeof(pw_cycle) + most_legs * (int64_t)sizeof(pw_leg);
    book->most_cycles = most_cycles;
    book->most_legs = most_legs;
    pw_window_void(&book->window);
    return PW_OK;
}

int pw_book_is(const pw_book *book, int64_t tag) { return book != NULL && book->tag == tag; }

int pw_book_ready(const pw_book *book, int64_t tag, const pw_view *view, const pw_out *out) {
    if (book == NULL || view == NULL || view->symbol == NULL || out == NULL) return PW_NULL;
    if (book->tag != tag) return PW_STATE;
    const int room = out->most_intents - out->n_intents >= PW_ROOM_INTENTS &&
                     out->most_notes - out->n_notes >= PW_ROOM_NOTES && out->most_ended - out->n_ended >= PW_ROOM_ENDED;
    return room ? PW_OK : PW_FULL;
}

pw_cycle *pw_cycle_at(const pw_book *book, int32_t at) {
    return (pw_cycle *)(void *)((uintptr_t)book + (uintptr_t)(book->cycles + at * book->stride));
}

pw_leg *pw_legs(const pw_cycle *cycle) { return (pw_leg *)(void *)((uintptr_t)cycle + sizeof(pw_cycle)); }

pw_cycle *pw_cycle_new(pw_book *book, int64_t now, int32_t side) {
    pw_cycle *cycle = pw_cycle_at(book, book->n_cycles++);
    memset(cycle, 0, (size_t)book->stride);
    cycle->id = ++book->last_cycle;
    cycle->opened = now;
    cycle->phase = PW_OPENING;
    cycle->side = side;
    cycle->direction = side;
    return cycle;
}

void pw_cycle_settle(pw_book *book, pw_cycle *cycle, int64_t now, int32_t why, pw_out *out) {
    if (cycle->request.id != 0 || cycle->unknown.id != 0) return;
    if (pw_open_steps(cycle, PW_BUY) != 0 || pw_open_steps(cycle, PW_SELL) != 0) return;
    pw_cycle_end *end = &out->ended[out->n_ended++];
    end->cycle = cycle->id;
    end->opened = cycle->opened;
    end->closed = now;
    end->profit = cycle->booked;
    end->why = cycle->phase == PW_CLOSING ? cycle->why : why;
    end->orders = cycle->orders;
    book->closed_at = now;
    const uintptr_t next = (uintptr_t)cycle + (uintptr_t)book->stride;
    const uintptr_t last = (uintptr_t)pw_cycle_at(book, book->n_cycles);
    memmove(cycle, (const void *)next, (size_t)(last - next));
    book->n_cycles--;
    memset(pw_cycle_at(book, book->n_cycles), 0, (size_t)book->stride); /* equal states have equal bytes */
}

int64_t pw_open_steps(const pw_cycle *cycle, int32_t side) {
    const pw_leg *legs = pw_legs(cycle);
    int64_t steps = 0;
    for (int32_t i = 0; i < cycle->n_legs; i++) steps += legs[i].side == side ? legs[i].volume : 0;
    return steps;
}

/* Steps that a request may still open. */
static int64_t may_open(const pw_request *request) {
    return request->id != 0 && request->kind == PW_OPEN ? request->volume - request->filled : 0;
}

int64_t pw_book_volume(const pw_book *book) {
    int64_t steps = 0;
    for (int32_t i = 0; i < book->n_cycles; i++) {
        const pw_cycle *cycle = pw_cycle_at(book, i);
        steps += pw_open_steps(cycle, PW_BUY) + pw_open_steps(cycle, PW_SELL);
        steps += may_open(&cycle->request) + may_open(&cycle->unknown);
    }
    return steps;
}

int pw_book_room(const pw_book *book, const pw_cycle *cycle, int64_t volume, int64_t most) {
    int64_t steps = pw_book_volume(book) + volume;
    for (int32_t i = 0; i < book->n_cycles; i++) {
        const pw_cycle *other = pw_cycle_at(book, i);
        if (other != cycle) steps += other->reserve;
    }
    return steps <= most;
}

void pw_note_out(pw_out *out, int64_t cycle, int32_t code, int32_t detail, int64_t value) {
    pw_note *note = &out->notes[out->n_notes++];
    note->cycle = cycle;
    note->value = value;
    note->code = code;
    note->detail = detail;
}

void pw_cap_reached(pw_cycle *cycle, int32_t limit, int64_t value, pw_out *out) {
    if ((cycle->capped >> limit & 1) != 0) return;
    cycle->capped |= 1 << limit;
    pw_note_out(out, cycle->id, PW_NOTE_CAP, limit, value);
}

int64_t pw_book_rows(const pw_book *book, const pw_view *view, pw_cycle_row *rows, int64_t most) {
    for (int32_t i = 0; i < book->n_cycles && i < most; i++) {
        const pw_cycle *cycle = pw_cycle_at(book, i);
        pw_cycle_row *row = &rows[i];
        row->cycle = cycle->id;
        row->opened = cycle->opened;
        row->anchor = cycle->anchor;
        row->centre = cycle->centre;
        row->last = cycle->last;
        row->bought = pw_open_steps(cycle, PW_BUY);
        row->sold = pw_open_steps(cycle, PW_SELL);
        row->booked = cycle->booked;
        if (pw_cycle_profit(cycle, view, &row->profit) != PW_OK) row->profit = cycle->booked;
        row->request = cycle->request.id;
        row->phase = cycle->phase;
        row->side = cycle->side;
        row->direction = cycle->direction;
        row->zone = cycle->zone;
        row->level = cycle->level;
        row->orders = cycle->orders;
        row->legs = 0;
        for (int32_t leg = 0; leg < cycle->n_legs; leg++) row->legs += pw_legs(cycle)[leg].volume > 0;
        row->why = cycle->why;
    }
    return book->n_cycles;
}
