// The connection to /ws/v1: ticket, socket, authenticate, subscribe; then frames until it breaks,
// and again. Time, chance and sockets come from outside, so that tests can play them.
//
// Invariants: each event is handed on once, in order of position; after a break the client asks for
// what follows the last position it has seen; a silent connection counts as broken.
import { backoffMs } from './backoff';
import { readFrame, type Channel, type ServerFrame } from './frames';
import type { Event } from '$lib/api/types';

const SILENCE_MAX_MS = 15_000;

export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: ((close: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface Host {
  /** A ticket; null when the session is gone; throws when the server cannot be reached. */
  ticket(): Promise<string | null>;
  open(): Socket;
  random(): number;
  /** Returns what cancels it. */
  after(milliseconds: number, run: () => void): () => void;
}

export type Status = 'stopped' | 'connecting' | 'live' | 'waiting';

export interface Listener {
  status(status: Status): void;
  /** Any frame arrived. */
  alive(): void;
  snapshot(channel: Channel, items: unknown[], position: number): void;
  event(event: Event): void;
  /** What is held may be incomplete: fetch everything that no snapshot brings. */
  refetch(): void;
  sessionLost(): void;
}

export class StreamClient {
  #channels: Channel[] = [];
  #socket: Socket | null = null;
  #cancelTimer: () => void = () => {};
  #seen: number | null = null;
  #askedFrom: number | null = null;
  #attempt = 0;
  /** Counts starts and stops, so that an answer to an earlier attempt is ignored. */
  #generation = 0;

  constructor(
    private readonly host: Host,
    private readonly listener: Listener,
  ) {}

  start(channels: Channel[]): void {
    this.stop();
    this.#channels = channels;
    this.#seen = null;
    this.#attempt = 0;
    void this.#connect();
  }

  stop(): void {
    this.#drop();
    this.listener.status('stopped');
  }

  /** Ends a wait early: the network is back, or the page is looked at again. */
  hurry(): void {
    if (this.#socket !== null || this.#channels.length === 0) return;
    this.#attempt = 0;
    void this.#connect();
  }

  /** Forgets the last position and subscribes again, so that snapshots arrive. */
  startOver(): void {
    this.#seen = null;
    this.#subscribe();
  }

  async #connect(): Promise<void> {
    this.#drop();
    const generation = this.#generation;
    this.listener.status('connecting');
    let ticket: string | null;
    try {
      ticket = await this.host.ticket();
    } catch {
      if (generation === this.#generation) this.#retry();
      return;
    }
    if (generation !== this.#generation) return;
    if (ticket === null) {
      this.stop();
      this.#channels = [];
      this.listener.sessionLost();
      return;
    }
    this.#open(ticket);
  }

  #open(ticket: string): void {
    const socket = this.host.open();
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: 'authenticate', ticket }));
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      const frame = readFrame(data);
      if (frame === null) return this.#retry();
      this.#watch();
      this.listener.alive();
      this.#take(frame);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      // The server did not accept our position or frame: ask without a position next time.
      if (code === 4400) this.#seen = null;
      this.#retry();
    };
    this.#watch();
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case 'authenticated':
        return this.#subscribe();
      case 'subscribed':
        return this.#subscribed(frame.position);
      case 'snapshot':
        return this.listener.snapshot(frame.channel, frame.items, frame.position);
      case 'event':
        if (this.#seen !== null && frame.position <= this.#seen) return;
        this.#seen = frame.position;
        return this.listener.event(frame.event);
      case 'heartbeat':
        this.#seen = Math.max(this.#seen ?? 0, frame.position);
        return;
      case 'reset':
        this.#seen = frame.position;
        return this.listener.refetch();
      case 'pong':
      case 'error':
        return;
      default:
        // A newer server may send more; what is not known is not needed.
        return;
    }
  }

  #subscribe(): void {
    this.#askedFrom = this.#seen;
    const from = this.#seen === null ? {} : { from_position: this.#seen };
    this.#socket?.send(JSON.stringify({ type: 'subscribe', channels: this.#channels, ...from }));
  }

  #subscribed(position: number): void {
    this.#attempt = 0;
    this.listener.status('live');
    // The log ends before what we have seen: it is another log.
    if (this.#askedFrom !== null && position < this.#askedFrom) return this.startOver();
    if (this.#askedFrom === null) {
      this.#seen = position;
      this.listener.refetch();
    }
  }

  #watch(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.host.after(SILENCE_MAX_MS, () => this.#retry());
  }

  #retry(): void {
    this.#drop();
    this.listener.status('waiting');
    const wait = backoffMs(this.#attempt, this.host.random());
    this.#attempt += 1;
    this.#cancelTimer = this.host.after(wait, () => void this.#connect());
  }

  #drop(): void {
    this.#generation += 1;
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
