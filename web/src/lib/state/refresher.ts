// Decides what is fetched next. The stream says what has changed; fetches are spread so that a fast
// market never makes more than eight requests a second, and nothing that changed is forgotten.
//
// Invariants: at most one fetch of a resource at a time; two starts are SPACING_MS apart at least;
// a mark made while a fetch is under way leads to one more fetch.

export const SPACING_MS = 140;
const RETRY_MS = 2_000;

export interface Clock {
  now(): number;
  /** Returns what cancels it. */
  after(milliseconds: number, run: () => void): () => void;
}

/** Fetches a resource; false when that failed and should be tried again later. */
export type Fetch = () => Promise<boolean>;

interface Entry {
  fetch: Fetch;
  /** Shortest time between two fetches of this resource. */
  everyMs: number;
  urgent: boolean;
  dirty: boolean;
  running: boolean;
  /** Not to be fetched before this time. */
  notBefore: number;
}

export class Refresher {
  #entries = new Map<string, Entry>();
  #lastStart = -Infinity;
  #cancelTimer: (() => void) | null = null;
  #stopped = false;

  constructor(private readonly clock: Clock) {}

  /** `urgent` goes before everything else. */
  register(name: string, fetch: Fetch, everyMs: number, urgent = false): void {
    const times = { everyMs, notBefore: -Infinity };
    this.#entries.set(name, { fetch, urgent, dirty: false, running: false, ...times });
  }

  mark(...names: string[]): void {
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (entry !== undefined) entry.dirty = true;
    }
    this.#schedule();
  }

  markAll(): void {
    this.mark(...this.#entries.keys());
  }

  /** For good: what is still under way ends, nothing new starts. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #schedule(): void {
    // What was planned may be later than what has just been marked.
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#stopped) return;
    const next = this.#next();
    if (next === null) return;
    const at = Math.max(next.notBefore, this.#lastStart + SPACING_MS);
    this.#cancelTimer = this.clock.after(Math.max(0, at - this.clock.now()), () => {
      this.#cancelTimer = null;
      this.#run();
    });
  }

  /** The one that may start first; among those that may start now, urgent ones, then the longest waiting. */
  #next(): Entry | null {
    const now = this.clock.now();
    const rank = (entry: Entry): number => Math.max(entry.notBefore, now);
    const waiting = [...this.#entries.values()].filter((entry) => entry.dirty && !entry.running);
    waiting.sort(
      (a, b) =>
        rank(a) - rank(b) || Number(b.urgent) - Number(a.urgent) || a.notBefore - b.notBefore,
    );
    return waiting[0] ?? null;
  }

  #run(): void {
    const entry = this.#next();
    const now = this.clock.now();
    if (entry === null || entry.notBefore > now) return this.#schedule();
    entry.dirty = false;
    entry.running = true;
    entry.notBefore = now + entry.everyMs;
    this.#lastStart = now;
    void entry.fetch().then((worked) => this.#ended(entry, worked));
    this.#schedule();
  }

  #ended(entry: Entry, worked: boolean): void {
    entry.running = false;
    if (!worked) {
      entry.dirty = true;
      entry.notBefore = this.clock.now() + RETRY_MS;
    }
    this.#schedule();
  }
}
