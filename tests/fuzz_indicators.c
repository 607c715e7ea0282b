/* Every kernel and the bars with whatever bytes come: no access out of bounds, no undefined arithmetic, and what
 * pitwire.h promises. Built with the sanitizers, and run by `make check` and `.ci/run`.
 *
 *     bytes   [ kernel | options | length | how values are made | cuts and values, as far as they last ]
 */
#include "bars.h"
#include "pitwire.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_VALUES = 1400 };

typedef struct bytes {
    const uint8_t *at;
    size_t left;
} bytes;

static uint64_t take(bytes *from, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = from->left > 0 ? from->at[0] : (uint8_t)(37 * i + 11);
        if (from->left > 0) {
            from->at++;
            from->left--;
        }
        value = value << 8 | byte;
    }
    return value;
}

#define MUST(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, subject, #what); \
            abort(); \
        } \
    } while (0)

static void *room(int64_t size) {
    void *found = malloc((size_t)(size > 0 ? size : 1)); /* exactly as much: one more byte is found out */
    if (found == NULL) abort();
    return found;
}

/* Any double that there is, in one of the ways that hurt. */
static double any_double(bytes *from) {
    const uint64_t bits = take(from, 8);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double make_value(bytes *from, unsigned kind) {
    switch (kind % 4) {
    case 0: { /* many equal ones, and both zeros */
        const uint64_t choice = take(from, 1) % 4;
        return choice == 3 ? -0.0 : (double)choice;
    }
    case 1: return 1.0 + (double)take(from, 2) / 1e5;    /* prices */
    case 2: return 1e5 * ((double)take(from, 1) - 128.0);
    default: {
        const double value = any_double(from);
        return isfinite(value) ? value : 0.0;
    }
    }
}

static void choose_options(bytes *from, const pw_kernel *kernel, double *options) {
    for (int32_t i = 0; i < kernel->n_options; i++) {
        const pw_option *option = &kernel->options[i];
        const uint64_t choice = take(from, 2);
        const uint64_t longer = choice / 60 % 8 == 7 ? 6 : 1; /* beyond what short.h computes */
        options[i] = option->whole ? option->low + (double)(choice % 60 * longer) : 0.1 + (double)(choice % 50) / 10.0;
    }
    if (kernel->rule != NULL) options[1] += options[0]; /* fast < slow */
}

static void check_any_options(bytes *from, const pw_kernel *kernel, const char *subject) {
    double options[8] = {0.0};
    int32_t which = -1;
    for (int32_t i = 0; i < kernel->n_options; i++) options[i] = any_double(from);
    const int status = pw_check_options(kernel, options, &which);
    MUST(status == PW_OK || status == PW_OPTION);
    MUST(which >= 0 && which <= kernel->n_options);
    if (status != PW_OK) {
        double unused[4] = {0.0};
        MUST(pw_start(kernel, options) == -1 && pw_state_bytes(kernel, options) == -1);
        MUST(pw_begin(kernel, options, unused, (int64_t)sizeof(unused)) == PW_OPTION);
    }
}

typedef struct series {
    double *in[PW_MOST_INPUTS];
    double *batch[PW_MOST_OUTPUTS];
    double *stream[PW_MOST_OUTPUTS];
} series;

static void update(const pw_kernel *kernel, void *state, series *s, int64_t from, int64_t n, const char *subject) {
    const double *in[PW_MOST_INPUTS];
    double *out[PW_MOST_OUTPUTS];
    int64_t where[2];
    for (int32_t k = 0; k < kernel->n_inputs; k++) in[k] = s->in[k] + from;
    for (int32_t k = 0; k < kernel->n_outputs; k++) out[k] = s->stream[k] + from;
    MUST(pw_update(kernel, state, in, n, out, where) == PW_OK);
}

/* A value that is not finite changes nothing and is named. */
static void check_refusal(bytes *from, const pw_kernel *kernel, void *state, int64_t size, series *s, int64_t n,
                          const char *subject) {
    const int32_t input = (int32_t)(take(from, 1) % (uint64_t)kernel->n_inputs);
    const int64_t position = (int64_t)(take(from, 2) % (uint64_t)n);
    const double kept = s->in[input][position];
    int64_t where[2] = {-1, -1};
    void *before = room(size);
    memcpy(before, state, (size_t)size);
    s->in[input][position] = take(from, 1) % 2 ? (double)NAN : -(double)INFINITY;
    MUST(pw_update(kernel, state, (const double *const *)s->in, n, s->stream, where) == PW_NOT_FINITE);
    MUST(where[0] == input && where[1] == position);
    MUST(memcmp(before, state, (size_t)size) == 0);
    s->in[input][position] = kept;
    free(before);
}

static void check_kernel(bytes *from, const pw_kernel *kernel) {
    const char *subject = kernel->name;
    double options[8] = {0.0};
    int64_t where[2];
    series s;
    choose_options(from, kernel, options);
    const int64_t n = (int64_t)(take(from, 2) % MOST_VALUES);
    const unsigned kind = (unsigned)take(from, 1);
    const int64_t size = pw_state_bytes(kernel, options);
    MUST(size > 0);
    void *state = room(size);
    for (int32_t k = 0; k < kernel->n_inputs; k++) s.in[k] = room(n * (int64_t)sizeof(double));
    for (int32_t k = 0; k < kernel->n_outputs; k++) {
        s.batch[k] = room(n * (int64_t)sizeof(double));
        s.stream[k] = room(n * (int64_t)sizeof(double));
    }
    for (int64_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < kernel->n_inputs; k++) s.in[k][i] = make_value(from, kind);
    }
    MUST(pw_begin(kernel, options, state, size - 1) == PW_STATE);
    MUST(pw_batch(kernel, options, state, size, (const double *const *)s.in, n, s.batch, where) == PW_OK);
    for (int64_t i = 0; i < n && i < pw_start(kernel, options); i++) {
        for (int32_t k = 0; k < kernel->n_outputs; k++) MUST(isnan(s.batch[k][i]));
    }
    MUST(pw_begin(kernel, options, state, size) == PW_OK);
    for (int64_t at = 0; at < n;) {
        const int64_t step = (int64_t)(take(from, 1) % 4 == 0 ? take(from, 2) % 700 : take(from, 1) % 6);
        const int64_t m = step < n - at ? step + 1 : n - at;
        update(kernel, state, &s, at, m < n - at ? m : n - at, subject);
        at += m;
    }
    for (int32_t k = 0; k < kernel->n_outputs; k++) {
        MUST(n == 0 || memcmp(s.batch[k], s.stream[k], (size_t)n * sizeof(double)) == 0);
    }
    if (n > 0) check_refusal(from, kernel, state, size, &s, n, subject);
    for (int32_t k = 0; k < kernel->n_inputs; k++) free(s.in[k]);
    for (int32_t k = 0; k < kernel->n_outputs; k++) {
        free(s.batch[k]);
        free(s.stream[k]);
    }
    free(state);
}

