// Risk checks in the chosen language: a name, what it is called once it failed, and a reason for refusal by code, and limit and observed
// value in their unit. A check that is not known here (a newer server) keeps the server's words.
import type { Check, CheckCode } from '$lib/api/types';
import { m } from '$paraglide/messages.js';
import { MISSING, money, percent, quantity } from './numbers';
import { duration } from './time';
import { known, scopeText, sideName } from './labels';

/** What the sentences are made with; each takes what it needs. */
interface Figures {
  check: string;
  limit: string;
  observed: string;
}

interface Words {
  name: () => string;
  /** In a word or two, once it failed: the name says what passes. */
  failed: () => string;
  /** Why it refused. */
  refused: (figures: Figures) => string;
  /** The same where there is no limit, or nothing was observed. */
  unlimited?: (figures: Figures) => string;
  unseen?: (figures: Figures) => string;
}

/** A check that fails closed: without a limit, or without a figure to compare, nothing passes. */
function bounded(name: Words['name'], failed: Words['failed'], refused: Words['refused']): Words {
  return { name, failed, refused, unlimited: m.refusal_no_limit, unseen: m.refusal_unknown };
}

/** A check whose limit is a rule of the instrument. */
function ruled(name: Words['name'], failed: Words['failed'], refused: Words['refused']): Words {
  return { name, failed, refused, unlimited: m.refusal_no_instrument };
}

const CHECKS: Record<CheckCode, Words> = {
  account_open: { name: m.check_account_open, failed: m.failed_account_open, refused: m.refusal_account_open },
  no_halt: { name: m.check_no_halt, failed: m.failed_no_halt, refused: m.refusal_no_halt },
  strategy_running: { name: m.check_strategy_running, failed: m.failed_strategy_running, refused: m.refusal_strategy_running },
  instrument_listed: { name: m.check_instrument_listed, failed: m.failed_instrument_listed, refused: m.refusal_instrument_listed },
  quantity_valid: ruled(m.check_quantity_valid, m.failed_quantity_valid, m.refusal_quantity_valid),
  price_valid: ruled(m.check_price_valid, m.failed_price_valid, m.refusal_price_valid),
  reference_fresh: { ...bounded(m.check_reference_fresh, m.failed_reference_fresh, m.refusal_reference_fresh), unseen: m.refusal_no_reference },
  price_collar: bounded(m.check_price_collar, m.failed_price_collar, m.refusal_price_collar),
  max_order_notional: bounded(m.check_max_order_notional, m.failed_max_order_notional, m.refusal_max_order_notional),
  max_position: bounded(m.check_max_position, m.failed_max_position, m.refusal_max_position),
  short_sale: { ...bounded(m.check_short_sale, m.failed_short_sale, m.refusal_short_sale), unlimited: m.refusal_unknown },
  buying_power: { ...bounded(m.check_buying_power, m.failed_buying_power, m.refusal_buying_power), unlimited: m.refusal_unknown },
};

export function checkName(code: string): string {
  return known(CHECKS, code)?.name() ?? code;
}

/** What a failed check is announced by. */
export function checkFailure(code: string): string {
  return known(CHECKS, code)?.failed() ?? code;
}

/** The sentence for a check that refused an order. */
export function refusalSentence(check: Check): string {
  const words = known(CHECKS, check.code);
  if (words === undefined) return check.message;
  const unseen = typeof check.observed !== 'string' ? words.unseen : undefined;
  const unlimited = typeof check.limit !== 'string' ? words.unlimited : undefined;
  const sentence = unseen ?? unlimited ?? words.refused;
  return sentence({
    check: words.name(),
    limit: checkValue(check.code, check.limit),
    observed: checkValue(check.code, check.observed),
  });
}

/** A limit or observed value as text in the reader's language. */
export function checkValue(code: string, value: string | null | undefined): string {
  if (value === null || value === undefined) return MISSING;
  if (/^-?\d+(\.\d+)?$/.test(value)) return amount(code, value);
  return words(value);
}

function amount(code: string, value: string): string {
  if (code === 'price_collar') return percent(value);
  if (code === 'max_order_notional' || code === 'buying_power') return money(value);
  if (code === 'reference_fresh') return duration(Number(value) * 1000);
  return quantity(value);
}

/** The few phrases that the server writes into a value. */
function words(value: string): string {
  if (value === 'market') return m.type_market();
  if (value === 'buy' || value === 'sell') return sideName(value);
  const decimals = /^above 0, (\d+) decimals$/.exec(value)?.[1];
  if (decimals !== undefined) return m.check_decimals({ decimals });
  const halt = /^kill switch: (\S+)(?: (.+))?$/.exec(value);
  if (halt) return m.check_halted({ scope: scopeText(halt[1] ?? '', halt[2]) });
  const running = /^(\S+) (not started|started)$/.exec(value);
  if (running?.[2] === 'started') return m.check_started({ strategy: running[1] ?? '' });
  if (running) return m.check_not_started({ strategy: running[1] ?? '' });
  return value;
}
