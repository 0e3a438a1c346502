// What a ticket must not lose: the fields as typed, and the orders that were sent and never answered.
// A draft outlives the desk when the session ends by itself, and the page when it is loaded again: it
// is kept in the tab's sessionStorage, which ends with the tab and holds no secret. Another user
// never gets to see it.
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

/** What is kept of a draft over a reload. */
interface Kept {
  user: string;
  fields: Fields;
  unanswered: Unanswered[];
}

const KEY = 'blotter.draft';
const EMPTY: Fields = { symbol: '', side: 'buy', quantity: '', type: 'market', limitPrice: '', timeInForce: 'day' };

export class Draft {
  fields = $state<Fields>({ ...EMPTY });
  unanswered = $state.raw<Unanswered[]>([]);
  /** Being sent; a page that is loaded again meanwhile gets no answer to it. */
  #underWay: Unanswered | null = null;

  /** Without a user nothing is kept. */
  constructor(
    private readonly user = '',
    kept: Kept | null = null,
  ) {
    if (kept === null) return;
    this.fields = kept.fields;
    this.unanswered = kept.unanswered;
  }

  /** The unanswered order that is the same as `order`, however its amounts were written. */
  earlier(order: NewOrder | null): Unanswered | undefined {
    return order === null ? undefined : this.unanswered.find((one) => sameOrder(one.order, order));
  }

  /** Before the order leaves: whatever happens to the page, its key is not lost. */
  sending(order: NewOrder, key: string): void {
    this.#underWay = { order, key, failure: { kind: 'network' } };
    this.save();
  }

  /** An answer has come, whatever it says. */
  answered(): void {
    this.#underWay = null;
    this.save();
  }

  remember(one: Unanswered): void {
    this.unanswered = [...this.#others(one.key), one];
    this.save();
  }

  forget(key: string): void {
    this.unanswered = this.#others(key);
    this.save();
  }

  /** Called after every change of a field. */
  save(): void {
    if (this.user === '') return;
    const underWay = this.#underWay;
    const kept: Kept = {
      user: this.user,
      fields: { ...this.fields },
      unanswered: underWay === null ? this.unanswered : [...this.#others(underWay.key), underWay],
    };
    try {
      sessionStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // A browser that keeps nothing, or has no room: it is kept as long as the page.
    }
  }

  #others(key: string): Unanswered[] {
    return this.unanswered.filter((one) => one.key !== key);
  }
}

/** What an earlier page of this tab has left for `user`; null when there is none, or it is not readable. */
function left(user: string): Kept | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    return isKept(kept) && kept.user === user ? kept : null;
  } catch {
    return null;
  }
}

/** A page of another version may have written it. */
function isKept(value: unknown): value is Kept {
  if (typeof value !== 'object' || value === null) return false;
  const { user, fields, unanswered } = value as Partial<Kept>;
  if (typeof user !== 'string' || typeof fields !== 'object' || !Array.isArray(unanswered)) return false;
  const whole = Object.keys(EMPTY).every((name) => typeof fields[name as keyof Fields] === 'string');
  return whole && unanswered.every((one) => typeof one.key === 'string' && typeof one.order === 'object' && typeof one.failure === 'object');
}

function clear(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
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

let current: { user: string; draft: Draft } | null = null;

/** The draft of `user`: the one left behind when the session ended by itself or the page was loaded
    again, or a new one. */
export function draftOf(user: string): Draft {
  if (current?.user === user) return current.draft;
  const kept = left(user);
  if (kept === null) clear();
  current = { user, draft: new Draft(user, kept) };
  return current.draft;
}

/** Whoever logs out leaves nothing behind. */
export function dropDraft(): void {
  current = null;
  clear();
}
