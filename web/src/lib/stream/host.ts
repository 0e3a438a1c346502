// The stream client's outside in a browser.
import { api, ask } from '$lib/api/client';
import type { Host, Socket } from './client';

export const browserHost: Host = {
  async ticket() {
    const answer = await ask(api.POST('/api/v1/stream-tickets'));
    if (answer.ok) return answer.data.ticket;
    if (answer.failure.kind === 'problem' && answer.failure.problem.status === 401) return null;
    throw new Error('no ticket');
  },
  open(): Socket {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    return new WebSocket(`${scheme}://${location.host}/ws/v1`) as unknown as Socket;
  },
  random: () => Math.random(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
