import { describe, expect, it } from 'vitest';
import { failureFrom, outcomeUnknown } from './problem';

const answered = (status: number, body: unknown) => failureFrom(new Response(null, { status }), body);
const problem = (code: string, status: number) => answered(status, { type: `/api/docs/problems#${code}`, title: code, status, code });

describe('whether an order may have been placed', () => {
  it('is not known when nothing, or nobody who knows, has answered', () => {
    expect(outcomeUnknown({ kind: 'network' })).toBe(true);
    // A proxy's own page, which came instead of the node's answer.
    for (const status of [500, 502, 503, 504]) expect(outcomeUnknown(answered(status, '<html>'))).toBe(true);
    expect(outcomeUnknown(problem('outcome_unknown', 503))).toBe(true);
    expect(outcomeUnknown(problem('internal', 500))).toBe(true);
  });

  it('is known to be no where the node says that nothing was recorded', () => {
    expect(outcomeUnknown(problem('unavailable', 503))).toBe(false);
    expect(outcomeUnknown(problem('invalid_field', 422))).toBe(false);
    expect(outcomeUnknown(problem('order_refused', 422))).toBe(false);
  });
});
