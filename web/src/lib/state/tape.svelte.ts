// The tape: the newest events first, bounded, and held still while someone reads. Price events come
// many times as often as all others, so they have a bound of their own and push nothing else out.
import type { Event } from '$lib/api/types';

const KEPT_MAX = 200;
const PRICES_MAX = 60;
const SEAMS_MAX = 50;

const isPrice = (event: Event): boolean => event.type === 'PriceMarked';

/** Newest first, each position once, bounded. Pure, for tests. */
export function merge(rows: Event[], added: Event[]): Event[] {
  const byPosition = new Map(rows.map((event) => [event.position, event]));
  for (const event of added) byPosition.set(event.position, event);
  const sorted = [...byPosition.values()].sort((a, b) => b.position - a.position);
  let prices = 0;
  let others = 0;
  return sorted.filter((event) => (isPrice(event) ? ++prices <= PRICES_MAX : ++others <= KEPT_MAX));
}

/** For each row, whether events may be missing just before it (above the next older one). `seams` are
    the positions from which on the stream was followed. Pure, for tests. */
export function gapsBefore(rows: Event[], seams: number[]): boolean[] {
  return rows.map((row, index) => {
    const older = rows[index + 1]?.position;
    return older !== undefined && seams.some((seam) => older < seam && seam <= row.position);
  });
}

export class Tape {
  rows = $state.raw<Event[]>([]);
  paused = $state(false);
  /** Events that arrived during a pause and are not shown yet. */
  held = $state.raw<Event[]>([]);
  /** How many of those there were besides prices, also when some had to be dropped. */
  heldCount = $state(0);
  loaded = $state(false);
  /** Where following the stream began, once at the start and again after each gap. */
  seams = $state.raw<number[]>([]);
  #broken = true;

  /** What comes next on the stream may not follow what came before. */
  breakOff(): void {
    this.#broken = true;
  }

  /** Events of the stream, in order. */
  follow(events: Event[]): void {
    const first = events[0];
    if (first !== undefined && this.#broken) {
      this.#broken = false;
      this.seams = [...this.seams, first.position].slice(-SEAMS_MAX);
    }
    this.add(events);
  }

  /** Any events, also such as were picked from the history. */
  add(events: Event[]): void {
    if (events.length === 0) return;
    this.loaded = true;
    if (this.paused) {
      this.heldCount += events.filter((event) => !isPrice(event)).length;
      this.held = merge(this.held, events);
    } else {
      this.rows = merge(this.rows, events);
    }
  }

  toggle(): void {
    this.paused = !this.paused;
    if (this.paused) return;
    this.rows = merge(this.rows, this.held);
    this.held = [];
    this.heldCount = 0;
  }
}
