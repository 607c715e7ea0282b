/* The list of kernels: one line each, in alphabetical order. */
#include "pitwire.h"

#define PW_KERNELS(row) \
    row(ema)            \
    row(sma)

#define DECLARE(name) extern const pw_kernel pw_##name;
#define ADDRESS(name) &pw_##name,

PW_KERNELS(DECLARE)

static const pw_kernel *const table[] = {PW_KERNELS(ADDRESS) NULL};

const pw_kernel *pw_kernel_at(int32_t at) {
    const int32_t count = (int32_t)(sizeof(table) / sizeof(table[0])) - 1;
    return at >= 0 && at < count ? table[at] : NULL;
}
