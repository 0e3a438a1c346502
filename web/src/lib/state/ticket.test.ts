// An order whose answer was lost is placed once, however the user goes on.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Failure } from '$lib/api/problem';
import { draftOf, dropDraft } from './draft.svelte';
import { Ticket } from './ticket.svelte';

interface Sent {
  path: string;
  body: { quantity: string };
  key: string | undefined;
}
const server = vi.hoisted(() => ({ sent: [] as Sent[], answers: {} as Record<string, unknown> }));

vi.mock('$lib/api/client', async (original) => ({
  ...(await original<object>()),
  ask: (answer: unknown) => Promise.resolve(answer),
  api: {
    POST: (path: string, { body, params }: { body: Sent['body']; params?: { header: Record<string, string> } }) => {
      server.sent.push({ path, body, key: params?.header['Idempotency-Key'] });
      return server.answers[path];
    },
  },
}));

const ORDERS = '/api/v1/orders';
const PREVIEW = '/api/v1/orders/preview';
const lost: { ok: false; failure: Failure } = { ok: false, failure: { kind: 'network' } };
const problem = (status: number, code: string) => ({
  ok: false,
  failure: { kind: 'problem', problem: { type: `/${code}`, status, code, title: code }, retryAfterSeconds: null },
});
const preview = { ok: true, data: { decision: 'approved', checks: [] } };
const placed = { ok: true, data: { order: { order_id: 'o-1' } } };

const settled = () => vi.waitFor(() => expect(ticket.previewing || ticket.sending).toBe(false));
const submissions = () => server.sent.filter(({ path }) => path === ORDERS);
let ticket: Ticket;

/** Sends 3 IBM, whose answer is lost, and leaves the dialog. */
async function loseAnAnswer(): Promise<void> {
  ticket.prefill({ symbol: 'IBM', quantity: '3' });
  server.answers = { [PREVIEW]: preview, [ORDERS]: lost };
  ticket.review();
  await settled();
  await ticket.submit();
  await settled();
  ticket.dismiss();
}

beforeEach(() => {
  server.sent = [];
  ticket = new Ticket({ account: 'demo', mark: () => {} });
});

describe('a lost answer', () => {
  it('stays with the ticket, and the same order goes out under the same key as the same body', async () => {
    await loseAnAnswer();
    expect(ticket.confirming).toBeNull();
    expect(ticket.draft.unanswered).toHaveLength(1);
    ticket.prefill({ quantity: '3.0' });
    ticket.review();
    expect(ticket.repeating).toBeDefined();
    await settled();
    server.answers[ORDERS] = placed;
    await ticket.submit();
    const [first, second] = submissions();
    expect(second).toEqual(first);
    expect(ticket.draft.unanswered).toEqual([]);
    expect(ticket.accepted?.order_id).toBe('o-1');
  });

  it('does not lend its key to another order, and is not forgotten over it', async () => {
    await loseAnAnswer();
    ticket.prefill({ quantity: '4' });
    ticket.review();
    expect(ticket.repeating).toBeUndefined();
    await settled();
    server.answers[ORDERS] = placed;
    await ticket.submit();
    const [first, second] = submissions();
    expect(second?.key).not.toBe(first?.key);
    expect(ticket.draft.unanswered.map(({ order }) => order.quantity)).toEqual(['3']);
    const [one] = ticket.draft.unanswered;
    ticket.draft.forget(one?.key ?? '');
    expect(ticket.draft.unanswered).toEqual([]);
  });

  it('is sent again only after a preview of now', async () => {
    await loseAnAnswer();
    server.answers = { [PREVIEW]: lost, [ORDERS]: placed };
    ticket.review();
    await settled();
    await ticket.submit();
    expect(submissions()).toHaveLength(1);
    server.answers[PREVIEW] = preview;
    await ticket.askPreview();
    await ticket.submit();
    expect(submissions()).toHaveLength(2);
  });

  it('is judged anew at once in the dialog, before it is sent again', async () => {
    ticket.prefill({ symbol: 'IBM', quantity: '3' });
    server.answers = { [PREVIEW]: preview, [ORDERS]: lost };
    ticket.review();
    await settled();
    const before = server.sent.length;
    await ticket.submit();
    await settled();
    expect(server.sent.slice(before).map(({ path }) => path)).toEqual([ORDERS, PREVIEW]);
    expect(ticket.preview).not.toBeNull();
  });

  it('is over once a repetition is refused, not while the server cannot say', async () => {
    await loseAnAnswer();
    for (const [status, code, left] of [[503, 'unavailable', 1], [422, 'order_refused', 0]] as const) {
      server.answers[ORDERS] = problem(status, code);
      ticket.review();
      await settled();
      await ticket.submit();
      expect(ticket.draft.unanswered, code).toHaveLength(left);
    }
  });
});

