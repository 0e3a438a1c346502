// The account at one moment: what stands in the header and among the positions is one answer of the
// server, as of one position of the log, so that cash and positions add up to the equity.
import { api, ask } from '$lib/api/client';
import { isFinal, type Failure } from '$lib/api/problem';
import type { Portfolio as Shown } from '$lib/api/types';
import { businessDate } from '$lib/format/time';
import { dayPnlOf, type DayPnl } from './equity-points';

export class Portfolio {
  /** Never put together from two answers, and not replaced by an older one. */
  now = $state.raw<Shown | null>(null);
  failure = $state.raw<Failure | null>(null);
  #account = '';
  /** The next answer counts whatever its position is. */
  #anew = true;

  /** The business date that the figures are of; empty while there are none. */
  today = $derived(businessDate(this.now?.time ?? ''));

  /** The change of the business day. */
  day = $derived.by((): DayPnl | null => {
    if (this.now === null) return null;
    const { point, day_base, positions_total } = this.now;
    return dayPnlOf(point ?? null, day_base ?? null, this.today, positions_total > 0);
  });

  show(account: string): void {
    if (account === this.#account) return;
    this.#account = account;
    this.now = null;
    this.failure = null;
  }

  /** What is shown stays until the next answer: the log that it comes from may be another one. */
  startOver(): void {
    this.#anew = true;
  }

  /** For the refresher: false when it should be tried again. */
  refresh = async (): Promise<boolean> => {
    const account = this.#account;
    if (account === '') return true;
    const params = { path: { account } };
    const answer = await ask(api.GET('/api/v1/accounts/{account}/portfolio', { params }));
    if (account !== this.#account) return true;
    this.failure = answer.ok ? null : answer.failure;
    if (answer.ok) this.#take(answer.data);
    return answer.ok || isFinal(answer.failure);
  };

  #take(answer: Shown): void {
    if (!this.#anew && this.now !== null && answer.position < this.now.position) return;
    this.#anew = false;
    this.now = answer;
  }
}
