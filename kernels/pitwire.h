/* Pitwire's kernels: the interface of the compiled library, all of it for indicators and bars.
 *
 *     caller (Python, a strategy, the engine)
 *       |  options[]            doubles, in the order of pw_kernel.options
 *       |  state                pw_state_bytes() bytes, 8-byte aligned, owned by the caller
 *       |  in[0..n_inputs-1]    arrays of n doubles, oldest first
 *       v
 *     pw_begin(kernel, options, state, bytes)       once: checks the options, clears the state
 *     pw_update(kernel, state, in, n, out, where)   any number of times, any n >= 0
 *       |
 *       v
 *     out[0..n_outputs-1]       arrays of n doubles; NaN until pw_start() values have been taken
 *
 * A batch is one pw_update over everything, a stream is many; the numbers are the same to the last bit, however the
 * values are cut into chunks:
 *
 *     values    0 1 2 3 4 5 6 7 8 9
 *     batch    [. . . o o o o o o o]          . = NaN (warm-up, pw_start() = 3)      o = a value
 *     stream   [. .][. o][o][o o o o o]
 *
 * Rules that hold for every function here and for everything that is built on it:
 *   - No allocation, no global state, no clock, no input or output. The caller owns every buffer.
 *   - A function returns a pw_status. Options are checked before any arithmetic.
 *   - NaN and infinities are refused where they come in: PW_NOT_FINITE, with the position, and the state is as before.
 *   - Finite values whose arithmetic overflows (around 1e150 and beyond, where squares are taken) give infinities or
 *     NaN in the outputs; they never do anything else.
 *   - A state holds no pointers: it can be copied byte by byte. Bytes mean something only to the library that made
 *     them (pw_build_hash).
 *   - Compiled with -ffp-contract=off and without fast-math, so that every machine computes the same.
 */
#ifndef PITWIRE_H
#define PITWIRE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(PW_BUILDING)
#define PW_API __declspec(dllexport)
#elif defined(_WIN32)
#define PW_API
#else
#define PW_API __attribute__((visibility("default")))
#endif

/* What a function answers. Numbers are never changed, new ones are appended. */
typedef enum pw_status {
    PW_OK = 0,
    PW_NULL = 1,       /* a pointer that must not be null is */
    PW_OPTION = 2,     /* an option is out of its bounds, not whole, or breaks the kernel's rule */
    PW_NOT_FINITE = 3, /* an input is NaN or infinite; where = {input, position} */
    PW_STATE = 4,      /* the state was not begun with this kernel, or has too few bytes */
    PW_LENGTH = 5,     /* a length is negative */
    PW_UNSORTED = 6,   /* a time is before the one that came before it; where = {0, position} */
    PW_FULL = 7,       /* a fixed capacity is used up */
    PW_RANGE = 8,      /* an amount does not fit in 64 bits */
    PW_NO_RATE = 9,    /* no rate from another currency to the account's is known */
    PW_PRICE = 10      /* a price is not positive or too high, bid and ask are crossed, or a bar contradicts itself */
} pw_status;

/* ---- The library itself ------------------------------------------------------------------------------------- */

/* SHA-256 in hex over the C sources the library was built from: "name:sha256(file)\n" of every kernels/ *.c and *.h,
 * sorted by name. kernels/library.py computes the same from the files beside it and refuses another library. */
PW_API const char *pw_build_hash(void);

/* The size of a struct that crosses the border, so that a binding can compare it with its own. */
typedef struct pw_struct_size {
    const char *name; /* "pw_kernel" */
    int64_t bytes;    /* sizeof of it */
} pw_struct_size;

/* Row `at` of the table of struct sizes, or NULL past its end. */
PW_API const pw_struct_size *pw_struct_size_at(int32_t at);

/* ---- Kernels ------------------------------------------------------------------------------------------------ */

/* One option of a kernel. Options travel as doubles; a whole one (a period) must have no fraction. */
typedef struct pw_option {
    const char *name; /* "period" */
    double low;       /* smallest value allowed */
    double high;      /* largest value allowed */
    double preset;    /* the value when none is given; NaN: the value of the option before it */
    int32_t whole;    /* 1: whole numbers only */
    int32_t reserved; /* 0 */
} pw_option;

/* One kernel. kernels/ema.c is the shortest example. */
typedef struct pw_kernel {
    const char *name;           /* "ema": the name in Python too */
    const char *const *inputs;  /* names of the input arrays, n_inputs of them */
    const pw_option *options;   /* n_options of them */
    const char *const *outputs; /* names of the output arrays, n_outputs of them */
    const char *rule;           /* what must hold between options ("fast < slow"), or NULL */
    int32_t n_inputs;
    int32_t n_options;
    int32_t n_outputs;
    int32_t reserved; /* 0 */
    int (*holds)(const double *options);         /* whether the rule holds; NULL without one */
    int64_t (*start)(const double *options);     /* position of the first value that is not NaN */
    int64_t (*bytes)(const double *options);     /* size of the kernel's own part of the state */
    void (*init)(void *own, const double *options); /* own: zeroed bytes() bytes */
    /* Takes n values (1..PW_CHUNK, all finite), writes n outputs. Called by pw_update only. */
    void (*run)(void *own, const double *const *in, int64_t n, double *const *out);
} pw_kernel;

enum {
    PW_CHUNK = 512,      /* the most values that one call of pw_kernel.run takes */
    PW_MOST_INPUTS = 4,  /* the most input arrays of a kernel */
    PW_MOST_OUTPUTS = 4, /* the most output arrays of a kernel */
    PW_MOST_PERIOD = 100000
};

/* What every state begins with; the kernel's own part follows. */
typedef struct pw_state {
    uint64_t tag;  /* the kernel's mark: a state of another kernel, or none, is found out */
    int64_t bytes; /* of the whole state */
} pw_state;

/* Kernel number `at`, or NULL past the last one. */
PW_API const pw_kernel *pw_kernel_at(int32_t at);

/* PW_OK, or PW_OPTION with `*which` = the option that is out of bounds, or n_options when the rule is broken. */
PW_API int pw_check_options(const pw_kernel *kernel, const double *options, int32_t *which);

/* Position of the first value, and bytes of the state. The options must have passed pw_check_options; else -1. */
PW_API int64_t pw_start(const pw_kernel *kernel, const double *options);
PW_API int64_t pw_state_bytes(const pw_kernel *kernel, const double *options);

/* Make `state` ready for the first value. */
PW_API int pw_begin(const pw_kernel *kernel, const double *options, void *state, int64_t bytes);

/* Take n values of each input and write n of each output. Inputs and outputs may not overlap. On PW_NOT_FINITE
 * where[0] is the input, where[1] the position, and the state is as it was. `where` has room for two. */
PW_API int pw_update(const pw_kernel *kernel, void *state, const double *const *in, int64_t n, double *const *out,
                     int64_t *where);

/* pw_begin and one pw_update over everything, a little faster: after PW_NOT_FINITE the state is of no use. */
PW_API int pw_batch(const pw_kernel *kernel, const double *options, void *state, int64_t bytes,
                    const double *const *in, int64_t n, double *const *out, int64_t *where);

#endif
