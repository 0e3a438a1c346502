// What can go wrong with a request, as one type. Nothing above this file looks at a status code.
import type { Problem } from './types';

export type Failure =
  /** No answer: the server may or may not have acted. */
  | { kind: 'network' }
  /** The server answered with a problem (RFC 9457). */
  | { kind: 'problem'; problem: Problem; retryAfterSeconds: number | null };

export type Answer<T> =
  | { ok: true; data: T; position: number | null }
  | { ok: false; failure: Failure };

/** Reads a problem; an answer that is none (a proxy's error page) becomes code `unreadable`. */
export function failureFrom(response: Response, body: unknown): Failure {
  return {
    kind: 'problem',
    problem: isProblem(body) ? body : unreadable(response.status),
    retryAfterSeconds: retryAfter(response.headers.get('Retry-After')),
  };
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && typeof (body as Problem).code === 'string';
}

function unreadable(status: number): Problem {
  const code: Problem['code'] = status >= 502 && status <= 504 ? 'unavailable' : 'unreadable';
  return { type: 'about:blank', title: `HTTP ${status}`, status, code };
}

function retryAfter(header: string | null): number | null {
  if (header === null || !/^\d+$/.test(header)) return null;
  return Number(header);
}

export function codeOf(failure: Failure): string {
  return failure.kind === 'network' ? 'network' : failure.problem.code;
}

/** Whether the same command may have taken effect, so that only the same key is safe to repeat. */
export function outcomeUnknown(failure: Failure): boolean {
  if (failure.kind === 'network') return true;
  // A proxy's own page says nothing about what the node did before it.
  const { code, type } = failure.problem;
  return type === 'about:blank' || code === 'outcome_unknown' || code === 'internal';
}

/** Asking again would bring the same answer. */
export function isFinal(failure: Failure): boolean {
  if (failure.kind === 'network') return false;
  const { status } = failure.problem;
  return status >= 400 && status < 500 && status !== 429;
}
