// The shapes of the API under short names. They come from the OpenAPI document: `npm run generate`
// renews schema.d.ts, and this file is the only one that knows how the document names them.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Session = Schemas['Session'];
export type Order = Schemas['Order'];
export type OrderStatus = Order['status'];
export type Side = Order['side'];
export type OrderKind = Order['type'];
export type TimeInForce = Order['time_in_force'];
export type NewOrder = Schemas['NewOrder'];
export type OrderDecision = Schemas['OrderDecision'];
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
export type HaltScope = KillSwitch['scope'];
export type Event = Schemas['Event'];
export type Problem = Schemas['Problem'];
export type FieldError = Schemas['FieldError'];

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
