// Keeps a curve bounded: when it grows too long, every second point of its older half is dropped.
// The newest points stay dense, and the first and the last are always kept.

import { parse, subtract, toText } from '$lib/format/decimal';
import { businessDate } from '$lib/format/time';

export const POINTS_MAX = 4_000;

export function append<T>(known: T[], added: T[]): T[] {
  let points = [...known, ...added];
  while (points.length > POINTS_MAX) {
    const half = Math.floor(points.length / 2);
    const older = points.slice(0, half).filter((_, index) => index % 2 === 0);
    points = [...older, ...points.slice(half)];
  }
  return points;
}

export interface DayPnl {
  /** The business date that it belongs to. */
  date: string;
  change: string;
  base: string;
}

interface Point {
  time: string;
  equity: string;
}

/** Equity at the last point less equity at the end of the business day before; null while that is
    unknown. An account that holds nothing gets no new points: then today's change is zero, whatever
    the day of the last point brought. */
export function dayPnlOf(latest: Point | null, base: Point | null, today: string, holding: boolean): DayPnl | null {
  if (latest === null) return null;
  const date = businessDate(latest.time);
  if (!holding && today > date) return { date: today, change: '0', base: latest.equity };
  const [now, before] = [parse(latest.equity), parse(base?.equity ?? '')];
  if (base === null || now === null || before === null) return null;
  return { date, change: toText(subtract(now, before)), base: base.equity };
}
