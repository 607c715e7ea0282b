/* Drawdown of an equity curve: how far it lies below its highest value so far, in its own unit and in percent of that
 * value (NaN as long as that is not above 0). */
#include "blocks.h"

typedef struct drawdown {
    int64_t seen;
    double peak;
} drawdown;

static int64_t drawdown_start(const double *options) {
    (void)options;
    return 0;
}

static int64_t drawdown_bytes(const double *options) {
    (void)options;
    return (int64_t)sizeof(drawdown);
}

static void drawdown_init(void *own, const double *options) {
    (void)own;
    (void)options;
}

static void drawdown_run(void *own, const double *const *in, int64_t n, double *const *out) {
    drawdown *state = own;
    const double *equity = in[0];
    double peak = state->seen ? state->peak : equity[0];
    for (int64_t i = 0; i < n; i++) {
        peak = equity[i] > peak ? equity[i] : peak;
        out[0][i] = peak - equity[i];
        out[1][i] = peak > 0.0 ? 100.0 * (peak - equity[i]) / peak : PW_NAN;
    }
    state->seen = 1;
    state->peak = peak;
}

static const char *const inputs[] = {"equity"};
static const char *const outputs[] = {"amount", "percent"};

PW_KERNEL_WITHOUT_OPTIONS(drawdown);
