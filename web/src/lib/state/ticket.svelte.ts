// The order ticket: what is typed, what the server says about it, and the submission.
//
// Invariants: nothing typed is lost by a refusal or a failure; one order has one Idempotency-Key
// until its outcome is known, also when the dialog was left or the page loaded again in between; a
// repetition is never sent blind, but after a new preview; only the newest preview is shown.
import { api, ask, mintKey } from '$lib/api/client';
import { outcomeUnknown, type Failure } from '$lib/api/problem';
import type { NewOrder, Order, Preview } from '$lib/api/types';
import { readAmount, type Mistake } from '$lib/format/amount';
import type { Desk } from './desk.svelte';
import { Draft, sameOrder, type Fields, type Unanswered } from './draft.svelte';

export type { Fields };

const DEBOUNCE_MS = 250;
/** Shortest time between two previews of an order that nobody touches. */
const REPEAT_MS = 2_000;

/** The order that the fields describe; null while something needed is missing or no number. */
export function orderFrom(fields: Fields, account: string): NewOrder | null {
  const quantity = readAmount(fields.quantity).text;
  const limit = fields.type === 'limit' ? readAmount(fields.limitPrice).text : null;
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

/** The fields that are typed. */
export type Typed = 'quantity' | 'limitPrice';

export class Ticket {
  preview = $state.raw<Preview | null>(null);
  previewing = $state(false);
  /** What the last preview or submission was answered with. */
  failure = $state.raw<Failure | null>(null);
  /** The order as it stood when the confirm dialog opened; that is what is sent. */
  confirming = $state.raw<NewOrder | null>(null);
  sending = $state(false);
  accepted = $state.raw<Order | null>(null);
  /** What was typed and left, and whether a review was asked for: only then a mistake is told. */
  #left = $state<Record<Typed, boolean>>({ quantity: false, limitPrice: false });
  #asked = $state(false);
  #key = '';
  #question = 0;
  #previewedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly desk: Pick<Desk, 'account' | 'mark'>,
    readonly draft = new Draft(),
  ) {}

  get fields(): Fields {
    return this.draft.fields;
  }

  /** The order in the dialog was sent before, and may have been recorded. */
  get repeating(): Unanswered | undefined {
    return this.draft.unanswered.find((one) => one.order === this.confirming);
  }

  get order(): NewOrder | null {
    return orderFrom(this.fields, this.desk.account);
  }

  /** What keeps `field` from being an amount; null when it is one or is not needed. */
  mistake(field: Typed): Mistake | null {
    if (field === 'limitPrice' && this.fields.type !== 'limit') return null;
    return readAmount(this.fields[field]).mistake;
  }

  /** The same, once it is time to tell: not while someone is still typing. */
  toldMistake(field: Typed): Mistake | null {
    const mistake = this.mistake(field);
    return this.#asked || (this.#left[field] && mistake !== 'missing') ? mistake : null;
  }

  /** Called when a field loses the focus. */
  leave(field: Typed): void {
    this.#left[field] = true;
  }

  /** Something was typed that a change of symbol elsewhere must not pull away. */
  get touched(): boolean {
    return this.fields.quantity !== '' || this.fields.limitPrice !== '';
  }

  /** Called on every change of a field. */
  changed(): void {
    clearTimeout(this.#timer);
    this.draft.save();
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
    const busy = this.previewing || this.sending;
    if (busy || !due || (this.confirming ?? this.fields).symbol !== symbol) return;
    // The server is back: what was not answered can be judged again.
    if (this.repeating !== undefined && this.preview === null) void this.askPreview();
    else if (this.preview !== null && this.failure === null) void this.askPreview(true);
  }

  async askPreview(quietly = false): Promise<void> {
    const body = this.confirming ?? this.order;
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
    this.#asked = order === null;
    if (order === null) return;
    // The body goes out as it did before: the same key takes the same command only.
    this.#confirm(this.draft.earlier(order) ?? { order, key: mintKey() });
  }

  /** Opens the dialog for an order that may have been recorded. */
  repeat(one: Unanswered): void {
    this.#confirm(one);
  }

  #confirm({ order, key }: Pick<Unanswered, 'order' | 'key'>): void {
    if (this.confirming !== null) return;
    clearTimeout(this.#timer);
    this.#key = key;
    this.failure = null;
    this.accepted = null;
    this.confirming = order;
    if (this.repeating !== undefined) this.preview = null;
    void this.askPreview();
  }

  /** Leaves the dialog. An unknown outcome stays with the ticket, with its key. */
  dismiss(): void {
    if (this.sending || this.confirming === null) return;
    this.confirming = null;
    this.changed();
  }

  async submit(): Promise<void> {
    const body = this.confirming;
    if (body === null || this.sending) return;
    if (this.repeating !== undefined && this.preview === null) return;
    const key = this.#key;
    this.sending = true;
    this.#question += 1;
    this.previewing = false;
    const header = { 'Idempotency-Key': key };
    this.draft.sending(body, key);
    const answer = await ask(api.POST('/api/v1/orders', { body, params: { header } }));
    this.sending = false;
    // One that is not known is remembered before it stops counting as under way.
    if (!answer.ok && outcomeUnknown(answer.failure)) this.draft.remember({ order: body, key, failure: answer.failure });
    this.draft.answered();
    if (answer.ok) return this.#done(answer.data.order);
    this.desk.mark('openOrders', 'allOrders');
    if (outcomeUnknown(answer.failure)) return this.#unanswered();
    this.failure = answer.failure;
    if (settles(answer.failure)) this.draft.forget(key);
    this.confirming = null;
  }

  #unanswered(): void {
    // What is shown is as old as the order; a new preview comes before it is sent again.
    this.preview = null;
    void this.askPreview();
  }

  #done(order: Order): void {
    const sent = this.confirming;
    this.draft.forget(this.#key);
    this.confirming = null;
    this.failure = null;
    this.preview = null;
    this.accepted = order;
    this.#left = { quantity: false, limitPrice: false };
    // A repetition may leave another order in the fields, which stays.
    if (sent !== null && this.order !== null && sameOrder(sent, this.order)) this.fields.quantity = '';
    this.draft.save();
    this.desk.mark('openOrders', 'allOrders', 'portfolio');
  }
}

/** Whether a refusal answers for the command itself, and so for its first sending too. */
function settles(failure: Failure): boolean {
  return failure.kind === 'problem' && failure.problem.status === 422;
}
