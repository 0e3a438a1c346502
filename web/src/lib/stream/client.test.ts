import { beforeEach, describe, expect, it } from 'vitest';
import type { Event } from '$lib/api/types';
import { backoffMs } from './backoff';
import { StreamClient, type Host, type Listener, type Socket, type Status } from './client';

/** A socket that a test plays the server of. */
class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((close: { code: number }) => void) | null = null;
  sent: Record<string, unknown>[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {
    this.closed = true;
  }
  say(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  event(position: number): void {
    this.say({ type: 'event', channel: 'orders', position, event: { position } });
  }
}

let sockets: FakeSocket[];
let timers: { at: number; run: () => void }[];
let now: number;
let tickets: (string | null | Error)[];
let seen: { statuses: Status[]; positions: number[]; snapshots: string[]; refetches: number; lost: number };
let client: StreamClient;

const settle = () => new Promise((resume) => setImmediate(resume));
const socket = () => sockets[sockets.length - 1] as FakeSocket;

async function pass(milliseconds: number): Promise<void> {
  now += milliseconds;
  for (const timer of timers.filter(({ at }) => at <= now)) {
    timers = timers.filter((other) => other !== timer);
    timer.run();
  }
  await settle();
}

/** Opens the newest socket and answers up to the subscription. */
function greet(position: number): void {
  socket().onopen?.();
  socket().say({ type: 'authenticated', user: 'demo', permissions: [], heartbeat_seconds: 5 });
  socket().say({ type: 'subscribed', channels: ['orders'], position });
}

beforeEach(async () => {
  sockets = [];
  timers = [];
  now = 0;
  tickets = [];
  seen = { statuses: [], positions: [], snapshots: [], refetches: 0, lost: 0 };
  const host: Host = {
    ticket: () => {
      const next = tickets.shift() ?? (tickets.length === 0 ? 'ticket' : null);
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    open: () => {
      sockets.push(new FakeSocket());
      return socket();
    },
    random: () => 0,
    after: (milliseconds, run) => {
      const timer = { at: now + milliseconds, run };
      timers.push(timer);
      return () => (timers = timers.filter((other) => other !== timer));
    },
  };
  const listener: Listener = {
    status: (status) => seen.statuses.push(status),
    alive: () => {},
    snapshot: (channel) => seen.snapshots.push(channel),
    event: (event: Event) => seen.positions.push(event.position),
    refetch: () => (seen.refetches += 1),
    sessionLost: () => (seen.lost += 1),
  };
  client = new StreamClient(host, listener);
  client.start(['orders']);
  await settle();
});

describe('stream client', () => {
  it('authenticates by ticket, subscribes without a position, then is live', () => {
    greet(10);
    expect(socket().sent).toEqual([
      { type: 'authenticate', ticket: 'ticket' },
      { type: 'subscribe', channels: ['orders'] },
    ]);
    expect(seen.statuses.at(-1)).toBe('live');
    expect(seen.refetches).toBe(1);
  });

  it('hands each event on once, in order', () => {
    greet(10);
    for (const position of [9, 11, 12, 12, 11, 13]) socket().event(position);
    expect(seen.positions).toEqual([11, 12, 13]);
  });

  it('asks for what follows the last position after a break', async () => {
    greet(10);
    socket().event(14);
    socket().say({ type: 'heartbeat', position: 20, time: '' });
    socket().onclose?.({ code: 1006 });
    expect(seen.statuses.at(-1)).toBe('waiting');
    await pass(500);
    expect(sockets.length).toBe(2);
    greet(20);
    expect(socket().sent[1]).toEqual({ type: 'subscribe', channels: ['orders'], from_position: 20 });
    socket().event(21);
    expect(seen.positions).toEqual([14, 21]);
    expect(seen.refetches).toBe(1);
  });

  it('counts 15 s of silence as a break', async () => {
    greet(10);
    await pass(14_000);
    socket().say({ type: 'heartbeat', position: 11, time: '' });
    await pass(14_000);
    expect(socket().closed).toBe(false);
    await pass(1_000);
    expect(socket().closed).toBe(true);
    expect(seen.statuses.at(-1)).toBe('waiting');
  });

  it('waits longer after each failure, and starts small again after a success', async () => {
    socket().onclose?.({ code: 1006 });
    tickets = [new Error('refused'), new Error('refused'), 'ticket'];
    for (const wait of [250, 500, 1_000]) {
      await pass(wait - 1);
      const before = tickets.length;
      await pass(1);
      expect(tickets.length).toBe(before - 1);
    }
    greet(3);
    socket().onclose?.({ code: 1006 });
    expect(timers.map(({ at }) => at - now)).toEqual([250]);
  });

  it('gives up when the session is gone', async () => {
    greet(10);
    tickets = [null, 'unused'];
    socket().onclose?.({ code: 4401 });
    await pass(500);
    expect(seen.lost).toBe(1);
    expect(seen.statuses.at(-1)).toBe('stopped');
    client.hurry();
    await settle();
    expect(sockets.length).toBe(1);
  });

  it('fetches again after a reset, and goes on from its position', () => {
    greet(10);
    socket().say({ type: 'reset', reason: 'too_far_behind', position: 500 });
    socket().say({ type: 'snapshot', channel: 'orders', position: 500, items: [] });
    socket().event(499);
    socket().event(501);
    expect(seen.refetches).toBe(2);
    expect(seen.snapshots).toEqual(['orders']);
    expect(seen.positions).toEqual([501]);
  });

  it('starts over when the log is another one', async () => {
    greet(1_000);
    socket().onclose?.({ code: 1006 });
    await pass(500);
    greet(40);
    expect(socket().sent.at(-1)).toEqual({ type: 'subscribe', channels: ['orders'] });
    socket().say({ type: 'subscribed', channels: ['orders'], position: 40 });
    socket().event(41);
    expect(seen.positions).toEqual([41]);
    expect(seen.refetches).toBe(2);
  });

  it('drops the position that a server does not accept', async () => {
    greet(1_000);
    socket().onclose?.({ code: 4400 });
    await pass(500);
    greet(5);
    expect(socket().sent.at(-1)).toEqual({ type: 'subscribe', channels: ['orders'] });
  });

  it('drops a connection that talks nonsense', () => {
    greet(10);
    socket().onmessage?.({ data: 'hello' });
    expect(seen.statuses.at(-1)).toBe('waiting');
  });

  it('says nothing any more after a stop', async () => {
    greet(10);
    const stopped = socket();
    client.stop();
    stopped.event(11);
    stopped.onclose?.({ code: 1000 });
    await pass(60_000);
    expect(seen.positions).toEqual([]);
    expect(sockets.length).toBe(1);
  });
});

describe('backoff', () => {
  it('doubles from half a second to fifteen, spread over the upper half', () => {
    expect([0, 1, 2, 5, 50].map((attempt) => backoffMs(attempt, 0))).toEqual([250, 500, 1_000, 7_500, 7_500]);
    expect(backoffMs(0, 0.999)).toBe(500);
    expect(backoffMs(50, 0.999)).toBeLessThanOrEqual(15_000);
  });
});
