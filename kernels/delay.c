/* The value `period` before (blocks.h). */
#include "blocks.h"

void pw_delay_run(pw_delay *delay, double *ring, const double *x, int64_t n, double *old) {
    const int64_t period = delay->period;
    const int64_t lead = pw_lead(period, delay->seen, n);
    const int64_t out = pw_least(n, period);             /* so many come out of the ring: */
    const int64_t tail = pw_least(out, period - delay->at); /* up to its end, then from its beginning */
    const size_t size = sizeof(double);
    memcpy(old, ring + delay->at, (size_t)tail * size);
    memcpy(old + tail, ring, (size_t)(out - tail) * size);
    if (n >= period) {
        memcpy(ring, x + n - period, (size_t)period * size);
        delay->at = 0;
    } else {
        memcpy(ring + delay->at, x, (size_t)tail * size);
        memcpy(ring, x + tail, (size_t)(n - tail) * size);
        delay->at = (delay->at + n) % period;
    }
    pw_fill_nan(old, lead);
    delay->seen += n;
}
