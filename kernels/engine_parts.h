/* What the files of the engine share. Nothing here leaves the library.
 *
 *     engine.c          begin, run, end: the order of things
 *     engine_deals.c    outcomes of the venue become holdings, trades and reports
 *     engine_orders.c   intents, targets and commands become orders
 *     engine_equity.c   equity, exact and estimated; days
 */
#ifndef PITWIRE_ENGINE_PARTS_H
#define PITWIRE_ENGINE_PARTS_H

#include "engine.h"

/* engine_deals.c: book venue.out[], tell the strategy, and empty it. reason: of closing deals that nobody asked for. */
int engine_digest(pw_engine *e, int32_t reason);

/* engine_orders.c */
int engine_step(pw_engine *e);                    /* on_tick and what it sends */
int engine_aim(pw_engine *e, int64_t target);     /* towards a target position */
int engine_command(pw_engine *e);                 /* open a cycle if none is open */
int engine_close_all(pw_engine *e);               /* at the last tick */
void engine_take_ended(pw_engine *e, pw_out *out); /* count what ended and what was capped */

/* engine_equity.c */
int engine_exact(const pw_engine *e, int64_t *equity);
int engine_measure(pw_engine *e, int64_t *equity, int exact); /* after a tick: curve; *equity when exact */
int engine_day(pw_engine *e, int64_t time);                   /* before the first tick of a new day */

static inline pw_out engine_out(pw_engine *e)
{
    const pw_out out = {e->intents, 0, PW_ROOM_INTENTS, e->notes, 0, PW_ROOM_NOTES, e->ended, 0, PW_ROOM_ENDED};
    return out;
}

#endif
