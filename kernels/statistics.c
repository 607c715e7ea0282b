/* statistics.h: counting trades and days, and the ratios of the counts. */
#include "statistics.h"

#include <math.h>
#include <string.h>

static const double TRADING_DAYS = 252.0; /* a year has so many daily returns */
static const double YEAR = 365.25 * 86400e6;
static const double LEAST_SPAN = 30 * 86400e6; /* below it nothing is extrapolated to a year */

int pw_statistics_begin(pw_statistics *s, int64_t deposit, int64_t time)
{
    if (s == NULL)
        return PW_NULL;
    memset(s, 0, sizeof *s);
    s->deposit = deposit;
    s->equity = deposit;
    s->begun = time;
    s->ended = time;
    s->open_since = -1;
    return PW_OK;
}

int pw_statistics_trade(pw_statistics *s, const pw_trade *trade, int32_t end_of_data)
{
    if (s == NULL || trade == NULL)
        return PW_NULL;
    const int64_t net = trade->profit + trade->commission + trade->swap;
    s->trades++;
    s->volume += trade->volume;
    s->commission += trade->commission;
    s->swap += trade->swap;
    if (net > 0) {
        s->wins++;
        s->gross_profit += net;
    }
    if (net < 0) {
        s->losses++;
        s->gross_loss += net;
        s->losing_run++;
        if (s->losing_run > s->longest_losing_run)
            s->longest_losing_run = s->losing_run;
    } else {
        s->losing_run = 0;
    }
    if (end_of_data) {
        s->end_trades++;
        s->end_profit += net;
    }
    return PW_OK;
}

int pw_statistics_day(pw_statistics *s, int64_t equity)
{
    if (s == NULL)
        return PW_NULL;
    if (s->equity > 0) { /* of nothing or of debts there is no return */
        const double change = (double)equity / (double)s->equity - 1.0;
        s->days++;
        const double off = change - s->mean;
        s->mean += off / (double)s->days;
        s->squares += off * (change - s->mean);
        if (change < 0)
            s->downside += change * change;
    }
    s->equity = equity;
    return PW_OK;
}

int pw_statistics_exposed(pw_statistics *s, int64_t time, int32_t open)
{
    if (s == NULL)
        return PW_NULL;
    if (open && s->open_since < 0)
        s->open_since = time;
    if (!open && s->open_since >= 0) {
        s->exposed += time - s->open_since;
        s->open_since = -1;
    }
    return PW_OK;
}

int pw_statistics_end(pw_statistics *s, int64_t time)
{
    const int status = pw_statistics_exposed(s, time, 0);
    if (status == PW_OK)
        s->ended = time;
    return status;
}

static double ratio(double over, double under) { return under > 0 ? over / under : (double)NAN; }

int pw_statistics_figures(const pw_statistics *s, int64_t drawdown, double drawdown_part, pw_figures *out)
{
    if (s == NULL || out == NULL)
        return PW_NULL;
    const double net = (double)(s->gross_profit + s->gross_loss);
    const double span = (double)(s->ended - s->begun);
    const double days = (double)s->days;
    const double end = (double)s->deposit + net;
    out->profit_factor = ratio((double)s->gross_profit, -(double)s->gross_loss);
    out->expectancy = ratio(net, (double)s->trades);
    out->win_rate = ratio((double)s->wins, (double)s->trades);
    out->recovery_factor = ratio(net, (double)drawdown);
    out->sharpe = (double)NAN;
    out->sortino = (double)NAN;
    if (s->days >= 2) {
        out->sharpe = ratio(s->mean, sqrt(s->squares / (days - 1))) * sqrt(TRADING_DAYS);
        out->sortino = ratio(s->mean, sqrt(s->downside / days)) * sqrt(TRADING_DAYS);
    }
    out->annual_return = (double)NAN;
    if (s->deposit > 0 && span >= LEAST_SPAN)
        out->annual_return = end > 0 ? pow(end / (double)s->deposit, YEAR / span) - 1 : -1.0;
    out->calmar = ratio(out->annual_return, drawdown_part);
    out->exposure = ratio((double)s->exposed, span);
    return PW_OK;
}
