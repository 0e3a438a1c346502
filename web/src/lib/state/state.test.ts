// The small pure parts of the state: what is sent, what is kept, what is fetched again.
import { describe, expect, it } from 'vitest';
import type { Event } from '$lib/api/types';
import { append, dayPnlOf, POINTS_MAX } from './equity-points';
import { changedBy } from './routing';
import { gapsBefore, merge, Tape } from './tape.svelte';
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

describe('holes of the tape', () => {
  const events = (...positions: number[]) => positions.map((position) => ({ position, type: 'FillBooked' }) as Event);

  it('stand where following began, at the start and after a break', () => {
    const tape = new Tape();
    tape.follow(events(100, 101));
    tape.follow(events(102));
    tape.add(events(20, 60));
    expect(tape.seams).toEqual([100]);
    tape.breakOff();
    tape.follow(events(500, 501));
    expect(tape.rows.map(({ position }) => position)).toEqual([501, 500, 102, 101, 100, 60, 20]);
    expect(gapsBefore(tape.rows, tape.seams)).toEqual([false, true, false, false, true, false, false]);
  });

  it('show also where the event at their edge is filtered out', () => {
    expect(gapsBefore(events(103, 60), [100])).toEqual([true, false]);
    expect(gapsBefore(events(103), [100])).toEqual([false]);
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

describe('day P&L', () => {
  const point = (day: string, equity: string) => ({ time: `${day}T21:00:00Z`, equity });
  const [before, last] = [point('2004-03-01', '100'), point('2004-03-02', '112.5')];

  it('names the day of the last point', () => {
    expect(dayPnlOf(last, before, '2004-03-02', true)).toEqual({ date: '2004-03-02', change: '12.5', base: '100' });
    expect(dayPnlOf(last, before, '2004-03-03', true)?.date).toBe('2004-03-02');
  });

  it('is zero on a later day without positions, and does not freeze', () => {
    expect(dayPnlOf(last, before, '2004-03-09', false)).toEqual({ date: '2004-03-09', change: '0', base: '112.5' });
    expect(dayPnlOf(last, before, '2004-03-02', false)?.change).toBe('12.5');
  });

  it('is unknown without a day before', () => {
    expect(dayPnlOf(last, null, '2004-03-02', true)).toBeNull();
    expect(dayPnlOf(null, null, '2004-03-02', true)).toBeNull();
  });
});

describe('routing', () => {
  it('fetches what an event changes, and nothing for the rest', () => {
    expect(changedBy('FillBooked')).toEqual(expect.arrayContaining(['openOrders', 'executions', 'portfolio', 'equity']));
    expect(changedBy('OrderInDoubt')).toEqual(['openOrders', 'allOrders']);
    expect(changedBy('CancelRejected')).toEqual(['openOrders', 'allOrders']);
    expect(changedBy('StrategyStarted')).toEqual(['strategies']);
    expect(changedBy('KillSwitchEngaged')).toEqual(['killSwitches']);
    expect(changedBy('NodeStarted')).toEqual([]);
  });
});
