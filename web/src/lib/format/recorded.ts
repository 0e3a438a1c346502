// Text that the log holds in the words it was said in: reasons, causes, alerts. What the program itself
// says is one of the phrases below, by which it is known; anything else (a person's words, a venue's,
// those of a newer program) is shown as it was recorded, with its language where that is not the page's.
//
// A sentence that holds recorded text marks it; `parts` takes the marks apart, `plain` takes them away.
import { m } from '$paraglide/messages.js';
import { getLocale } from '$paraglide/runtime.js';
import { checkFailure, checkValue } from './checks';
import { scopeText, statusName } from './labels';
import { quantity } from './numbers';
import { duration } from './time';

/** Private characters of Unicode, which no recorded text has a use for. */
const BEGIN = '\u{e000}';
const END = '\u{e001}';

const seconds = (count: string): string => duration(Number(count) * 1_000);
/** What the program writes where a limit or a value is missing. */
const figure = (code: string, value: string): string => checkValue(code, value === 'unknown' ? null : value);

/** A phrase as the program writes it, and the same in the chosen language. */
type Phrase = [RegExp, (...found: string[]) => string];

const ALERTS: Phrase[] = [
  [
    /^order (\S+) refused by "(\w+)": limit (.*), observed (.*)$/,
    (order, code, limit, observed) =>
      m.alert_refused({ order, check: checkFailure(code), limit: figure(code, limit), observed: figure(code, observed) }),
  ],
  [/^order (\S+) rejected: (.*)$/s, (order, reason) => m.alert_rejected({ order, reason: recorded(reason) })],
  [/^order (\S+) is in doubt: (.*)$/s, (order, reason) => m.alert_in_doubt({ order, reason: recorded(reason) })],
  [
    /^kill switch engaged for (\w+)(?: (\S+))?: (.*)$/s,
    (scope, key, cause) => m.event_kill_engaged({ scope: scopeText(scope, key), cause: recorded(cause) }),
  ],
  [
    /^kill switch released for (\w+)(?: (\S+))?: (.*)$/s,
    (scope, key, cause) => m.event_kill_released({ scope: scopeText(scope, key), cause: recorded(cause) }),
  ],
  [/^actor (\S+) was rebuilt: (.*)$/s, (actor, cause) => m.alert_actor({ actor, cause: recorded(cause) })],
];

const REASONS: Phrase[] = [
  [/^kill switch engaged for (\w+)(?: (\S+))?$/, (scope, key) => m.reason_halted({ scope: scopeText(scope, key) })],
  [/^it was sent (\d+) times and never arrived at the venue$/, (count) => m.reason_never_arrived({ count })],
  [
    /^the approval is (\d+) s old; at most (\d+) s are allowed$/,
    (age, max) => m.reason_approval_old({ age: seconds(age), max: seconds(max) }),
  ],
  [
    /^the order is (?:already )?(filled|canceled|expired|rejected|pending_cancel)$/,
    (status) => m.reason_ended({ status: statusName(status) }),
  ],
  [/^the order is unknown here$/, () => m.reason_unknown_order()],
  [/^(?:quantity|limit price) (\S+) is not positive; give more than 0$/, (found) => m.reason_not_positive({ found: quantity(found) })],
  [/^(?:quantity times limit price does not fit|the execution cannot be priced): .*; send a smaller order$/, () => m.reason_too_large()],
  [/^a run ended between sending it and hearing of it$/, () => m.reason_run_ended()],
  [
    /^no answer from the venue: silent for (\d+) s; it may have taken the order$/,
    (count) => m.reason_venue_silent({ time: seconds(count) }),
  ],
  [/^it was told to stop$/, () => m.reason_told_to_stop()],
  [/^all data has been played$/, () => m.reason_data_played()],
  [/^no reason given$/, () => m.reason_none()],
  [/^wide limits of the demonstration$/, () => m.reason_demo_limits()],
  [/^approved for the demonstration$/, () => m.reason_demo_approved()],
  [/^the user was disabled$/, () => m.reason_user_disabled()],
  [/^the password was changed$/, () => m.reason_password_changed()],
  [/^there were too many$/, () => m.reason_too_many_sessions()],
  [/^logged out$/, () => m.reason_logged_out()],
  [/^revoked$/, () => m.reason_revoked()],
  [/^it panicked$/, () => m.cause_panicked()],
  [/^its feed ended$/, () => m.cause_feed_ended()],
  [/^the venue's reports ended$/, () => m.cause_reports_ended()],
  [/^the event store cannot be written now: .*; nothing was recorded$/s, () => m.cause_store_unavailable()],
  [/^an earlier commit of the same writer failed, so this one was dropped unrecorded$/, () => m.cause_superseded()],
];

/** Why the node does not take orders, as `/ready` says it. */
const READY: Phrase[] = [
  [/^the node has to end$/, () => m.ready_ending()],
  [/^the node stops$/, () => m.ready_stopping()],
  [/^the log cannot be written now$/, () => m.ready_log()],
  [/^the log will not be written any more$/, () => m.ready_log_stopped()],
  [/^the read models cannot be written now$/, () => m.ready_views()],
  [/^the read models are no longer kept up$/, () => m.ready_views_stopped()],
  [/^the read models are (\d+) events behind; at most (\d+) are allowed$/, (lag, max) => m.ready_behind({ lag, max })],
];

const PHRASES: Phrase[] = [...ALERTS, ...REASONS, ...READY];

/** For a sentence: in the chosen language where the phrase is known, else as recorded, and marked. */
export function recorded(text: string): string {
  for (const [phrase, say] of PHRASES) {
    const found = phrase.exec(text);
    if (found !== null) return say(...found.slice(1).map((part) => part ?? ''));
  }
  return text === '' ? '' : `${BEGIN}${text}${END}`;
}

export interface Part {
  text: string;
  /** Where it is not that of the page. */
  lang: string | undefined;
}

/** A sentence in pieces, each in one language. */
export function parts(sentence: string): Part[] {
  const pieces = sentence.split(new RegExp(`(${BEGIN}[^${END}]*${END})`, 'u')).filter((piece) => piece !== '');
  return pieces.map((piece) => {
    const text = plain(piece);
    return { text, lang: piece.startsWith(BEGIN) ? languageOf(text) : undefined };
  });
}

export function plain(sentence: string): string {
  return sentence.replaceAll(BEGIN, '').replaceAll(END, '');
}

/** As well as it can be told from the letters; undefined where it is the page's. */
function languageOf(text: string): string | undefined {
  const isChinese = /\p{Script=Han}/u.test(text);
  if (getLocale() === 'en') return isChinese ? 'zh-CN' : undefined;
  return !isChinese && /[A-Za-z]{2,}/.test(text) ? 'en' : undefined;
}
