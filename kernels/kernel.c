/* Runs any kernel: checks what comes in, then hands it on in chunks. The only way to a kernel's own functions.
 *
 *     state   [ pw_state: tag, bytes | the kernel's own part ]
 */
#include "blocks.h"

/* The mark of a kernel's states: FNV-1a over its name, so that it is the same wherever the library is loaded. */
static uint64_t tag_of(const pw_kernel *kernel) {
    uint64_t tag = UINT64_C(14695981039346656037);
    for (const char *c = kernel->name; *c != '\0'; c++) {
        tag = (tag ^ (uint64_t)(unsigned char)*c) * UINT64_C(1099511628211);
    }
    return tag;
}

int pw_check_options(const pw_kernel *kernel, const double *options, int32_t *which) {
    if (kernel == NULL || which == NULL || (options == NULL && kernel->n_options > 0)) return PW_NULL;
    for (int32_t i = 0; i < kernel->n_options; i++) {
        const pw_option *option = &kernel->options[i];
        const double value = options[i];
        const int within = value >= option->low && value <= option->high; /* false for NaN */
        if (!within || (option->whole && value != (double)(int64_t)value)) {
            *which = i;
            return PW_OPTION;
        }
    }
    *which = kernel->n_options;
    return kernel->holds == NULL || kernel->holds(options) ? PW_OK : PW_OPTION;
}

int64_t pw_start(const pw_kernel *kernel, const double *options) {
    int32_t which;
    return pw_check_options(kernel, options, &which) == PW_OK ? kernel->start(options) : -1;
}

int64_t pw_state_bytes(const pw_kernel *kernel, const double *options) {
    int32_t which;
    if (pw_check_options(kernel, options, &which) != PW_OK) return -1;
    return (int64_t)sizeof(pw_state) + kernel->bytes(options);
}

int pw_begin(const pw_kernel *kernel, const double *options, void *state, int64_t bytes) {
    int32_t which;
    const int status = pw_check_options(kernel, options, &which);
    if (status != PW_OK) return status;
    if (state == NULL) return PW_NULL;
    pw_state *head = state;
    const int64_t need = (int64_t)sizeof(pw_state) + kernel->bytes(options);
    if (bytes < need) return PW_STATE;
    memset(state, 0, (size_t)need);
    head->tag = tag_of(kernel);
    head->bytes = need;
    kernel->init(head + 1, options);
    return PW_OK;
}

/* Position of the first value that is not finite, or n. Looks at all of them first, with integer operations that every
 * machine has as vector instructions: the exponent of a value that is not finite is all ones, and adding one to it
 * carries into the sign's place. */
PW_WIDE static int64_t first_not_finite(const double *x, int64_t n) {
    uint64_t carried = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof(bits));
        carried |= (bits & UINT64_C(0x7fffffffffffffff)) + UINT64_C(0x0010000000000000);
    }
    if (carried >> 63 == 0) return n;
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs(x[i]) <= DBL_MAX)) return i;
    }
    return n;
}

static int check_inputs(const pw_kernel *kernel, const double *const *in, int64_t from, int64_t n, int64_t *where) {
    for (int32_t k = 0; k < kernel->n_inputs; k++) {
        const int64_t bad = first_not_finite(in[k] + from, n);
        if (bad < n) {
            where[0] = k;
            where[1] = from + bad;
            return PW_NOT_FINITE;
        }
    }
    return PW_OK;
}

static int check_call(const pw_kernel *kernel, const void *state, const double *const *in, int64_t n,
                      double *const *out, const int64_t *where) {
    if (kernel == NULL || state == NULL || in == NULL || out == NULL || where == NULL) return PW_NULL;
    if (n < 0) return PW_LENGTH;
    for (int32_t k = 0; k < kernel->n_inputs && n > 0; k++) {
        if (in[k] == NULL) return PW_NULL;
    }
    for (int32_t k = 0; k < kernel->n_outputs && n > 0; k++) {
        if (out[k] == NULL) return PW_NULL;
    }
    const pw_state *head = state;
    return head->tag == tag_of(kernel) && head->bytes >= (int64_t)sizeof(pw_state) ? PW_OK : PW_STATE;
}

/* Hand everything on in chunks; with `check`, look at each chunk's inputs before it is taken. */
static int run_chunks(const pw_kernel *kernel, void *state, const double *const *in, int64_t n, double *const *out,
                      int check, int64_t *where) {
    const double *from[PW_MOST_INPUTS];
    double *to[PW_MOST_OUTPUTS];
    void *own = (pw_state *)state + 1;
    for (int64_t at = 0; at < n; at += PW_CHUNK) {
        const int64_t m = pw_least(n - at, PW_CHUNK);
        if (check && check_inputs(kernel, in, at, m, where) != PW_OK) return PW_NOT_FINITE;
        for (int32_t k = 0; k < kernel->n_inputs; k++) from[k] = in[k] + at;
        for (int32_t k = 0; k < kernel->n_outputs; k++) to[k] = out[k] + at;
        kernel->run(own, from, m, to);
    }
    return PW_OK;
}

int pw_update(const pw_kernel *kernel, void *state, const double *const *in, int64_t n, double *const *out,
              int64_t *where) {
    int status = check_call(kernel, state, in, n, out, where);
    if (status != PW_OK) return status;
    status = check_inputs(kernel, in, 0, n, where);
    return status == PW_OK ? run_chunks(kernel, state, in, n, out, 0, where) : status;
}

int pw_batch(const pw_kernel *kernel, const double *options, void *state, int64_t bytes, const double *const *in,
             int64_t n, double *const *out, int64_t *where) {
    int status = pw_begin(kernel, options, state, bytes);
    if (status != PW_OK) return status;
    status = check_call(kernel, state, in, n, out, where);
    return status == PW_OK ? run_chunks(kernel, state, in, n, out, 1, where) : status;
}
