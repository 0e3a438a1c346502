// Who is logged in and what they may do.
import { api, ask, useCsrfToken, whenSessionIsLost } from '$lib/api/client';
import type { Failure } from '$lib/api/problem';
import type { Permission, Session } from '$lib/api/types';
import { dropDraft } from './draft.svelte';

/** Set while a session is believed to exist. The cookie itself cannot be read by scripts; without
    this, every first visit would ask and be answered with an error. */
const HINT_KEY = 'blotter.session';

class SessionState {
  /** Undefined until the server has been asked. */
  current = $state.raw<Session | null | undefined>(undefined);
  /** Why the server could not be asked at start. */
  failure = $state.raw<Failure | null>(null);
  /** The session ended by itself; the login page says so. */
  ended = $state(false);

  constructor() {
    whenSessionIsLost(() => this.lost());
  }

  can(permission: Permission): boolean {
    return this.current?.permissions.includes(permission) ?? false;
  }

  async restore(): Promise<void> {
    if (localStorage.getItem(HINT_KEY) === null) {
      this.current = null;
      return;
    }
    const answer = await ask(api.GET('/api/v1/sessions/current'));
    if (answer.ok) return this.#begin(answer.data);
    const absent = answer.failure.kind === 'problem' && answer.failure.problem.status === 401;
    this.failure = absent ? null : answer.failure;
    if (absent) localStorage.removeItem(HINT_KEY);
    this.current = null;
  }

  /** Null when it worked. */
  async logIn(user: string, password: string): Promise<Failure | null> {
    const answer = await ask(api.POST('/api/v1/sessions', { body: { user, password } }));
    if (!answer.ok) return answer.failure;
    this.#begin(answer.data);
    return null;
  }

  /** Null when it worked, or when there was no session to end. */
  async logOut(): Promise<Failure | null> {
    const answer = await ask(api.DELETE('/api/v1/sessions/current'));
    if (!answer.ok && this.current) return answer.failure;
    this.#end(false);
    return null;
  }

  lost(): void {
    if (this.current) this.#end(true);
  }

  #begin(session: Session): void {
    useCsrfToken(session.csrf_token ?? null);
    localStorage.setItem(HINT_KEY, '1');
    this.current = session;
    this.failure = null;
    this.ended = false;
  }

  #end(byItself: boolean): void {
    if (!byItself) dropDraft();
    useCsrfToken(null);
    localStorage.removeItem(HINT_KEY);
    this.current = null;
    this.ended = byItself;
  }
}

export const session = new SessionState();
