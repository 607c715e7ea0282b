/* curve.h: points are filled, closed, and joined in pairs when there is no more room. */
#include "curve.h"

#include <string.h>

int pw_curve_begin(pw_curve *c, pw_point *points, int64_t room, int64_t deposit)
{
    if (c == NULL)
        return PW_NULL;
    if (points != NULL && (room < 2 || room % 2 != 0))
        return PW_OPTION;
    memset(c, 0, sizeof *c);
    c->points = points;
    c->room = room;
    c->span = 1;
    c->peak = deposit;
    c->low = deposit;
    return PW_OK;
}

/* The open point becomes the last closed one. */
static void close_point(pw_curve *c)
{
    if (c->n == c->room) {
        c->n /= 2;
        for (int64_t i = 0; i < c->n; i++) {
            const pw_point first = c->points[2 * i];
            pw_point joined = c->points[2 * i + 1];
            joined.low = first.low < joined.low ? first.low : joined.low;
            joined.high = first.high > joined.high ? first.high : joined.high;
            joined.ticks += first.ticks;
            c->points[i] = joined;
        }
        c->span *= 2;
        if (c->open.ticks < c->span)
            return; /* it goes on to the new length */
    }
    c->points[c->n++] = c->open;
    memset(&c->open, 0, sizeof c->open);
}

int pw_curve_take(pw_curve *c, int64_t time, int64_t equity, int64_t balance)
{
    if (c == NULL)
        return PW_NULL;
    if (equity > c->peak)
        c->peak = equity;
    if (equity < c->low)
        c->low = equity;
    const int64_t fall = c->peak - equity;
    if (fall > c->drawdown)
        c->drawdown = fall;
    if (c->peak > 0 && (double)fall > c->part * (double)c->peak)
        c->part = (double)fall / (double)c->peak;
    if (c->points == NULL)
        return PW_OK;
    pw_point *open = &c->open;
    if (open->ticks == 0 || equity < open->low)
        open->low = equity;
    if (open->ticks == 0 || equity > open->high)
        open->high = equity;
    open->time = time;
    open->equity = equity;
    open->balance = balance;
    open->ticks++;
    if (open->ticks >= c->span)
        close_point(c);
    return PW_OK;
}

int pw_curve_end(pw_curve *c)
{
    if (c == NULL)
        return PW_NULL;
    if (c->points != NULL && c->open.ticks > 0) {
        c->span = c->open.ticks;
        close_point(c);
        if (c->open.ticks > 0) { /* joining made the room it needs */
            c->points[c->n++] = c->open;
            memset(&c->open, 0, sizeof c->open);
        }
    }
    return PW_OK;
}
