// Risk checks in the chosen language: a name by code, and limit and observed value in their unit.
import type { Check } from '$lib/api/types';
import { m } from '$paraglide/messages.js';
import { MISSING, money, percent, quantity } from './numbers';
import { duration } from './time';
import { scopeText, sideName } from './labels';

const NAMES: Record<string, () => string> = {
  account_open: m.check_account_open,
  no_halt: m.check_no_halt,
  strategy_running: m.check_strategy_running,
  instrument_listed: m.check_instrument_listed,
  quantity_valid: m.check_quantity_valid,
  price_valid: m.check_price_valid,
  reference_fresh: m.check_reference_fresh,
  price_collar: m.check_price_collar,
  max_order_notional: m.check_max_order_notional,
  max_position: m.check_max_position,
  short_sale: m.check_short_sale,
  buying_power: m.check_buying_power,
};

export function checkName(code: string): string {
  return NAMES[code]?.() ?? code;
}

/** The sentence for a check that refused an order. */
export function refusalSentence(check: Check): string {
  const limit = checkValue(check.code, check.limit);
  const observed = checkValue(check.code, check.observed);
  if (typeof check.limit !== 'string') {
    return m.refusal_observed({ check: checkName(check.code), observed });
  }
  return m.refusal_limit({ check: checkName(check.code), limit, observed });
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
