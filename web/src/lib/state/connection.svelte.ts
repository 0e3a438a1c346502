// How fresh the page is: state of the stream, age of the last frame, readiness of the node.
import type { Status } from '$lib/stream/client';

/** Without a frame for this long, what is shown counts as stale; heartbeats come every 5 s. */
const STALE_AFTER_MS = 8_000;
const READY_EVERY_MS = 5_000;
const READY_TIMEOUT_MS = 4_000;

export type Freshness = 'connecting' | 'live' | 'reconnecting' | 'stale';
export type Readiness = 'unknown' | 'ready' | 'not_ready' | 'unreachable';

export class Connection {
  status = $state<Status>('stopped');
  lastFrameAt = $state<number | null>(null);
  now = $state(Date.now());
  readiness = $state<Readiness>('unknown');
  reasons = $state.raw<string[]>([]);
  #timers: ReturnType<typeof setInterval>[] = [];

  get ageSeconds(): number | null {
    if (this.lastFrameAt === null) return null;
    return Math.max(0, Math.floor((this.now - this.lastFrameAt) / 1000));
  }

  get freshness(): Freshness {
    if (this.lastFrameAt === null) return 'connecting';
    const silent = this.now - this.lastFrameAt > STALE_AFTER_MS;
    if (this.status === 'live') return silent ? 'stale' : 'live';
    return silent ? 'stale' : 'reconnecting';
  }

  get fresh(): boolean {
    return this.freshness === 'live' || this.freshness === 'connecting';
  }

  alive(): void {
    this.lastFrameAt = Date.now();
  }

  start(): void {
    this.stop();
    void this.#askReady();
    this.#timers = [
      setInterval(() => (this.now = Date.now()), 1_000),
      setInterval(() => void this.#askReady(), READY_EVERY_MS),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }

  async #askReady(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
      const response = await fetch('/ready', { signal });
      const body = (await response.json()) as { status?: string; reasons?: string[] };
      this.readiness = response.ok && body.status === 'ready' ? 'ready' : 'not_ready';
      this.reasons = body.reasons ?? [];
    } catch {
      this.readiness = 'unreachable';
      this.reasons = [];
    }
  }
}
