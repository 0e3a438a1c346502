// The HTTP client: typed by the OpenAPI document, adds the CSRF token to unsafe methods, bounds
// every wait, and turns every outcome into an Answer. A lost session is reported to one place.
import createClient from 'openapi-fetch';
import { failureFrom, type Answer } from './problem';
import type { paths } from './schema';

const REQUEST_TIMEOUT_MS = 10_000;

let csrfToken: string | null = null;
let onSessionLost: () => void = () => {};

export function useCsrfToken(token: string | null): void {
  csrfToken = token;
}

export function whenSessionIsLost(handler: () => void): void {
  onSessionLost = handler;
}

export const api = createClient<paths>({
  fetch: (request: Request) =>
    fetch(new Request(request, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })),
});

api.use({
  onRequest({ request }) {
    if (csrfToken !== null && request.method !== 'GET') {
      request.headers.set('X-CSRF-Token', csrfToken);
    }
    return request;
  },
});

interface Raw<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Waits for a request of `api` and says what came of it. Never throws. */
export async function ask<T>(request: Promise<Raw<T>>): Promise<Answer<T>> {
  let raw: Raw<T>;
  try {
    raw = await request;
  } catch {
    return { ok: false, failure: { kind: 'network' } };
  }
  const { response } = raw;
  if (response.ok) {
    return { ok: true, data: raw.data as T, position: positionOf(response) };
  }
  const failure = failureFrom(response, raw.error);
  if (failure.kind === 'problem' && failure.problem.code === 'unauthenticated') onSessionLost();
  return { ok: false, failure };
}

function positionOf(response: Response): number | null {
  const header = response.headers.get('Blotter-Position');
  return header === null ? null : Number(header);
}

/** A fresh Idempotency-Key. Works where crypto.randomUUID is absent (plain HTTP to another host). */
export function mintKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
