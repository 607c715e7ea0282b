/* The list of kernels: one line each, in alphabetical order. */
#include "pitwire.h"

#define PW_KERNELS(row)     \
    row(adx)                \
    row(atr)                \
    row(bbands)             \
    row(bbs)                \
    row(beta)               \
    row(cci)                \
    row(correl)             \
    row(drawdown)           \
    row(ema)                \
    row(keltner)            \
    row(linreg_slope)       \
    row(macd)               \
    row(mom)                \
    row(roc)                \
    row(rolling_max)        \
    row(rolling_min)        \
    row(rsi)                \
    row(sma)                \
    row(stddev)             \
    row(stoch)              \
    row(weighted_momentum)  \
    row(wma)                \
    row(zscore)

#define DECLARE(name) extern const pw_kernel pw_##name;
#define ADDRESS(name) &pw_##name,

PW_KERNELS(DECLARE)

static const pw_kernel *const table[] = {PW_KERNELS(ADDRESS) NULL};

const pw_kernel *pw_kernel_at(int32_t at) {
    const int32_t count = (int32_t)(sizeof(table) / sizeof(table[0])) - 1;
    return at >= 0 && at < count ? table[at] : NULL;
}
