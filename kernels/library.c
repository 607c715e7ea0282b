/* What the library says of itself: which sources it was built from, and how large its structs are. */
#include "adaptive_hedging.h"
#include "bar_path.h"
#include "bars.h"
#include "bollinger_stop.h"
#include "curve.h"
#include "cycle_trader.h"
#include "engine.h"
#include "market.h"
#include "pitwire.h"
#include "statistics.h"
#include "venue.h"

#ifndef PW_BUILD_HASH
#error "PW_BUILD_HASH is given by CMakeLists.txt"
#endif

const char *pw_build_hash(void) { return PW_BUILD_HASH; }

#define ROW(type) {#type, (int64_t)sizeof(type)}

/* Every struct that a binding or a caller outside the library knows by its fields. */
static const pw_struct_size sizes[] = {
    ROW(pw_struct_size),
    ROW(pw_option),
    ROW(pw_kernel),
    ROW(pw_state),
    ROW(pw_bar),
    ROW(pw_bars),
    ROW(pw_tick),
    ROW(pw_rate),
    ROW(pw_zone_row),
    ROW(pw_hours_row),
    ROW(pw_symbol),
    ROW(pw_account_spec),
    ROW(pw_order),
    ROW(pw_position),
    ROW(pw_pending),
    ROW(pw_event),
    ROW(pw_quote),
    ROW(pw_venue_state),
    ROW(pw_venue),
    ROW(pw_worth),
    ROW(pw_points_bar),
    ROW(pw_view),
    ROW(pw_intent),
    ROW(pw_report),
    ROW(pw_command),
    ROW(pw_note),
    ROW(pw_cycle_end),
    ROW(pw_cycle_row),
    ROW(pw_out),
    ROW(pw_strategy),
    ROW(pw_cycle_trader_params),
    ROW(pw_adaptive_hedging_params),
    ROW(pw_bollinger_stop_params),
    ROW(pw_trade),
    ROW(pw_statistics),
    ROW(pw_figures),
    ROW(pw_point),
    ROW(pw_curve),
    ROW(pw_holding),
    ROW(pw_engine),
};

const pw_struct_size *pw_struct_size_at(int32_t at) {
    const int32_t count = (int32_t)(sizeof(sizes) / sizeof(sizes[0]));
    return at >= 0 && at < count ? &sizes[at] : NULL;
}
