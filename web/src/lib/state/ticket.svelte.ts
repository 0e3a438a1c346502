// The order ticket: what is typed, what the server says about it, and the submission.
//
// Invariants: nothing typed is lost by a refusal or a failure; one confirm dialog has one
// Idempotency-Key, used again for every retry from it; only the newest preview is shown.
import { api, ask, mintKey } from '$lib/api/client';
import { outcomeUnknown, type Failure } from '$lib/api/problem';
import type { NewOrder, Order, OrderKind, Preview, Side, TimeInForce } from '$lib/api/types';
import { parse, signOf } from '$lib/format/decimal';
import type { Desk } from './desk.svelte';

const DEBOUNCE_MS = 250;
/** Shortest time between two previews of an order that nobody touches. */
const REPEAT_MS = 2_000;

export interface Fields {
  symbol: string;
  side: Side;
  quantity: string;
  type: OrderKind;
  limitPrice: string;
  timeInForce: TimeInForce;
}

/** The order that the fields describe; null while something needed is missing or no number. */
export function orderFrom(fields: Fields, account: string): NewOrder | null {
  const amount = (text: string): string | null => {
    const value = parse(text.replaceAll(',', ''));
    return value !== null && signOf(value) > 0 ? text.replaceAll(',', '').trim() : null;
  };
  const quantity = amount(fields.quantity);
  const limit = fields.type === 'limit' ? amount(fields.limitPrice) : null;
  if (account === '' || fields.symbol === '' || quantity === null) return null;
  if (fields.type === 'limit' && limit === null) return null;
  return {
    account,
    symbol: fields.symbol,
    side: fields.side,
    quantity,
    type: fields.type,
    time_in_force: fields.timeInForce,
    ...(limit === null ? {} : { limit_price: limit }),
  };
}

export class Ticket {
  fields = $state<Fields>({
    symbol: '',
    side: 'buy',
    quantity: '',
    type: 'market',
    limitPrice: '',
    timeInForce: 'day',
  });
  preview = $state.raw<Preview | null>(null);
  previewing = $state(false);
  /** What the last preview or submission was answered with. */
  failure = $state.raw<Failure | null>(null);
  /** The order as it stood when the confirm dialog opened; that is what is sent. */
  confirming = $state.raw<NewOrder | null>(null);
  sending = $state(false);
  accepted = $state.raw<Order | null>(null);
  #key = '';
  #question = 0;
  #previewedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly desk: Desk) {}

  get order(): NewOrder | null {
    return orderFrom(this.fields, this.desk.account);
  }

  /** Something was typed that a change of symbol elsewhere must not pull away. */
  get touched(): boolean {
    return this.fields.quantity !== '' || this.fields.limitPrice !== '';
  }

  /** Called on every change of a field. */
  changed(): void {
    clearTimeout(this.#timer);
    this.#question += 1;
    this.failure = null;
    this.accepted = null;
    if (this.order === null) {
      this.preview = null;
      this.previewing = false;
      return;
    }
    this.previewing = true;
    this.#timer = setTimeout(() => void this.askPreview(), DEBOUNCE_MS);
  }

  prefill(fields: Partial<Fields>): void {
    Object.assign(this.fields, fields);
    this.changed();
  }

  /** The price of `symbol` moved: what is shown is judged anew, quietly and not too often. */
  priceMoved(symbol: string): void {
    const due = performance.now() - this.#previewedAt > REPEAT_MS;
    const busy = this.previewing || this.sending || this.failure !== null;
    if (this.preview === null || busy || !due) return;
    if (this.fields.symbol === symbol) void this.askPreview(true);
  }

  async askPreview(quietly = false): Promise<void> {
    const body = this.order;
    if (body === null) return;
    const question = ++this.#question;
    this.#previewedAt = performance.now();
    if (!quietly) this.previewing = true;
    const answer = await ask(api.POST('/api/v1/orders/preview', { body }));
    if (question !== this.#question) return;
    if (quietly) {
      // A repetition that fails leaves what is there; the page says elsewhere that it is not live.
      if (answer.ok) this.preview = answer.data;
      return;
    }
    this.previewing = false;
    this.preview = answer.ok ? answer.data : null;
    this.failure = answer.ok ? null : answer.failure;
  }

  review(): void {
    const order = this.order;
    if (order === null || this.confirming !== null) return;
    this.#key = mintKey();
    this.failure = null;
    this.accepted = null;
    this.confirming = order;
    void this.askPreview();
  }

  dismiss(): void {
    if (!this.sending) this.confirming = null;
  }

  async submit(): Promise<void> {
    const body = this.confirming;
    if (body === null || this.sending) return;
    this.sending = true;
    this.#question += 1;
    this.previewing = false;
    const header = { 'Idempotency-Key': this.#key };
    const answer = await ask(api.POST('/api/v1/orders', { body, params: { header } }));
    this.sending = false;
    if (answer.ok) return this.#done(answer.data.order);
    this.failure = answer.failure;
    // An unknown outcome stays in the dialog: only a retry under the same key is safe.
    if (!outcomeUnknown(answer.failure)) this.confirming = null;
    this.desk.mark('openOrders', 'allOrders');
  }

  #done(order: Order): void {
    this.confirming = null;
    this.failure = null;
    this.preview = null;
    this.accepted = order;
    this.fields.quantity = '';
    this.desk.mark('openOrders', 'allOrders', 'accounts');
  }
}
