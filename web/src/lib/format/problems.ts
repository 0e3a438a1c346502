// A failed request as a sentence in the chosen language, by its stable code. The server's own
// sentence (English, with the particulars) is offered beside it as detail.
import type { Failure } from '$lib/api/problem';
import { m } from '$paraglide/messages.js';
import { checkName } from './checks';

const SENTENCES: Record<string, () => string> = {
  network: m.problem_network,
  malformed_json: m.problem_malformed_json,
  bad_request: m.problem_bad_request,
  bad_cursor: m.problem_bad_cursor,
  unauthenticated: m.problem_unauthenticated,
  bad_credentials: m.problem_bad_credentials,
  csrf_token_missing: m.problem_csrf_token_missing,
  origin_not_allowed: m.problem_origin_not_allowed,
  not_found: m.problem_not_found,
  no_open_order: m.problem_no_open_order,
  client_order_id_taken: m.problem_client_order_id_taken,
  idempotency_key_reused: m.problem_idempotency_key_reused,
  kill_switch_not_engaged: m.problem_kill_switch_not_engaged,
  invalid_field: m.problem_invalid_field,
  unknown_account: m.problem_unknown_account,
  unknown_venue: m.problem_unknown_venue,
  too_many_requests: m.problem_too_many_requests,
  unavailable: m.problem_unavailable,
  outcome_unknown: m.problem_outcome_unknown,
  read_model_behind: m.problem_read_model_behind,
  internal: m.problem_internal,
  unreadable: m.problem_unreadable,
};

export function problemSentence(failure: Failure): string {
  if (failure.kind === 'network') return m.problem_network();
  const { problem, retryAfterSeconds } = failure;
  if (problem.code === 'login_throttled') {
    return m.problem_login_throttled({ seconds: retryAfterSeconds ?? '…' });
  }
  if (problem.code === 'forbidden') {
    return m.problem_forbidden({ permission: problem.permission ?? '…' });
  }
  if (problem.code === 'order_refused') {
    return m.problem_order_refused({ check: checkName(problem.refusal ?? '') });
  }
  return SENTENCES[problem.code]?.() ?? problem.title;
}

/** The server's own words; empty when there are none. */
export function problemDetail(failure: Failure): string {
  return failure.kind === 'problem' ? (failure.problem.detail ?? '') : '';
}
