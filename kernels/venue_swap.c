/* Swap: for each server midnight passed, in order, booked on the first tick after, at its rate. */
#include "venue_parts.h"

static int charge(const pw_venue *v, const pw_position *position, const pw_rate *rate, int64_t day, int64_t *out) {
    const pw_symbol *symbol = &v->symbols[position->symbol];
    const int64_t price = venue_closing(&venue_quotes(v)[position->symbol].tick, position->side);
    *out = 0;
    for (int64_t ended = position->day; ended < day; ended++) {
        int64_t one;
        const int status = pw_swap(symbol, rate, position->side, position->volume, price, pw_swap_nights(symbol, ended),
                                   &one);
        if (status != PW_OK || !venue_fits(one)) return PW_RANGE;
        *out += one;
        if (!venue_fits(*out)) return PW_RANGE;
    }
    return PW_OK;
}

int venue_midnight(pw_venue *v, int32_t symbol) {
    pw_quote *quote = &venue_quotes(v)[symbol];
    const pw_symbol *of = &v->symbols[symbol];
    const int64_t time = quote->tick.time;
    const int books = v->spec->swap && of->swap_mode != PW_SWAP_NONE;
    pw_rate rate;
    if (time < quote->day_end) return 0;
    quote->day = pw_server_day(of, time);
    quote->day_end = pw_day_end(of, time);
    const int known = venue_rate(v, symbol, 0, VENUE_EXACT, &rate) == PW_OK || of->swap_mode == PW_SWAP_MONEY;
    for (int64_t i = 0; i < v->state->n_positions; i++) {
        pw_position *position = &venue_positions(v)[i];
        int64_t booked;
        if (position->symbol != symbol || position->day >= quote->day) continue;
        if (books && !known) {
            quote->day_end = time; /* at the first tick with a rate */
            continue;
        }
        if (books) {
            if (charge(v, position, &rate, quote->day, &booked) != PW_OK) return -PW_RANGE;
            position->swap += booked;
            if (!venue_fits(position->swap)) return -PW_RANGE;
            if (booked != 0) {
                pw_event *told = venue_tell(v, PW_DID_SWAP, 0, symbol);
                told->ticket = position->ticket;
                told->volume = position->volume;
                told->price = venue_closing(&quote->tick, position->side);
                told->swap = booked;
                told->side = position->side;
            }
        }
        position->day = quote->day;
    }
    return 0;
}
