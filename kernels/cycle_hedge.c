/* cycle.h: the hedge, which is sent again for what is missing. */
#include "cycle.h"

#include "wide.h"

int pw_hedge_send(pw_book *book, pw_cycle *cycle, const pw_view *view, int32_t side, int64_t volume, int64_t most,
                  pw_out *out) {
    if (!pw_book_room(book, cycle, volume, most)) {
        pw_cap_reached(cycle, PW_LIMIT_VOLUME, most, out);
        return 0;
    }
    cycle->missing = 0;
    cycle->reserve = 0;
    cycle->sends++;
    pw_send_open(book, cycle, view, side, PW_ROLE_HEDGE, volume, 0, out);
    return 1;
}

int pw_hedge_outcome(pw_cycle *cycle, const pw_request *request, int64_t now, int64_t *price) {
    const int64_t missing = request->volume - request->filled;
    if (request->filled > 0 && cycle->hedged == 0) cycle->orders++;
    cycle->hedged += request->filled;
    cycle->hedge_value += request->value;
    if (missing > 0) {
        if (cycle->sends > PW_HEDGE_REPEATS) {
            pw_close_begin(cycle, PW_WHY_HEDGE_FAILED);
            return 0;
        }
        cycle->missing = missing;
        cycle->reserve = missing;
        cycle->retry_at = now + PW_SECOND;
        return 0;
    }
    const int status = pw_average(cycle->hedge_value, cycle->hedged, price);
    cycle->hedged = 0;
    cycle->hedge_value = 0;
    cycle->sends = 0;
    return status == PW_OK ? 1 : -status;
}
