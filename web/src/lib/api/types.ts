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

export type Session = Schemas['Session'];
export type Order = Schemas['Order'];
export type NewOrder = Schemas['NewOrder'];
export type Preview = Schemas['Preview'];
export type Check = Schemas['Check'];
export type Execution = Schemas['Execution'];
export type Position = Schemas['Position'];
export type Account = Schemas['Account'];
export type EquityPoint = Schemas['EquityPoint'];
export type Instrument = Schemas['Instrument'];
export type Candle = Schemas['Candle'];
export type Signal = Schemas['Signal'];
export type Strategy = Schemas['Strategy'];
export type KillSwitch = Schemas['KillSwitch'];
export type FieldError = Schemas['FieldError'];

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
