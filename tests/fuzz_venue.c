/* The venue with whatever bytes come: orders, quotes, times, rates, rows. No access out of bounds, no undefined arithmetic,
 * and what venue.h promises: the balance is deposits and deals, a refusal changes nothing, a copy put back is the past.
 *
 *     bytes   [ account | symbols | steps: what, and its numbers, as far as they last ]
 */
#include "venue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SYMBOLS = 2, POSITIONS = 12, PENDINGS = 6, ORDERS = 6, ROOM = 200 };
static const int64_t START = INT64_C(1577923200000000);

typedef struct bytes {
    const uint8_t *at;
    size_t left;
} bytes;

static int64_t take(bytes *from, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = from->left > 0 ? from->at[0] : (uint8_t)(29 * i + 5);
        if (from->left > 0) {
            from->at++;
            from->left--;
        }
        value = value << 8 | byte;
    }
    return (int64_t)value;
}

#define MUST(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            abort(); \
        } \
    } while (0)

/* Mostly a plausible number, sometimes any. */
static int64_t number(bytes *from, int64_t low, int64_t span) {
    const int64_t kind = take(from, 1);
    if (kind == 255) return take(from, 8);
    return low + take(from, 3) % span;
}

static void make_symbol(bytes *from, pw_symbol *symbol, const pw_zone_row *zone, const pw_hours_row *hours) {
    memset(symbol, 0, sizeof(*symbol));
    symbol->unit_num = 1 + take(from, 1) % 20;
    symbol->unit_den = 1 + take(from, 1) % 7;
    symbol->pip = 10;
    symbol->volume_min = 1;
    symbol->volume_max = take(from, 1) % 8 == 0 ? PW_MOST_VOLUME : 1000;
    symbol->lot_num = 1;
    symbol->lot_den = 100;
    symbol->stops_level = take(from, 1) % 30;
    symbol->commission_num = take(from, 1);
    symbol->commission_den = 1 + take(from, 1);
    symbol->margin_num = take(from, 2);
    symbol->margin_den = 1 + take(from, 1);
    symbol->hedged_num = take(from, 1);
    symbol->hedged_den = 1 + take(from, 1);
    symbol->swap_long_num = take(from, 1) - 128;
    symbol->swap_short_num = take(from, 1) - 128;
    symbol->swap_den = 1 + take(from, 1);
    symbol->price_den = 100000;
    symbol->digits = 5;
    symbol->margin_mode = (int32_t)(take(from, 1) % 2);
    symbol->hedged_use_leg = (int32_t)(take(from, 1) % 2);
    symbol->swap_mode = (int32_t)(take(from, 1) % 4);
    symbol->swap_rollover_day = 1 + (int32_t)(take(from, 1) % 5);
    symbol->profit_from = (int32_t)(take(from, 1) % 3);
    symbol->profit_symbol = (int32_t)(take(from, 1) % SYMBOLS);
    symbol->margin_from = (int32_t)(take(from, 1) % 3);
    symbol->margin_symbol = (int32_t)(take(from, 1) % SYMBOLS);
    symbol->zone = zone;
    symbol->n_zone = take(from, 1) % 3;
    symbol->hours = hours;
    symbol->n_hours = take(from, 1) % 2;
}

static void order_step(bytes *from, pw_venue *v, int64_t *id, int64_t price) {
    const pw_order order = {.id = ++*id,
                            .time = v->state->time + take(from, 1) * 1000,
                            .volume = number(from, 0, 120),
                            .price = number(from, price - 300, 600),
                            .sl = take(from, 1) % 2 ? 0 : number(from, price - 300, 600),
                            .tp = take(from, 1) % 2 ? 0 : number(from, price - 300, 600),
                            .protect = take(from, 1) % 3 ? 0 : number(from, 0, 500),
                            .ticket = number(from, 1, 40),
                            .ticket_by = number(from, 1, 40),
                            .kind = (int32_t)(take(from, 1) % 9),
                            .symbol = (int32_t)(take(from, 1) % SYMBOLS),
                            .side = (int32_t)(take(from, 1) % 2)};
    const int status = pw_venue_submit(v, &order);
    MUST(status == PW_OK || status == PW_OPTION || status == PW_FULL || status == PW_RANGE);
}

