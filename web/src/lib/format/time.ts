// Two clocks: the business clock of the data (dates and times of bars, orders, fills; always UTC)
// and the wall clock of whoever looks (age of the connection, length of a wait).

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

/** A length of time with its unit: 3 ms, 1.2 s, 4 min, 2 h, 3 d. The units are international. */
export function duration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}
