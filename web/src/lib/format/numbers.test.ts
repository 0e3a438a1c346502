import { describe, expect, it } from 'vitest';
import { overwriteGetLocale } from '$paraglide/runtime.js';
import { MISSING, money, percent, price, quantity, sign, signedMoney, toneOf } from './numbers';
import { businessDate, businessTime, duration } from './time';

describe('numbers', () => {
  it('groups digits and rounds to the cent', () => {
    expect(money('209902.4549')).toBe('209,902.45');
    expect(money('1000000')).toBe('1,000,000.00');
    expect(money('999')).toBe('999.00');
    expect(money('-1234.5')).toBe('−1,234.50');
  });

  it('writes the sign of a gain, and none on a rounded zero', () => {
    expect(signedMoney('12')).toBe('+12.00');
    expect(signedMoney('-12')).toBe('−12.00');
    expect(signedMoney('-0.004')).toBe('0.00');
  });

  it('shows a dash for what is missing, never a zero', () => {
    for (const text of [null, undefined, '', 'NaN']) expect(money(text)).toBe(MISSING);
    expect(percent(null)).toBe(MISSING);
  });

  it('gives prices two to four decimals, quantities none too many', () => {
    expect(price('104.5')).toBe('104.50');
    expect(price('1.7818')).toBe('1.7818');
    expect(price('1.78185')).toBe('1.7818');
    expect(quantity('1534.000')).toBe('1,534');
  });

  it('turns shares into per cent', () => {
    expect(percent('0.015234')).toBe('1.52%');
    expect(percent('-0.2079')).toBe('−20.79%');
    expect(percent('0.01', 1, true)).toBe('+1.0%');
  });

  it('colours by sign', () => {
    expect([sign('-0.01'), sign('0.00'), sign('3')]).toEqual([-1, 0, 1]);
    expect([toneOf('-1'), toneOf('0'), toneOf('1')]).toEqual(['text-loss', '', 'text-gain']);
  });
});

describe('time', () => {
  it('takes business time as it stands, in UTC', () => {
    expect(businessDate('2004-03-02T21:00:05.123456Z')).toBe('2004-03-02');
    expect(businessTime('2004-03-02T21:00:05.123456Z')).toBe('2004-03-02 21:00:05');
  });

  it('writes lengths with a unit that fits', () => {
    expect([0, 999, 1_500, 45_000, 150_000, 8_000_000, 200_000_000].map(duration)).toEqual([
      '0 ms', '999 ms', '1.5 s', '45 s', '3 min', '2 h', '2 d',
    ]);
    expect(duration(-5)).toBe('0 ms');
    overwriteGetLocale(() => 'zh');
    expect([3, 1_500, 150_000, 8_000_000, 200_000_000].map(duration)).toEqual(['3 毫秒', '1.5 秒', '3 分钟', '2 小时', '2 天']);
    overwriteGetLocale(() => 'en');
  });
});
