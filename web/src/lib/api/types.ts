// The shapes of the API under short names. They come from the OpenAPI document: `npm run generate`
// renews schema.d.ts, and this file is the only one that knows how the document names them.
import type { components } from './schema';

type Schemas = components['schemas'];

// Words that the document lists: the page has to know each of them.
export type Side = Schemas['Side'];
export type OrderKind = Schemas['OrderType'];
export type TimeInForce = Schemas['TimeInForce'];
export type OrderStatus = Schemas['OrderStatus'];
export type HaltScope = Schemas['HaltScope'];
export type StrategyStatus = Schemas['StrategyStatus'];
/** Why a request can fail; what it means is said at `/api/docs/problems`. */
export type ProblemCode = Schemas['ProblemCode'];
/** The checks of risk; each can be why an order is refused. */
export type CheckCode = Schemas['CheckCode'];

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

/** What every problem has, and what it may have. `unreadable`: the page's own code for an answer that
    is none. */
export type Problem = Pick<Schemas['Problem'], 'title' | 'status'> & { code: ProblemCode | 'unreadable' } &
  Partial<Omit<Schemas['Problem'], 'code'>>;

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
