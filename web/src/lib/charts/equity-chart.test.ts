import { describe, expect, it, vi } from 'vitest';
import type { EquityPoint } from '$lib/api/types';
import { onTheDataClock, shortAmount } from './equity-chart';

// The plot itself needs a browser.
vi.mock('uplot', () => ({ default: class {} }));

const at = (time: string): EquityPoint => ({ time, position: 1, cash: '1', market_value: '0', equity: '1', drawdown: '0' });

describe('equity chart', () => {
  it('leaves out what happened before the data clock was set, unless there is nothing else', () => {
    const funded = at('1970-01-01T00:00:00Z');
    const first = at('2000-03-01T21:00:00Z');
    expect(onTheDataClock([funded, first])).toEqual([first]);
    expect(onTheDataClock([funded])).toEqual([funded]);
    expect(onTheDataClock([])).toEqual([]);
  });

  it('labels the axis shortly, with as many digits as its steps need', () => {
    expect([100_000, 105_000].map((value) => shortAmount(value, 5_000))).toEqual(['100k', '105k']);
    expect(shortAmount(100_250, 250)).toBe('100.3k');
    expect(shortAmount(1_250_000, 50_000)).toBe('1.25M');
    expect(shortAmount(950, 10)).toBe('950');
  });
});
