// What is wrong with a field, in the chosen language. The server names the field, what it found and
// what is allowed; the last is one of a few English phrases, which are known here. A phrase that is
// not known (a newer server) leaves the server's own sentence.
import type { BodyField, Check, FieldError } from '$lib/api/types';
import { m } from '$paraglide/messages.js';
import { getLocale } from '$paraglide/runtime.js';
import { refusalSentence } from './checks';
import { known, lookUp, wordOfOrder } from './labels';

const NAMES: Record<BodyField, () => string> = {
  account: m.account,
  symbol: m.symbol,
  side: m.side,
  quantity: m.quantity,
  type: m.type,
  limit_price: m.limit_price,
  time_in_force: m.time_in_force,
  client_order_id: m.field_client_order_id,
  venue: m.field_venue,
  scope: m.kill_scope,
  key: m.field_key,
  cause: m.kill_cause,
  reason: m.field_reason,
  user: m.login_user,
  password: m.login_password,
};

/** By the phrase as the server writes it. */
export const ALLOWED: Record<string, () => string> = {
  'a decimal above 0, written as a string': m.allowed_decimal,
  '1 to 128 letters, digits and . _ : -': m.allowed_id,
  'nothing, or type limit': m.allowed_no_price,
  'nothing for scope firm': m.allowed_no_key,
  'an account of GET /api/v1/accounts': m.allowed_account,
  'a venue named in the detail': m.allowed_venue,
  'an id not used before, or none': m.allowed_new_id,
  'an account, strategy, instrument or venue that exists, by its id': m.allowed_existing,
};

/** What is allowed, in the chosen language; null for a phrase that is not known. */
export function allowedText(phrase: string): string | null {
  const characters = /^1 to (\d+) characters$/.exec(phrase)?.[1];
  if (characters !== undefined) return m.allowed_characters({ max: characters });
  const bytes = /^a string of 1 to (\d+) bytes$/.exec(phrase)?.[1];
  if (bytes !== undefined) return m.allowed_bytes({ max: bytes });
  return known(ALLOWED, phrase)?.() ?? oneOf(phrase.split(', '));
}

/** "Buy or Sell" for the words of the protocol. */
function oneOf(words: string[]): string | null {
  const texts = words.map(wordOfOrder);
  const list = new Intl.ListFormat(getLocale(), { type: 'disjunction' });
  return texts.every((text) => text !== null) ? list.format(texts) : null;
}

/** Beside its field. `checks` are those of the refusal that the error came with. */
export function fieldSentence(error: FieldError, checks: Check[]): string {
  // The field errors of a refusal repeat the sentences of its checks.
  const check = checks.find(({ message }) => message === error.message);
  if (check !== undefined) return refusalSentence(check);
  const allowed = allowedText(error.allowed);
  if (allowed === null) return `${error.message} (${error.allowed})`;
  const { found } = error;
  return typeof found === 'string' ? m.field_wrong({ found, allowed }) : m.field_needed({ allowed });
}

/** Where the field itself is not to be seen. */
export function namedFieldSentence(error: FieldError, checks: Check[]): string {
  return m.field_named({ field: lookUp(NAMES, error.field), error: fieldSentence(error, checks) });
}
