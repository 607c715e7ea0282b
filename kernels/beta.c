/* Beta: the slope of the returns of y on those of x over the last `period` steps, covariance / variance of x; 0 where
 * x is flat. A return is value / value before - 1, and 0 after a 0. TA-Lib's BETA, whose order of inputs this is.
 */
#include "blocks.h"

typedef struct beta {
    pw_pair pair;
    int64_t seen; /* 0 or 1: whether there are values before */
    double x, y;  /* those */
} beta;

static int64_t beta_start(const double *options) { return (int64_t)options[0]; }

static int64_t beta_bytes(const double *options) {
    return (int64_t)sizeof(beta) + pw_pair_store((int64_t)options[0]) * (int64_t)sizeof(double);
}

static void beta_init(void *own, const double *options) {
    beta *state = own;
    pw_pair_init(&state->pair, (double *)(state + 1), (int64_t)options[0]);
}

static inline void returns_of(const double *restrict x, double before, int64_t n, double *restrict returns) {
    returns[0] = before == 0.0 ? 0.0 : (x[0] - before) / before;
    for (int64_t i = 1; i < n; i++) {
        const double found = (x[i] - x[i - 1]) / x[i - 1];
        returns[i] = x[i - 1] == 0.0 ? 0.0 : found;
    }
}

PW_WIDE static void beta_run(void *own, const double *const *in, int64_t n, double *const *out) {
    beta *state = own;
    double x[PW_CHUNK] = {0.0};
    double y[PW_CHUNK] = {0.0};
    double xx[PW_CHUNK];
    double yy[PW_CHUNK];
    double *result = out[0];
    const int64_t lead = state->seen ? 0 : 1;
    returns_of(in[0], state->x, n, x);
    returns_of(in[1], state->y, n, y);
    pw_pair_run(&state->pair, (double *)(state + 1), x + lead, y + lead, n - lead, xx + lead, yy + lead, result + lead);
    pw_fill_nan(result, lead);
    for (int64_t i = lead; i < n; i++) {
        const double found = result[i] / xx[i];
        result[i] = xx[i] == 0.0 ? 0.0 : found;
    }
    state->seen = 1;
    state->x = in[0][n - 1];
    state->y = in[1][n - 1];
}

static const char *const inputs[] = {"x", "y"};
static const char *const outputs[] = {"beta"};
static const pw_option options[] = {PW_PERIOD("period", 2, 5)};

PW_KERNEL(beta, NULL, NULL);
