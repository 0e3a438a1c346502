import { describe, expect, it } from 'vitest';
import { axisLabels } from './axis';

const DAY = 86_400;
const at = (...times: string[]) => times.map((time) => Date.parse(time) / 1_000);
const [english, chinese] = [axisLabels('en'), axisLabels('zh')];

describe('axis of time', () => {
  it('names years, months and days in the language of the page', () => {
    const years = at('2000-01-01', '2001-01-01');
    expect(english.times(years, 366 * DAY)).toEqual(['2000', '2001']);
    expect(chinese.times(years, 366 * DAY)).toEqual(['2000年', '2001年']);

    const months = at('2000-07-01', '2000-11-01', '2001-03-01', '2001-07-01');
    expect(english.times(months, 120 * DAY)).toEqual(['Jul 2000', 'Nov', 'Mar 2001', 'Jul']);
    expect(chinese.times(months, 120 * DAY)).toEqual(['2000年7月', '11月', '2001年3月', '7月']);

    const days = at('2000-12-24', '2000-12-31', '2001-01-07');
    expect(english.times(days, 7 * DAY)).toEqual(['Dec 24, 2000', 'Dec 31', 'Jan 7, 2001']);
    expect(chinese.times(days, 7 * DAY)).toEqual(['2000年12月24日', '12月31日', '2001年1月7日']);
  });

  it('names the hour in UTC, wherever it is read, and the day where it changes', () => {
    const hours = at('2000-03-01T18:00Z', '2000-03-01T21:00Z', '2000-03-02T00:00Z');
    expect(english.times(hours, 10_800)).toEqual(['Mar 1', '21:00', 'Mar 2']);
    expect(chinese.times(hours, 10_800)).toEqual(['3月1日', '21:00', '3月2日']);
  });
});

describe('axis of amounts', () => {
  it('shortens as the language counts: thousands and millions, or ten thousands', () => {
    const amounts = [950, 100_000, 105_000, 100_250, 1_250_000, -20_000];
    expect(amounts.map(english.amount)).toEqual(['950', '100K', '105K', '100.25K', '1.25M', '-20K']);
    expect(amounts.map(chinese.amount)).toEqual(['950', '10万', '10.5万', '10.025万', '125万', '-2万']);
  });

  it('keeps close ticks apart', () => {
    expect([1_000_000, 1_000_010].map(english.amount)).toEqual(['1M', '1.00001M']);
  });
});
