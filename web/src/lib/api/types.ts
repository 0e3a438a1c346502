// The shapes of the API under short names. They come from the OpenAPI document: `npm run generate`
// renews schema.d.ts, and this file is the only one that knows how the document names them.
//
// The document gives words (a status, a scope) as text. Where the page has to know each of them, they
// are listed here; a word that is not listed is shown as it is.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Side = 'buy' | 'sell';
export type OrderKind = 'market' | 'limit';
export type TimeInForce = 'day' | 'gtc';
export type HaltScope = 'firm' | 'account' | 'strategy' | 'instrument' | 'venue';
export type StrategyStatus = 'registered' | 'approved' | 'running';
export type OrderStatus =
  | 'pending_new'
  | 'new'
  | 'partially_filled'
  | 'filled'
  | 'pending_cancel'
  | 'canceled'
  | 'rejected'
  | 'expired';
/** Why a request can fail; what it means is said at `/api/docs/problems`. */
export type ProblemCode =
  | 'malformed_json'
  | 'bad_request'
  | 'bad_cursor'
  | 'unauthenticated'
  | 'bad_credentials'
  | 'forbidden'
  | 'csrf_token_missing'
  | 'origin_not_allowed'
  | 'not_found'
  | 'method_not_allowed'
  | 'no_open_order'
  | 'client_order_id_taken'
  | 'idempotency_key_reused'
  | 'kill_switch_not_engaged'
  | 'host_not_allowed'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'invalid_field'
  | 'unknown_account'
  | 'unknown_venue'
  | 'order_refused'
  | 'login_throttled'
  | 'too_many_requests'
  | 'internal'
  | 'unavailable'
  | 'outcome_unknown'
  | 'read_model_behind';
/** The checks of risk; each can be why an order is refused. */
export type CheckCode =
  | 'account_open'
  | 'no_halt'
  | 'strategy_running'
  | 'instrument_listed'
  | 'quantity_valid'
  | 'price_valid'
  | 'reference_fresh'
  | 'price_collar'
  | 'max_order_notional'
  | 'max_position'
  | 'short_sale'
  | 'buying_power';

export type Session = Schemas['Session'];
export type Order = Schemas['Order'];
export type NewOrder = Schemas['NewOrder'];
export type Preview = Schemas['Preview'];
export type Check = Schemas['Check'];
export type Execution = Schemas['Execution'];
export type Position = Schemas['Position'];
export type Account = Schemas['Account'];
export type Portfolio = Schemas['Portfolio'];
export type EquityPoint = Schemas['EquityPoint'];
export type Instrument = Schemas['Instrument'];
export type Candle = Schemas['Candle'];
export type Signal = Schemas['Signal'];
export type Strategy = Schemas['Strategy'];
export type KillSwitch = Schemas['KillSwitch'];
export type FieldError = Schemas['FieldError'];
/** A field of some body that the API takes. */
export type BodyField = keyof (Schemas['NewOrder'] & Schemas['CancelRequest'] & Schemas['KillSwitchRequest'] & Schemas['Login']);

/** The payload depends on the type of event; it is read field by field. */
export type Event = Omit<Schemas['Event'], 'payload'> & { payload: Record<string, unknown> };

/** What every problem has, and what it may have. */
export type Problem = Pick<Schemas['Problem'], 'code' | 'title' | 'status'> &
  Partial<Schemas['Problem']>;

/** What a session may do; named as the server names it. */
export type Permission =
  | 'orders.read'
  | 'orders.submit'
  | 'orders.cancel'
  | 'accounts.read'
  | 'market.read'
  | 'strategies.read'
  | 'kill_switches.read'
  | 'kill_switches.engage'
  | 'kill_switches.release'
  | 'audit.read'
  | 'ops.read';
