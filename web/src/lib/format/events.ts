// One readable sentence for an event, in the chosen language. A type that is not known here (a newer
// server) still gets a sentence: its name and its stream.
import type { Event } from '$lib/api/types';
import { m } from '$paraglide/messages.js';
import { checkFailure } from './checks';
import { kindName, scopeText, sideName, signalReason, timeInForceName } from './labels';
import { recorded } from './recorded';
import { MISSING, money, percent, price, quantity, signedMoney } from './numbers';

type Payload = Record<string, unknown>;
type Sentence = (payload: Payload, event: Event) => string;

/** A field as text; nested fields by a path with dots. */
function text(payload: Payload, path: string): string {
  let value: unknown = payload;
  for (const part of path.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Payload)[part] : undefined;
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function terms(payload: Payload): { order: string } {
  const kind = text(payload, 'terms.type');
  const limit = text(payload, 'terms.limit_price');
  const order = m.event_terms({
    side: sideName(text(payload, 'terms.side')),
    quantity: quantity(text(payload, 'terms.quantity')),
    symbol: text(payload, 'terms.symbol'),
    kind: limit === '' ? kindName(kind) : `${kindName(kind)} ${price(limit)}`,
    time: timeInForceName(text(payload, 'terms.time_in_force')),
  });
  return { order };
}

function fill(payload: Payload): { side: string; quantity: string; symbol: string; price: string } {
  return {
    side: sideName(text(payload, 'side')),
    quantity: quantity(text(payload, 'quantity')),
    symbol: text(payload, 'symbol'),
    price: price(text(payload, 'price')),
  };
}

function halt(payload: Payload): { scope: string; cause: string } {
  const scope = scopeText(text(payload, 'scope'), text(payload, 'key'));
  return { scope, cause: recorded(text(payload, 'cause')) };
}

const user = (payload: Payload): { user: string } => ({ user: text(payload, 'user') || MISSING });
/** An address: in the clear, or why it is not. */
function peer(payload: Payload): { peer: string } {
  const known = text(payload, 'peer');
  if (known === '') return { peer: m.event_peer_sealed() };
  if (known === 'forgotten') return { peer: m.event_peer_forgotten() };
  return { peer: known === 'unreadable' ? m.event_peer_unreadable() : known };
}
const reason = (payload: Payload): { reason: string } => ({ reason: recorded(text(payload, 'reason')) });
/** `strategy-sma-cross-1` is strategy sma-cross-1. */
const owner = (event: Event): string => event.stream.slice(event.stream.indexOf('-') + 1);

const SENTENCES: Record<string, Sentence> = {
  AccountOpened: (p) => m.event_account_opened({ name: text(p, 'name') }),
  CashDeposited: (p) => m.event_cash_deposited({ amount: money(text(p, 'amount')) }),
  OrderSubmitted: (p) => m.event_order_submitted(terms(p)),
  OrderApproved: (p) => m.event_order_approved(terms(p)),
  OrderRefused: (p) => m.event_order_refused({ check: checkFailure(text(p, 'code')) }),
  CancelRequested: (p) => m.event_cancel_requested(reason(p)),
  FillBooked: (p) => m.event_fill_booked({ ...fill(p), cash: signedMoney(text(p, 'cash_change')) }),
  ReservationReleased: (p) =>
    m.event_reservation_released({ cash: money(text(p, 'released.cash')) }),
  OrderRouted: (p) => m.event_order_routed({ ...terms(p), venue: text(p, 'venue') }),
  OrderAcknowledged: (p) => m.event_order_acknowledged({ id: text(p, 'venue_order_id') }),
  OrderRejected: (p) => m.event_order_rejected(reason(p)),
  OrderExecuted: (p) => m.event_order_executed(fill(p)),
  CancelPending: () => m.event_cancel_pending(),
  OrderCanceled: () => m.event_order_canceled(),
  CancelRejected: (p) => m.event_cancel_rejected(reason(p)),
  OrderExpired: () => m.event_order_expired(),
  OrderInDoubt: (p) => m.event_order_in_doubt(reason(p)),
  OrderReconciled: (p) =>
    text(p, 'finding') === 'known' ? m.event_reconciled_known() : m.event_reconciled_absent(),
  RiskLimitsChanged: (p) => m.event_limits_changed(reason(p)),
  KillSwitchEngaged: (p) => m.event_kill_engaged(halt(p)),
  KillSwitchReleased: (p) => m.event_kill_released(halt(p)),
  StrategyRegistered: (p) => m.event_strategy_registered({ name: text(p, 'name') }),
  StrategyApproved: (p, event) =>
    m.event_strategy_approved({ strategy: owner(event), ...reason(p) }),
  StrategyStarted: (_, event) => m.event_strategy_started({ strategy: owner(event) }),
  SignalGenerated: signal,
  PriceMarked: (p) =>
    m.event_price_marked({ symbol: text(p, 'symbol'), price: price(text(p, 'bar.close')) }),
  InstrumentListed: (p) => m.event_instrument_listed({ symbol: text(p, 'instrument.symbol') }),
  NodeStarted: (p) => m.event_node_started({ node: text(p, 'node') }),
  NodeStopped: (p) => m.event_node_stopped({ node: text(p, 'node'), ...reason(p) }),
  ActorRestarted: (p) =>
    m.event_actor_restarted({ actor: text(p, 'actor'), cause: recorded(text(p, 'cause')) }),
  AlertRaised: (p) => m.event_alert_raised({ summary: recorded(text(p, 'summary')) }),
  AlertDelivered: (p) => m.event_alert_delivered({ channel: text(p, 'channel') }),
  UserRegistered: (p) => m.event_user_registered(user(p)),
  RoleGranted: (p) => m.event_role_granted({ ...user(p), role: text(p, 'role') }),
  RoleRevoked: (p) => m.event_role_revoked({ ...user(p), role: text(p, 'role') }),
  UserDisabled: (p) => m.event_user_disabled(user(p)),
  PasswordChanged: (p) => m.event_password_changed(user(p)),
  LoginSucceeded: (p) => m.event_login_succeeded({ ...user(p), ...peer(p) }),
  LoginFailed: (p) => m.event_login_failed({ ...user(p), ...peer(p) }),
  AccessDenied: (p) =>
    m.event_access_denied({ who: text(p, 'principal'), permission: text(p, 'permission') }),
  ApiKeyIssued: (p) => m.event_key_issued({ ...user(p), key: text(p, 'key_id') }),
  ApiKeyRevoked: (p) => m.event_key_revoked({ ...user(p), key: text(p, 'key_id') }),
  SessionRevoked: (p) => m.event_session_revoked({ ...user(p), ...reason(p) }),
  UserForgotten: (p) => m.event_user_forgotten(user(p)),
};

/** Every event type with a sentence of its own. */
export const KNOWN_TYPES: readonly string[] = Object.keys(SENTENCES);

function signal(payload: Payload): string {
  const { side, symbol, price: at } = fill(payload);
  const confidence = percent(text(payload, 'confidence'));
  const seen = { side, symbol, price: at, confidence };
  return text(payload, 'action') === 'order'
    ? m.event_signal_order({ ...seen, quantity: quantity(text(payload, 'quantity')) })
    : m.event_signal_none({ ...seen, reason: signalReason(text(payload, 'reason')) });
}

/** May hold recorded text, which is marked: show it with `RecordedText`, or make it `plain`. */
export function sentence(event: Event): string {
  const known = SENTENCES[event.type];
  if (known !== undefined) return known(event.payload, event);
  return m.event_other({ type: event.type, stream: event.stream });
}

export type Tone = 'plain' | 'good' | 'bad' | 'quiet';

const BAD = /Refused|Rejected|InDoubt|KillSwitchEngaged|ActorRestarted|AlertRaised|NodeStopped|Failed|Denied/;
const GOOD = /^(FillBooked|OrderExecuted|OrderApproved|KillSwitchReleased)$/;

export function toneOfEvent(type: string): Tone {
  if (BAD.test(type)) return 'bad';
  if (GOOD.test(type)) return 'good';
  return type === 'PriceMarked' ? 'quiet' : 'plain';
}
