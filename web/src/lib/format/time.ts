// Two clocks: the business clock of the data (dates and times of bars, orders, fills; always UTC)
// and the wall clock of whoever looks (age of the connection, length of a wait).
import { m } from '$paraglide/messages.js';

/** 2004-03-02 of an RFC 3339 time. */
export function businessDate(time: string): string {
  return time.slice(0, 10);
}

/** 2004-03-02 21:00:05 of an RFC 3339 time. */
export function businessTime(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)}`;
}

/** 14:03:22 on the wall of whoever looks. */
export function wallTime(time: string | number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/** Seconds since 1970, for charts. */
export function epochSeconds(time: string): number {
  return Date.parse(time) / 1000;
}

/** A length of time with its unit, in the chosen language: 3 ms, 1.2 s, 4 min, 2 h, 3 d. */
export function duration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  const whole = (unit: number): number => Math.round(ms / unit);
  if (ms < 1_000) return m.milliseconds({ count: whole(1) });
  if (ms < 10_000) return m.seconds({ count: (ms / 1_000).toFixed(1) });
  if (ms < 120_000) return m.seconds({ count: whole(1_000) });
  if (ms < 7_200_000) return m.minutes({ count: whole(60_000) });
  if (ms < 172_800_000) return m.hours({ count: whole(3_600_000) });
  return m.days({ count: whole(86_400_000) });
}