static void row_step(bytes *from, pw_venue *v, int64_t price) {
    const pw_position position = {.ticket = number(from, 1, 60),
                                  .volume = number(from, 1, 50),
                                  .price = number(from, price - 50, 100),
                                  .swap = number(from, -50, 100),
                                  .day = number(from, 18262, 3),
                                  .symbol = (int32_t)(take(from, 1) % SYMBOLS),
                                  .side = (int32_t)(take(from, 1) % 2)};
    const int status = pw_venue_put_position(v, &position);
    MUST(status == PW_OK || status == PW_OPTION || status == PW_FULL || status == PW_RANGE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const pw_zone_row zone[2] = {{0, 7200}, {INT64_C(1578009600000000), 10800}};
    static const pw_hours_row hours[1] = {{0, 7200}};
    static pw_event out[ROOM];
    bytes from = {data, size};
    pw_symbol symbols[SYMBOLS];
    pw_account_spec spec = {.deposit = 10000 + take(&from, 3),
                            .latency = take(&from, 1) % 2 * 100000,
                            .slippage = take(&from, 1) % 5,
                            .fill_timeout = 5000000,
                            .stop_out = take(&from, 1) * 60,
                            .netting = (int32_t)(take(&from, 1) % 2),
                            .close_by = 1,
                            .swap = 1};
    for (int i = 0; i < SYMBOLS; i++) make_symbol(&from, &symbols[i], zone, hours);
    const int64_t block = pw_venue_bytes(SYMBOLS, POSITIONS, PENDINGS, ORDERS);
    pw_venue_state *state = malloc((size_t)block);
    void *past = malloc((size_t)block);
    if (state == NULL || past == NULL) abort();
    pw_venue v = {&spec, symbols, state, out, 0, ROOM};
    MUST(pw_venue_begin(&v, block - 1, SYMBOLS, POSITIONS, PENDINGS, ORDERS) == PW_STATE);
    MUST(pw_venue_begin(&v, block, SYMBOLS, POSITIONS, PENDINGS, ORDERS) == PW_OK);
    int64_t booked = spec.deposit;
    int64_t time = START;
    int64_t price = 100000;
    int64_t id = 0;
    if (take(&from, 1) % 4 == 0) row_step(&from, &v, price);
    while (from.left > 0) {
        const int64_t what = take(&from, 1) % 16;
        int status = PW_OK;
        v.n_out = 0;
        memcpy(past, state, (size_t)block);
        if (what < 6) {
            order_step(&from, &v, &id, price);
        } else if (what < 13) {
            price += take(&from, 1) % 41 - 20;
            const int64_t bid = number(&from, price, 3);
            pw_tick tick = {time, bid, bid < PW_MOST_PRICE ? bid + take(&from, 1) % 16 : bid};
            tick.time = time + (take(&from, 1) % 16 == 0 ? take(&from, 5) % INT64_C(300000000000) : take(&from, 2));
            if (take(&from, 1) % 16 == 0) v.most_out = take(&from, 1) % 20;
            status = pw_venue_tick(&v, (int32_t)(take(&from, 1) % SYMBOLS), &tick, (int)(what % 2));
            if (status == PW_OK) time = tick.time;
            if (status == PW_FULL) MUST(v.most_out < pw_venue_room(&v));
        } else if (what == 13) {
            status = pw_venue_advance(&v, time + take(&from, 3));
            if (status == PW_OK) time = v.state->time;
        } else if (what == 14) {
            const pw_rate rate = {number(&from, 1, 9), number(&from, 1, 9), number(&from, 1, 9), number(&from, 1, 9)};
            status = pw_venue_rate(&v, (int32_t)(take(&from, 1) % SYMBOLS), &rate, take(&from, 1) % 2 ? &rate : NULL);
        } else {
            status = pw_venue_settle(&v);
        }
        v.most_out = ROOM;
        if (status == PW_RANGE) break;
        if (status != PW_OK) MUST(memcmp(past, state, (size_t)block) == 0 && v.n_out == 0);
        for (int64_t i = 0; i < v.n_out; i++) {
            if (out[i].kind == PW_DID_DEAL) booked += out[i].profit + out[i].commission + out[i].swap;
        }
        MUST(booked == state->balance);
        for (int64_t i = 0; i < state->n_positions; i++) {
            const pw_position *position = &pw_venue_positions(&v)[i];
            MUST(position->volume > 0 && position->ticket < state->next_ticket);
            MUST(i == 0 || pw_venue_positions(&v)[i - 1].ticket < position->ticket);
        }
        pw_worth worth;
        status = pw_venue_worth(&v, &worth);
        MUST(status == PW_OK || status == PW_RANGE);
        if (status == PW_OK && worth.known) MUST(worth.equity == worth.balance + worth.floating && worth.margin >= 0);
    }
    free(state);
    free(past);
    return 0;
}
