import { describe, expect, it } from 'vitest';
import { readAmount } from './amount';

describe('an amount as it is typed', () => {
  it('is sent as it stands, without the commas that group it', () => {
    const read = { '100': '100', ' 1,000 ': '1000', '12,345.67': '12345.67', '1,234,567': '1234567', '70.1050': '70.1050', '+5': '5', '0.5': '0.5' };
    for (const [typed, text] of Object.entries(read)) expect(readAmount(typed), typed).toEqual({ text, mistake: null });
  });

  it('is never multiplied by a decimal comma', () => {
    for (const typed of ['68,5', '1,5', '1,2345', '0,500', '1234,567', '1,23,456', '1.234,5', ',5', '1,', '1,,000']) {
      expect(readAmount(typed), typed).toEqual({ text: null, mistake: 'comma' });
    }
  });

  it('may be full-width', () => {
    expect(readAmount('１，２３４．５').text).toBe('1234.5');
    expect(readAmount('－５').mistake).toBe('not_positive');
    expect(readAmount('６８，５').mistake).toBe('comma');
  });

  it('says what is wrong with it', () => {
    const mistakes = { '': 'missing', '  ': 'missing', '0': 'not_positive', '0.00': 'not_positive', '-5': 'not_positive', '−5': 'not_positive', abc: 'no_number', '1e3': 'no_number', '1.2.3': 'no_number', '1 000': 'no_number', '.5': 'no_number', '5-': 'no_number' };
    for (const [typed, mistake] of Object.entries(mistakes)) expect(readAmount(typed).mistake, typed).toBe(mistake);
  });
});
