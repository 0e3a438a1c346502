// The tape: the newest events first, bounded, and held still while someone reads. Price events come
// many times as often as all others, so they have a bound of their own and push nothing else out.
import type { Event } from '$lib/api/types';

const KEPT_MAX = 200;
const PRICES_MAX = 60;

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

export class Tape {
  rows = $state.raw<Event[]>([]);
  paused = $state(false);
  /** Events that arrived during a pause and are not shown yet. */
  held = $state.raw<Event[]>([]);
  /** How many of those there were besides prices, also when some had to be dropped. */
  heldCount = $state(0);
  loaded = $state(false);

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
