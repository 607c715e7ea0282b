/* A driver for the fuzz targets where libFuzzer is not: random inputs from a seed, as many as asked for.
 *
 *     fuzz_indicators -runs=1000 -seed=1          (the same options as libFuzzer's)
 *     fuzz_indicators -max_total_time=5
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t random_state = 1;

static uint64_t next_random(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static long long option(int argc, char **argv, const char *name, long long otherwise) {
    const size_t length = strlen(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=') return atoll(argv[i] + length + 1);
    }
    return otherwise;
}

int main(int argc, char **argv) {
    enum { MOST = 4096 };
    static uint8_t data[MOST];
    const long long seconds = option(argc, argv, "-max_total_time", 0);
    const long long runs = option(argc, argv, "-runs", seconds > 0 ? -1 : 1000);
    const long long seed = option(argc, argv, "-seed", 1);
    const time_t end = time(NULL) + (time_t)seconds;
    long long done = 0;
    random_state = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    while ((runs < 0 || done < runs) && (seconds == 0 || time(NULL) < end)) {
        const size_t size = (size_t)(next_random() % MOST) + 1;
        for (size_t i = 0; i < size; i++) data[i] = (uint8_t)(next_random() >> 56);
        LLVMFuzzerTestOneInput(data, size);
        done++;
    }
    printf("%s: %lld inputs, seed %lld\n", argv[0], done, seed);
    return 0;
}
