// What the header and the positions show is one answer of the server, and the newest.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Portfolio } from './portfolio.svelte';

const server = vi.hoisted(() => ({ asked: [] as string[], answers: [] as unknown[] }));

vi.mock('$lib/api/client', async (original) => ({
  ...(await original<object>()),
  ask: (answer: unknown) => Promise.resolve(answer),
  api: {
    GET: (path: string, { params }: { params: { path: { account: string } } }) => {
      server.asked.push(path.replace('{account}', params.path.account));
      return server.answers.shift();
    },
  },
}));

const point = (day: string, equity: string) => ({ time: `${day}T21:00:00Z`, equity });
const at = (position: number, more: object = {}) => ({
  ok: true,
  data: { position, time: '2004-03-02T21:00:00Z', account: { cash: '40' }, point: null, day_base: null, positions: [], positions_total: 0, ...more },
});

let portfolio: Portfolio;
beforeEach(() => {
  server.asked = [];
  portfolio = new Portfolio();
  portfolio.show('demo');
});

async function answered(...answers: unknown[]): Promise<void> {
  server.answers = answers;
  while (server.answers.length > 0) await portfolio.refresh();
}

describe('portfolio', () => {
  it('is one request and one answer, figures and positions together', async () => {
    const positions = [{ symbol: 'IBM', market_value: '72.5' }];
    await answered(at(9, { positions, positions_total: 1, point: point('2004-03-02', '112.5'), day_base: point('2004-03-01', '100') }));
    expect(server.asked).toEqual(['/api/v1/accounts/demo/portfolio']);
    expect(portfolio.now?.positions).toEqual(positions);
    expect(portfolio.today).toBe('2004-03-02');
    expect(portfolio.day).toEqual({ date: '2004-03-02', change: '12.5', base: '100' });
  });

  it('is not replaced by an older one, but for a log that starts over', async () => {
    await answered(at(9), at(7));
    expect(portfolio.now?.position).toBe(9);
    portfolio.startOver();
    await answered(at(3), at(2));
    expect(portfolio.now?.position).toBe(3);
  });

  it('stays whole when a request fails, and asks again unless that is in vain', async () => {
    await answered(at(9));
    server.answers = [{ ok: false, failure: { kind: 'problem', problem: { status: 503, code: 'read_model_behind', title: '' }, retryAfterSeconds: 1 } }];
    expect(await portfolio.refresh()).toBe(false);
    expect(portfolio.now?.position).toBe(9);
    expect(portfolio.failure).not.toBeNull();
  });

  it('is not that of another account', async () => {
    await answered(at(9));
    portfolio.show('other');
    expect(portfolio.now).toBeNull();
  });
});
