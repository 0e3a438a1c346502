// Keeps a curve bounded: when it grows too long, every second point of its older half is dropped.
// The newest points stay dense, and the first and the last are always kept.

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
