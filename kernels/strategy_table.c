/* The built-in strategies, by number: appended only. */
#include "strategy.h"

extern const pw_strategy pw_adaptive_hedging_strategy;
extern const pw_strategy pw_bollinger_stop_strategy;
extern const pw_strategy pw_cycle_trader_strategy;

const pw_strategy *pw_strategy_at(int32_t at) {
    static const pw_strategy *const strategies[] = {
        &pw_cycle_trader_strategy,
        &pw_adaptive_hedging_strategy,
        &pw_bollinger_stop_strategy,
    };
    const int32_t count = (int32_t)(sizeof(strategies) / sizeof(strategies[0]));
    return at >= 0 && at < count ? strategies[at] : NULL;
}