static void check_bars(bytes *from) {
    const char *subject = "bars";
    enum { MOST_TICKS = 300 };
    pw_bars bars;
    int64_t closed = -1;
    int64_t where = -1;
    int64_t last = INT64_MIN;
    const int64_t length = (int64_t)take(from, take(from, 1) % 8);
    const int64_t shift = (int64_t)take(from, take(from, 1) % 9);
    if (pw_bars_begin(&bars, length, shift) != PW_OK) return;
    const int64_t n = (int64_t)(take(from, 2) % MOST_TICKS);
    int64_t *times = room(n * (int64_t)sizeof(int64_t));
    double *prices = room(n * (int64_t)sizeof(double));
    pw_bar *out = room(n * (int64_t)sizeof(pw_bar));
    const int wild = take(from, 1) % 2 == 0;
    int64_t time = (int64_t)take(from, 7) - (INT64_C(1) << 55);
    for (int64_t i = 0; i < n; i++) {
        time += (int64_t)(take(from, 3));
        times[i] = wild ? (int64_t)take(from, 8) : time;
        prices[i] = wild ? any_double(from) : make_value(from, 1);
    }
    const pw_bars before = bars;
    const int64_t rooms = take(from, 1) % 2 ? n : n / 3;
    const int status = pw_bars_update(&bars, times, prices, n, out, rooms, &closed, &where);
    if (status != PW_OK) {
        MUST(status == PW_NOT_FINITE || status == PW_UNSORTED || status == PW_FULL);
        MUST(memcmp(&before, &bars, sizeof(bars)) == 0);
        MUST(status != PW_FULL || rooms < n);
    } else {
        int64_t ticks = bars.bar.ticks;
        MUST(closed >= 0 && closed <= rooms);
        for (int64_t i = 0; i < closed; i++) {
            MUST(out[i].time >= last && out[i].low <= out[i].open && out[i].high >= out[i].close);
            last = out[i].time + length;
            ticks += out[i].ticks;
        }
        MUST(ticks == n);
    }
    free(times);
    free(prices);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bytes from = {data, size};
    const char *subject = "table";
    int32_t count = 0;
    while (pw_kernel_at(count) != NULL) count++;
    const int32_t which = (int32_t)(take(&from, 1) % (uint64_t)(count + 1));
    if (which == count) {
        check_bars(&from);
        return 0;
    }
    const pw_kernel *kernel = pw_kernel_at(which);
    MUST(kernel->n_inputs <= PW_MOST_INPUTS && kernel->n_outputs <= PW_MOST_OUTPUTS && kernel->n_options <= 8);
    check_any_options(&from, kernel, kernel->name);
    check_kernel(&from, kernel);
    return 0;
}
