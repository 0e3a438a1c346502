// How long to wait before the next attempt to connect: doubling, bounded, spread by chance so that
// many clients do not come back at the same moment.

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** `attempt` counts failures since the last success, from 0. `random` is in [0, 1). */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