describe('a mistake in a field', () => {
  it('is told once the field is left, a missing amount once a review is asked for', () => {
    ticket.prefill({ symbol: 'IBM', quantity: '68,5' });
    expect(ticket.toldMistake('quantity')).toBeNull();
    ticket.leave('quantity');
    expect(ticket.toldMistake('quantity')).toBe('comma');
    ticket.prefill({ quantity: '', type: 'limit' });
    expect(ticket.toldMistake('quantity')).toBeNull();
    ticket.review();
    expect(ticket.confirming).toBeNull();
    expect([ticket.toldMistake('quantity'), ticket.toldMistake('limitPrice')]).toEqual(['missing', 'missing']);
    ticket.prefill({ quantity: '5', type: 'market' });
    expect([ticket.toldMistake('quantity'), ticket.toldMistake('limitPrice')]).toEqual([null, null]);
  });
});

describe('a session that ends', () => {
  it('leaves the ticket to the same user only, and a logout leaves nothing', async () => {
    ticket = new Ticket({ account: 'demo', mark: () => {} }, draftOf('ann'));
    await loseAnAnswer();
    const again = draftOf('ann');
    expect(again.fields.quantity).toBe('3');
    expect(again.unanswered).toHaveLength(1);
    expect(draftOf('bob').fields.quantity).toBe('');
    expect(draftOf('ann').fields.quantity).toBe('');
    draftOf('ann').fields.quantity = '9';
    dropDraft();
    expect(draftOf('ann').fields.quantity).toBe('');
  });
});

describe('a page that is loaded again', () => {
  /** The modules anew, as in a page that was just loaded; sessionStorage stays. */
  async function load(user: string): Promise<Ticket> {
    vi.resetModules();
    const { draftOf } = await import('./draft.svelte');
    const { Ticket } = await import('./ticket.svelte');
    ticket = new Ticket({ account: 'demo', mark: () => {} }, draftOf(user));
    return ticket;
  }

  beforeEach(async () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('sessionStorage', {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, text: string) => kept.set(name, text),
      removeItem: (name: string) => kept.delete(name),
    });
    await load('ann');
  });
  afterEach(() => vi.unstubAllGlobals());

  it('has what was typed, and the order that was not answered, under its key', async () => {
    await loseAnAnswer();
    await load('ann');
    expect(ticket.fields.quantity).toBe('3');
    expect(ticket.draft.unanswered).toHaveLength(1);
    ticket.review();
    expect(ticket.repeating).toBeDefined();
    await settled();
    server.answers[ORDERS] = placed;
    await ticket.submit();
    const [first, second] = submissions();
    expect(second).toEqual(first);
    await load('ann');
    expect([ticket.draft.unanswered, ticket.fields.quantity]).toEqual([[], '']);
  });

  it('knows the order that was on its way when the page went', async () => {
    ticket.prefill({ symbol: 'IBM', quantity: '3' });
    server.answers = { [PREVIEW]: preview, [ORDERS]: new Promise(() => {}) };
    ticket.review();
    await settled();
    void ticket.submit();
    await load('ann');
    const [sent] = submissions();
    expect(ticket.draft.unanswered).toEqual([{ order: sent?.body, key: sent?.key, failure: { kind: 'network' } }]);
  });

  it('keeps nothing of what was answered, and nothing for another user', async () => {
    ticket.prefill({ symbol: 'IBM', quantity: '3' });
    server.answers = { [PREVIEW]: preview, [ORDERS]: problem(422, 'order_refused') };
    ticket.review();
    await settled();
    await ticket.submit();
    await load('ann');
    expect([ticket.draft.unanswered, ticket.fields.quantity]).toEqual([[], '3']);
    await load('bob');
    expect(ticket.fields.quantity).toBe('');
    await load('ann');
    expect(ticket.fields.quantity).toBe('');
  });

  it('starts with an empty ticket where what was kept cannot be read', async () => {
    for (const text of ['{', '{"user":"ann"}', '{"user":"ann","fields":{},"unanswered":[]}', '[]']) {
      sessionStorage.setItem('blotter.draft', text);
      await load('ann');
      expect([ticket.draft.unanswered, ticket.fields.quantity], text).toEqual([[], '']);
    }
  });
});
