// An amount as a person types it. A comma may only group thousands: read as a decimal comma by the
// one and as nothing by the other, it would make 68,5 ten times as much.

export type Mistake = 'missing' | 'comma' | 'not_positive' | 'no_number';
export type Amount = { text: string; mistake: null } | { text: null; mistake: Mistake };

const PLAIN = /^\+?(\d+(?:\.\d+)?)$/;
const GROUPED = /^\+?([1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?)$/;

const wrong = (mistake: Mistake): Amount => ({ text: null, mistake });

/** The amount as the server takes it, or what is wrong with it. Full-width characters are read too. */
export function readAmount(typed: string): Amount {
  const plain = typed.normalize('NFKC').replaceAll('−', '-').trim();
  if (plain === '') return wrong('missing');
  if (/^-(\d|\.)/.test(plain)) return wrong('not_positive');
  const text = (PLAIN.exec(plain) ?? GROUPED.exec(plain))?.[1]?.replaceAll(',', '');
  if (text === undefined) return wrong(/^\+?[\d.,]*,[\d.,]*$/.test(plain) ? 'comma' : 'no_number');
  return /[1-9]/.test(text) ? { text, mistake: null } : wrong('not_positive');
}
