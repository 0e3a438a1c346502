// A failed request as a sentence in the chosen language, by its stable code. A code that is not known
// here (a newer server) keeps the server's own words, which are English.
import type { Failure } from '$lib/api/problem';
import type { Problem } from '$lib/api/types';
import { m } from '$paraglide/messages.js';
import { getLocale } from '$paraglide/runtime.js';
import { checkFailure } from './checks';
import { fieldSentence, namedFieldSentence } from './fields';
import { known } from './labels';

/** What the sentences are made with; each takes what it needs. */
interface Particulars {
  seconds: number | string;
  permission: string;
  check: string;
}

const SENTENCES: Record<Problem['code'], (particulars: Particulars) => string> = {
  malformed_json: m.problem_malformed_json,
  bad_request: m.problem_bad_request,
  bad_cursor: m.problem_bad_cursor,
  unauthenticated: m.problem_unauthenticated,
  bad_credentials: m.problem_bad_credentials,
  forbidden: m.problem_forbidden,
  csrf_token_missing: m.problem_csrf_token_missing,
  origin_not_allowed: m.problem_origin_not_allowed,
  not_found: m.problem_not_found,
  method_not_allowed: m.problem_method_not_allowed,
  no_open_order: m.problem_no_open_order,
  client_order_id_taken: m.problem_client_order_id_taken,
  idempotency_key_reused: m.problem_idempotency_key_reused,
  kill_switch_not_engaged: m.problem_kill_switch_not_engaged,
  host_not_allowed: m.problem_host_not_allowed,
  body_too_large: m.problem_body_too_large,
  unsupported_media_type: m.problem_unsupported_media_type,
  invalid_field: m.problem_invalid_field,
  unknown_account: m.problem_unknown_account,
  unknown_venue: m.problem_unknown_venue,
  order_refused: m.problem_order_refused,
  login_throttled: m.problem_login_throttled,
  too_many_requests: m.problem_too_many_requests,
  internal: m.problem_internal,
  unavailable: m.problem_unavailable,
  outcome_unknown: m.problem_outcome_unknown,
  read_model_behind: m.problem_read_model_behind,
  unreadable: m.problem_unreadable,
};

/** Those whose sentence says little without the server's particulars, whatever their language. */
const VAGUE = ['bad_request', 'invalid_field'];

export function problemSentence(failure: Failure): string {
  if (failure.kind === 'network') return m.problem_network();
  const { problem, retryAfterSeconds } = failure;
  const particulars = {
    seconds: retryAfterSeconds ?? '…',
    permission: problem.permission ?? '…',
    check: checkFailure(problem.refusal ?? ''),
  };
  return known(SENTENCES, problem.code)?.(particulars) ?? problem.title;
}

/** The particulars. In English the server's own sentence; in another language the fields that are
    wrong, and the server's sentence only where there is nothing else to go by. May be empty. */
export function problemDetail(failure: Failure): string {
  if (failure.kind !== 'problem') return '';
  const { code, detail = '', errors, checks } = failure.problem;
  if (getLocale() === 'en' || known(SENTENCES, code) === undefined) return detail;
  if (!errors?.length) return VAGUE.includes(code) ? detail : '';
  return errors.map((error) => namedFieldSentence(error, checks ?? [])).join(' ');
}

/** What is wrong with each field that is, by its name; the first of several mistakes. */
export function fieldSentences(failure: Failure | null): Record<string, string> {
  if (failure?.kind !== 'problem') return {};
  const { errors, checks } = failure.problem;
  const named = (errors ?? []).map((error) => [error.field, fieldSentence(error, checks ?? [])] as const);
  return Object.fromEntries(named.reverse());
}
