// Words of the domain in the chosen language. Each map is total over the type it names, so that a
// new value is a compile error here. An unknown value from a newer server is shown as it is.
import type { HaltScope, OrderKind, OrderStatus, Side, StrategyStatus, TimeInForce } from '$lib/api/types';
import { m } from '$paraglide/messages.js';

type Word = () => string;

/** What `words` has for `value`, which may be one of a newer server. */
export function known<K extends string, W>(words: Record<K, W>, value: string): W | undefined {
  return Object.hasOwn(words, value) ? words[value as K] : undefined;
}

export function lookUp<K extends string>(words: Record<K, Word>, value: string): string {
  return known(words, value)?.() ?? value;
}

const SIDES: Record<Side, Word> = { buy: m.side_buy, sell: m.side_sell };
const KINDS: Record<OrderKind, Word> = { market: m.type_market, limit: m.type_limit };
const TIMES: Record<TimeInForce, Word> = { day: m.tif_day, gtc: m.tif_gtc };

const STATUSES: Record<OrderStatus, Word> = {
  pending_new: m.status_pending_new,
  new: m.status_new,
  partially_filled: m.status_partially_filled,
  filled: m.status_filled,
  pending_cancel: m.status_pending_cancel,
  canceled: m.status_canceled,
  rejected: m.status_rejected,
  expired: m.status_expired,
};

const STRATEGY_STATUSES: Record<StrategyStatus, Word> = {
  registered: m.strategy_registered,
  approved: m.strategy_approved,
  running: m.strategy_running,
};

const SCOPES: Record<HaltScope, Word> = {
  firm: m.scope_firm,
  account: m.scope_account,
  strategy: m.scope_strategy,
  instrument: m.scope_instrument,
  venue: m.scope_venue,
};

/** Why a strategy did not act on its signal, by the phrase that it records. */
const SIGNAL_REASONS: Record<string, Word> = {
  'already holds or buys it': m.signal_holds_already,
  'a position has no known price, so equity is unknown': m.signal_price_unknown,
  'the budget buys less than one unit': m.signal_budget_too_small,
  'holds nothing to sell': m.signal_holds_nothing,
};

export const sideName = (side: string): string => lookUp(SIDES, side);
export const kindName = (kind: string): string => lookUp(KINDS, kind);
export const timeInForceName = (time: string): string => lookUp(TIMES, time);
export const statusName = (status: string): string => lookUp(STATUSES, status);
export const strategyStatusName = (status: string): string => lookUp(STRATEGY_STATUSES, status);
export const signalReason = (reason: string): string => lookUp(SIGNAL_REASONS, reason);
export const scopeName = (scope: string): string => lookUp(SCOPES, scope);

/** A word that the fields of an order or a kill switch take; null for any other. */
export function wordOfOrder(word: string): string | null {
  return known({ ...SIDES, ...KINDS, ...TIMES, ...SCOPES }, word)?.() ?? null;
}

/** "firm", or "account demo". */
export function scopeText(scope: string, key: string | null | undefined): string {
  return key ? `${scopeName(scope)} ${key}` : scopeName(scope);
}

export function isOpen(status: string): boolean {
  return ['pending_new', 'new', 'partially_filled', 'pending_cancel'].includes(status);
}
