// What stands at the axes of a chart, which is drawn on a canvas: times and amounts as text in the
// page's language. Times are the data's, in UTC.
import type { Locale } from '$paraglide/runtime.js';

const DAY_SECONDS = 86_400;
/** A little less than the shortest month and the shortest year. */
const MONTH_SECONDS = 28 * DAY_SECONDS;
const YEAR_SECONDS = 365 * DAY_SECONDS;

export interface AxisLabels {
  /** One label for each of `ticks`, which are seconds since 1970, `step` seconds apart. */
  times(ticks: number[], step: number): string[];
  /** Short: 104.5K, or 10.45万. */
  amount(value: number): string;
}

export function axisLabels(locale: Locale): AxisLabels {
  const times = (options: Intl.DateTimeFormatOptions): ((date: Date) => string) => {
    const format = new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' });
    return (date) => format.format(date);
  };
  const year = times({ year: 'numeric' });
  const month = times({ month: 'short' });
  const monthOfYear = times({ year: 'numeric', month: 'short' });
  const day = times({ month: 'short', day: 'numeric' });
  const dayOfYear = times({ year: 'numeric', month: 'short', day: 'numeric' });
  const clock = times({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const amount = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 6 });

  /** The year, or the day, is named at the first tick and wherever it changes. */
  function label(date: Date, before: Date | undefined, step: number): string {
    if (step >= YEAR_SECONDS) return year(date);
    const sameYear = before !== undefined && year(before) === year(date);
    if (step >= MONTH_SECONDS) return sameYear ? month(date) : monthOfYear(date);
    if (step >= DAY_SECONDS) return sameYear ? day(date) : dayOfYear(date);
    return sameYear && day(before) === day(date) ? clock(date) : day(date);
  }

  return {
    times(ticks, step) {
      const dates = ticks.map((seconds) => new Date(seconds * 1_000));
      return dates.map((date, index) => label(date, dates[index - 1], step));
    },
    amount: (value) => amount.format(value),
  };
}
