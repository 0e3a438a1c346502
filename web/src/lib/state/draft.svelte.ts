// What a ticket must not lose: the fields as typed, and the orders that were sent and never answered.
// A draft outlives the desk when the session ends by itself; another user never gets to see it.
import type { Failure } from '$lib/api/problem';
import type { NewOrder, OrderKind, Side, TimeInForce } from '$lib/api/types';
import { compare, parse } from '$lib/format/decimal';

export interface Fields {
  symbol: string;
  side: Side;
  quantity: string;
  type: OrderKind;
  limitPrice: string;
  timeInForce: TimeInForce;
}

/** An order that may have been placed. Only the same key is safe to send it again under. */
export interface Unanswered {
  order: NewOrder;
  key: string;
  failure: Failure;
}

export class Draft {
  fields = $state<Fields>({
    symbol: '',
    side: 'buy',
    quantity: '',
    type: 'market',
    limitPrice: '',
    timeInForce: 'day',
  });
  unanswered = $state.raw<Unanswered[]>([]);

  /** The unanswered order that is the same as `order`, however its amounts were written. */
  earlier(order: NewOrder | null): Unanswered | undefined {
    return order === null ? undefined : this.unanswered.find((one) => sameOrder(one.order, order));
  }

  remember(one: Unanswered): void {
    this.unanswered = [...this.unanswered.filter(({ key }) => key !== one.key), one];
  }

  forget(key: string): void {
    this.unanswered = this.unanswered.filter((one) => one.key !== key);
  }
}

export function sameOrder(a: NewOrder, b: NewOrder): boolean {
  const words = (order: NewOrder) => [order.account, order.symbol, order.side, order.type, order.time_in_force].join('\n');
  return words(a) === words(b) && sameAmount(a.quantity, b.quantity) && sameAmount(a.limit_price, b.limit_price);
}

function sameAmount(a: string | null | undefined, b: string | null | undefined): boolean {
  const [x, y] = [parse(a ?? ''), parse(b ?? '')];
  return x === null || y === null ? x === y : compare(x, y) === 0;
}

let kept: { user: string; draft: Draft } | null = null;

/** The draft of `user`: the one left behind when the session ended by itself, or a new one. */
export function draftOf(user: string): Draft {
  if (kept?.user !== user) kept = { user, draft: new Draft() };
  return kept.draft;
}

/** Whoever logs out leaves nothing behind. */
export function dropDraft(): void {
  kept = null;
}
