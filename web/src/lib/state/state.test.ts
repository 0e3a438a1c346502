// The small pure parts of the state: what is sent, what is kept, what is fetched again.
import { describe, expect, it } from 'vitest';
import type { Event } from '$lib/api/types';
import { append, POINTS_MAX } from './equity-points';
import { changedBy } from './routing';
import { merge } from './tape.svelte';
import { orderFrom, type Fields } from './ticket.svelte';

const FIELDS: Fields = { symbol: 'IBM', side: 'buy', quantity: '100', type: 'market', limitPrice: '', timeInForce: 'day' };

describe('order ticket', () => {
  it('sends amounts as they were typed, as text', () => {
    expect(orderFrom({ ...FIELDS, quantity: ' 1,000 ' }, 'demo')).toEqual({
      account: 'demo', symbol: 'IBM', side: 'buy', quantity: '1000', type: 'market', time_in_force: 'day',
    });
    const limit = orderFrom({ ...FIELDS, type: 'limit', limitPrice: '70.1050' }, 'demo');
    expect(limit?.limit_price).toBe('70.1050');
  });

  it('never sends a limit price with a market order', () => {
    expect(orderFrom({ ...FIELDS, limitPrice: '70' }, 'demo')).not.toHaveProperty('limit_price');
  });

  it('is no order while something is missing or no number above zero', () => {
    for (const quantity of ['', '0', '-5', 'abc', '1e3', '1.2.3', '68,5', '1,2345']) {
      expect(orderFrom({ ...FIELDS, quantity }, 'demo'), quantity).toBeNull();
    }
    expect(orderFrom({ ...FIELDS, type: 'limit' }, 'demo')).toBeNull();
    expect(orderFrom(FIELDS, '')).toBeNull();
    expect(orderFrom({ ...FIELDS, symbol: '' }, 'demo')).toBeNull();
  });
});

describe('tape', () => {
  const event = (position: number, type: string) => ({ position, type }) as Event;

  it('is newest first, each event once', () => {
    const rows = merge([event(5, 'FillBooked')], [event(4, 'OrderApproved'), event(6, 'FillBooked'), event(5, 'FillBooked')]);
    expect(rows.map(({ position }) => position)).toEqual([6, 5, 4]);
  });

  it('is bounded, and prices push nothing else out', () => {
    const prices = Array.from({ length: 5_000 }, (_, index) => event(index + 10, 'PriceMarked'));
    const rows = merge([event(1, 'OrderRefused')], prices);
    expect(rows.length).toBe(61);
    expect(rows.at(-1)?.type).toBe('OrderRefused');
    expect(rows[0]?.position).toBe(5_009);
    const fills = Array.from({ length: 500 }, (_, index) => event(index, 'FillBooked'));
    expect(merge([], fills).length).toBe(200);
  });
});

describe('equity curve', () => {
  it('stays bounded, keeps both ends, and thins only the older half', () => {
    const points = append<number>([], Array.from({ length: POINTS_MAX + 1 }, (_, index) => index));
    expect(points.length).toBeLessThanOrEqual(POINTS_MAX);
    expect(points[0]).toBe(0);
    expect(points.slice(-1_000)).toEqual(Array.from({ length: 1_000 }, (_, index) => POINTS_MAX + 1 - 1_000 + index));
    expect([...points].sort((a, b) => a - b)).toEqual(points);
  });
});

describe('routing', () => {
  it('fetches what an event changes, and nothing for the rest', () => {
    expect(changedBy('FillBooked')).toEqual(expect.arrayContaining(['openOrders', 'executions', 'positions', 'equity']));
    expect(changedBy('OrderInDoubt')).toEqual(['openOrders', 'allOrders']);
    expect(changedBy('CancelRejected')).toEqual(['openOrders', 'allOrders']);
    expect(changedBy('StrategyStarted')).toEqual(['strategies']);
    expect(changedBy('KillSwitchEngaged')).toEqual(['killSwitches']);
    expect(changedBy('NodeStarted')).toEqual([]);
  });
});
