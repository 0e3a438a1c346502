import { beforeEach, describe, expect, it } from 'vitest';
import { Refresher, SPACING_MS } from './refresher';

let now: number;
let timers: { at: number; run: () => void }[];
let started: { name: string; at: number }[];
let refresher: Refresher;

const settle = () => new Promise((resume) => setImmediate(resume));

async function pass(milliseconds: number): Promise<void> {
  const end = now + milliseconds;
  for (;;) {
    await settle();
    const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
    if (next === undefined) break;
    timers = timers.filter((timer) => timer !== next);
    now = Math.max(now, next.at);
    next.run();
  }
  now = end;
}

const fetched = (name: string, worked = true) => () => {
  started.push({ name, at: now });
  return Promise.resolve(worked);
};

beforeEach(() => {
  now = 0;
  timers = [];
  started = [];
  refresher = new Refresher({
    now: () => now,
    after(milliseconds, run) {
      const timer = { at: now + milliseconds, run };
      timers.push(timer);
      return () => (timers = timers.filter((other) => other !== timer));
    },
  });
});

describe('refresher', () => {
  it('keeps under eight requests a second however often it is told', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) refresher.register(name, fetched(name), 100);
    for (let tick = 0; tick < 100; tick += 1) {
      refresher.markAll();
      await pass(100);
    }
    expect(started.length).toBeGreaterThan(60);
    expect(started.length).toBeLessThan(80);
    const gaps = started.slice(1).map(({ at }, index) => at - (started[index]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(SPACING_MS);
    // Everyone gets a turn.
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      expect(started.filter((start) => start.name === name).length).toBeGreaterThan(5);
    }
  });

  it('respects the shortest time between two fetches of one resource', async () => {
    refresher.register('slow', fetched('slow'), 2_000);
    for (let tick = 0; tick < 60; tick += 1) {
      refresher.mark('slow');
      await pass(100);
    }
    expect(started.map(({ at }) => at)).toEqual([0, 2_000, 4_000, 6_000]);
  });

  it('does not let a resource that has to wait hold up another', async () => {
    refresher.register('slow', fetched('slow'), 5_000);
    refresher.register('killSwitches', fetched('killSwitches'), 0, true);
    refresher.mark('slow');
    await pass(1_000);
    refresher.mark('slow');
    await pass(100);
    refresher.mark('killSwitches');
    await pass(300);
    expect(started.map(({ name }) => name)).toEqual(['slow', 'killSwitches']);
  });

  it('fetches once more when something changed while it was fetching', async () => {
    let answer: (worked: boolean) => void = () => {};
    let fetches = 0;
    const fetch = () => {
      fetches += 1;
      return new Promise<boolean>((resolve) => (answer = resolve));
    };
    refresher.register('orders', fetch, 0);
    refresher.mark('orders');
    await pass(1_000);
    refresher.mark('orders');
    await pass(5_000);
    expect(fetches).toBe(1);
    answer(true);
    await pass(1_000);
    expect(fetches).toBe(2);
  });

  it('lets the urgent go first', async () => {
    refresher.register('equity', fetched('equity'), 0);
    refresher.register('killSwitches', fetched('killSwitches'), 0, true);
    refresher.mark('equity', 'killSwitches');
    await pass(1_000);
    expect(started.map(({ name }) => name)).toEqual(['killSwitches', 'equity']);
  });

  it('tries again after a failure, later', async () => {
    let works = false;
    refresher.register('a', () => fetched('a', works)(), 0);
    refresher.mark('a');
    await pass(1_900);
    expect(started.length).toBe(1);
    works = true;
    await pass(10_000);
    expect(started.map(({ at }) => at)).toEqual([0, 2_000]);
  });

  it('ignores what is not registered, and starts nothing after a stop', async () => {
    refresher.register('a', fetched('a'), 0);
    refresher.mark('unknown');
    await pass(1_000);
    refresher.mark('a');
    refresher.stop();
    await pass(10_000);
    expect(started).toEqual([]);
  });
});
