import { describe, expect, it } from 'vitest';
import { absolute, add, compare, divide, multiply, parse, round, subtract, toText, trim } from './decimal';

const d = (text: string) => {
  const value = parse(text);
  if (value === null) throw new Error(`not a decimal: ${text}`);
  return value;
};

describe('decimal', () => {
  it('keeps every digit that a floating-point number would lose', () => {
    expect(toText(add(d('0.1'), d('0.2')))).toBe('0.3');
    expect(toText(add(d('9007199254740993.0001'), d('0.0001')))).toBe('9007199254740993.0002');
    expect(toText(multiply(d('1.0000001'), d('1.0000001')))).toBe('1.00000020000001');
  });

  it('reads only plain decimals', () => {
    for (const text of ['', '-', '.5', '5.', '1e3', '1,000', 'NaN', '--1', '0x10', '1.2.3']) {
      expect(parse(text), text).toBeNull();
    }
    expect(toText(d('-0.50'))).toBe('-0.50');
  });

  it('rounds half to even on both sides of zero', () => {
    const rounded = (text: string, places: number) => toText(round(d(text), places));
    expect(rounded('0.125', 2)).toBe('0.12');
    expect(rounded('0.135', 2)).toBe('0.14');
    expect(rounded('-0.125', 2)).toBe('-0.12');
    expect(rounded('-0.1251', 2)).toBe('-0.13');
    expect(rounded('2.5', 0)).toBe('2');
    expect(rounded('7', 2)).toBe('7.00');
  });

  it('divides half-even and refuses zero', () => {
    const quotient = divide(d('1'), d('3'), 4);
    expect(quotient && toText(quotient)).toBe('0.3333');
    const negative = divide(d('-2.5'), d('0.5'), 0);
    expect(negative && toText(negative)).toBe('-5');
    expect(divide(d('1'), d('0.00'), 2)).toBeNull();
  });

  it('compares across scales, subtracts, trims', () => {
    expect(compare(d('1.50'), d('1.5'))).toBe(0);
    expect(compare(d('-1'), d('0.001'))).toBe(-1);
    expect(toText(subtract(d('100'), d('0.01')))).toBe('99.99');
    expect(toText(trim(d('1.500')))).toBe('1.5');
    expect(toText(trim(d('100')))).toBe('100');
    expect(toText(absolute(d('-0.07')))).toBe('0.07');
  });
});
