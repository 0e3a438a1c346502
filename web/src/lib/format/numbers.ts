// How amounts look. Both languages of the dashboard group digits by three with a comma. A minus is
// U+2212, as wide as a plus, so that columns line up. What is missing or unreadable is a dash.
import { absolute, parse, round, signOf, toText, trim, type Decimal } from './decimal';

export const MISSING = '–';

type Text = string | null | undefined;

function group(value: Decimal): string {
  const [whole = '', fraction] = toText(absolute(value)).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function show(text: Text, shape: (value: Decimal) => Decimal, plus = false): string {
  const value = typeof text === 'string' ? parse(text) : null;
  if (value === null) return MISSING;
  const shaped = shape(value);
  const sign = signOf(shaped);
  return (sign < 0 ? '−' : sign > 0 && plus ? '+' : '') + group(shaped);
}

/** Money with two decimals: 1,234.50 */
export function money(text: Text): string {
  return show(text, (value) => round(value, 2));
}

/** Money with its sign always written: +12.00, −3.50, 0.00 */
export function signedMoney(text: Text): string {
  return show(text, (value) => round(value, 2), true);
}

/** A price: two to four decimals, as many as it has. */
export function price(text: Text): string {
  return show(text, (value) => {
    const short = trim(round(value, 4));
    return short.scale < 2 ? round(short, 2) : short;
  });
}

/** A quantity: no more decimals than it needs. */
export function quantity(text: Text): string {
  return show(text, trim);
}

/** A share as per cent: "0.0123" is 1.23% */
export function percent(text: Text, places = 2, plus = false): string {
  const shown = show(
    text,
    (value) => round({ units: value.units * 100n, scale: value.scale }, places),
    plus,
  );
  return shown === MISSING ? shown : `${shown}%`;
}

/** -1, 0 or 1; 0 for what cannot be read. */
export function sign(text: Text): -1 | 0 | 1 {
  const value = typeof text === 'string' ? parse(text) : null;
  return value === null ? 0 : signOf(value);
}

/** CSS class of a gain or a loss. The sign is always written as well. */
export function toneOf(text: Text): string {
  return ['text-loss', '', 'text-gain'][sign(text) + 1] ?? '';
}
