import { describe, expect, it, vi } from 'vitest';
import type { EquityPoint } from '$lib/api/types';
import { onTheDataClock } from './equity-chart';

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
});
