// The tape: the newest events first, bounded, and held still while someone reads.
import type { Event } from '$lib/api/types';

const KEPT_MAX = 200;

export class Tape {
  rows = $state.raw<Event[]>([]);
  paused = $state(false);
  /** Events that arrived during a pause and are not shown yet; at most KEPT_MAX are kept. */
  held = $state.raw<Event[]>([]);
  heldCount = $state(0);
  loaded = $state(false);

  /** Events in ascending order of position. */
  add(events: Event[]): void {
    const newest = this.held[0]?.position ?? this.rows[0]?.position ?? 0;
    const added = events.filter((event) => event.position > newest);
    if (added.length === 0) return;
    this.loaded = true;
    if (this.paused) {
      this.heldCount += added.length;
      this.held = [...added.reverse(), ...this.held].slice(0, KEPT_MAX);
    } else {
      this.rows = [...added.reverse(), ...this.rows].slice(0, KEPT_MAX);
    }
  }

  /** Older events from the log, newest first, under what the stream has brought already. */
  fill(older: Event[]): void {
    const oldest = this.rows.at(-1)?.position ?? Infinity;
    const below = older.filter((event) => event.position < oldest);
    this.rows = [...this.rows, ...below].slice(0, KEPT_MAX);
    this.loaded = true;
  }

  toggle(): void {
    this.paused = !this.paused;
    if (this.paused) return;
    this.rows = [...this.held, ...this.rows].slice(0, KEPT_MAX);
    this.held = [];
    this.heldCount = 0;
  }

  clear(): void {
    this.rows = [];
    this.held = [];
    this.heldCount = 0;
  }
}
