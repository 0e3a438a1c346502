// The routes of /api/v1 that the dashboard uses.
import { randomBytes } from 'node:crypto';
import { fieldErrors } from './risk.mjs';

export const USER = 'demo';
export const PASSWORD = 'demo-password';
const COOKIE = '__Host-blotter_session';
const ALL = ['orders.read', 'orders.submit', 'orders.cancel', 'accounts.read', 'market.read', 'strategies.read', 'kill_switches.read', 'kill_switches.engage', 'kill_switches.release', 'audit.read', 'ops.read'];
const VIEW = ALL.filter((name) => name.endsWith('.read') && name !== 'audit.read');
const DECIMALS_MAX = 12;
const OPEN = ['pending_new', 'new', 'partially_filled', 'pending_cancel'];

class Refusal extends Error {
  constructor(status, code, more = {}) {
    super(code);
    Object.assign(this, { status, code, more });
  }
}

export class Api {
  sessions = new Map();
  tickets = new Map();
  receipts = new Map();
  failedLogins = 0;
  /** What the next matching requests are answered with; set by POST /mock/fail. */
  faults = [];

  constructor(desk) {
    this.desk = desk;
  }

  sessionOf(request) {
    const cookie = request.headers.cookie ?? '';
    return this.sessions.get(new RegExp(`${COOKIE}=([0-9a-f]+)`).exec(cookie)?.[1]);
  }

  /** { status, body, headers } for any request under /api/v1. */
  answer(request, url, body) {
    try {
      const path = url.pathname.slice('/api/v1/'.length);
      const fault = this.faults.find((one) => one.times > 0 && path === one.path && one.method === request.method);
      if (fault) {
        fault.times -= 1;
        if (fault.act) this.route(request.method, path, url.searchParams, body, request, this.sessionOf(request));
        throw new Refusal(fault.status, fault.code);
      }
      if (path === 'sessions' && request.method === 'POST') return this.logIn(body);
      const session = this.sessionOf(request);
      if (!session) throw new Refusal(401, 'unauthenticated');
      if (request.method !== 'GET' && request.headers['x-csrf-token'] !== session.csrf_token) throw new Refusal(403, 'csrf_token_missing');
      return this.route(request.method, path, url.searchParams, body, request, session);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, code, more } = error;
      const { retryAfter, ...members } = more;
      const problem = { type: `/api/docs/problems#${code}`, title: code, status, detail: `The mock answers ${code}.`, code, request_id: randomBytes(4).toString('hex'), ...members };
      return { status, body: problem, headers: { 'Content-Type': 'application/problem+json', ...(retryAfter ? { 'Retry-After': String(retryAfter) } : {}) } };
    }
  }

  logIn({ user, password }) {
    if (this.failedLogins >= 5) {
      setTimeout(() => (this.failedLogins = 0), 10_000).unref();
      throw new Refusal(429, 'login_throttled', { retryAfter: 10 });
    }
    const viewer = user === 'viewer' && password === PASSWORD;
    if (!viewer && (user !== USER || password !== PASSWORD)) {
      this.failedLogins += 1;
      throw new Refusal(401, 'bad_credentials');
    }
    this.failedLogins = 0;
    const token = randomBytes(16).toString('hex');
    const session = { user, principal: `user:${user}`, roles: [viewer ? 'viewer' : 'trader'], permissions: viewer ? VIEW : ALL, csrf_token: randomBytes(16).toString('hex'), expires_at: new Date(Date.now() + 8 * 3_600_000).toISOString(), idle_seconds: 3_600 };
    this.sessions.set(token, session);
    return { status: 201, body: session, headers: { 'Set-Cookie': `${COOKIE}=${token}; Path=/; Secure; HttpOnly; SameSite=Strict` } };
  }

  route(method, path, query, body, request, session) {
    const desk = this.desk;
    const who = { principal: session.principal, human: session.user, roles: session.roles };
    const need = (name) => {
      if (!session.permissions.includes(name)) throw new Refusal(403, 'forbidden', { permission: name });
    };
    const ok = (value, status = 200) => ({ status, body: value, headers: {} });
    const list = (rows) => ok({ items: rows.slice(0, Number(query.get('limit') ?? 100)), next_cursor: null });
    const bySymbol = (rows) => rows.filter((row) => !query.get('symbol') || row.symbol === query.get('symbol'));
    const once = (run) => this.once(request.headers['idempotency-key'], body, run);

    switch (`${method} ${path}`) {
      case 'GET sessions/current':
        return ok(session);
      case 'DELETE sessions/current':
        for (const [token, one] of this.sessions) if (one === session) this.sessions.delete(token);
        return { status: 204, body: null, headers: {} };
      case 'POST stream-tickets': {
        const ticket = randomBytes(16).toString('hex');
        this.tickets.set(ticket, session);
        return ok({ ticket, expires_at: new Date(Date.now() + 30_000).toISOString() }, 201);
      }
      case 'GET accounts':
        return list([desk.account()]);
      case 'GET accounts/demo/portfolio':
        return ok(desk.portfolio());
      case 'GET positions':
        return list(desk.positions());
      case 'GET executions':
        return list(bySymbol(desk.executions));
      case 'GET instruments':
        return list([...desk.instruments.values()]);
      case 'GET signals':
        return list(bySymbol(desk.signals));
      case 'GET strategies':
        return list(desk.strategies());
      case 'GET candles':
        if (!query.get('symbol')) throw new Refusal(400, 'bad_request');
        return ok({ items: (desk.candles.get(query.get('symbol')) ?? []).slice(-Number(query.get('limit') ?? 100)), next_cursor: null });
      case 'GET accounts/demo/equity':
        return ok({ items: this.equity(query), next_cursor: null });
      case 'GET orders': {
        const status = query.get('status');
        return list(bySymbol(desk.orders).filter((order) => status !== 'open' || OPEN.includes(order.status)));
      }
      case 'POST orders/preview':
        need('orders.submit');
        this.validate(body);
        return ok(desk.preview(body));
      case 'POST orders':
        need('orders.submit');
        this.validate(body);
        return once(() => {
          const { order, assessment } = desk.submit(body, who);
          const { checks, reservation, reference_price, refusal } = assessment;
          if (refusal) throw new Refusal(422, 'order_refused', { order_id: order.order_id, refusal, checks, errors: fieldErrors(checks), position: desk.log.head });
          return ok({ order, checks, reservation, reference_price, position: desk.log.head }, 201);
        });
      case 'GET risk/kill-switches':
        return list(desk.halts);
      case 'POST risk/kill-switches':
        need('kill_switches.engage');
        return once(() => ok(this.engage(body, who), 201));
      case 'POST risk/kill-switches/release':
        need('kill_switches.release');
        return once(() => ok(this.release(body, who)));
      case 'GET audit/events': {
        need('audit.read');
        const type = query.get('type');
        const events = desk.log.events.filter((event) => !type || event.type === type);
        return list(query.get('order') === 'desc' ? events.reverse() : events);
      }
    }
    return this.orderRoute(method, path, who, need, ok);
  }

  orderRoute(method, path, who, need, ok) {
    const [, id, rest] = /^orders\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    const order = this.desk.orders.find((one) => one.order_id === id);
    if (!order) throw new Refusal(404, 'not_found');
    if (method === 'GET' && rest === 'events') {
      return ok({ items: this.desk.log.events.filter((event) => event.payload.order_id === id), next_cursor: null });
    }
    if (method === 'GET' && rest === '') return ok(order);
    if (method === 'POST' && rest === 'cancel') {
      need('orders.cancel');
      if (!OPEN.includes(order.status)) throw new Refusal(409, 'no_open_order');
      return ok({ order_id: id, position: this.desk.cancel(order, who).position }, 202);
    }
    throw new Refusal(404, 'not_found');
  }

  validate(body) {
    const errors = [];
    const allowed = 'a decimal above 0, written as a string';
    const number = (field) => {
      const found = body[field];
      const wrong = (message) => errors.push({ field, found, message, allowed });
      if (found === undefined) wrong(`${field} is missing`);
      else if (!/^\d+(\.\d+)?$/.test(found)) wrong(`"${found}" is not a decimal number; write it like 12.5, without exponent`);
      else if (Number(found) <= 0) wrong(`${field} must be above 0`);
      else if ((found.split('.')[1] ?? '').length > DECIMALS_MAX) wrong(`${found} has too many decimals; at most ${DECIMALS_MAX} are allowed`);
    };
    number('quantity');
    if (body.type === 'limit') number('limit_price');
    if (errors.length > 0) throw new Refusal(422, 'invalid_field', { errors });
  }

  equity(query) {
    const points = this.desk.equity;
    const after = query.get('after');
    if (after !== null) return points.filter((point) => point.position > Number(after)).slice(0, Number(query.get('limit') ?? 100));
    const wanted = Number(query.get('points') ?? 100);
    const step = Math.max(1, Math.ceil(points.length / wanted));
    return points.filter((_, index) => (points.length - 1 - index) % step === 0);
  }

  engage({ scope, key = null, cause }, who) {
    const known = this.desk.halts.find((one) => one.scope === scope && one.key === key);
    if (known) return known;
    const event = this.desk.log.append('system-halts', 'KillSwitchEngaged', { scope, ...(key ? { key } : {}), mode: 'halt', cause }, who);
    const halt = { scope, key, mode: 'halt', cause, engaged_by: who.principal, engaged_at: event.occurred_at, position: event.position };
    this.desk.halts.push(halt);
    return halt;
  }

  release({ scope, key = null, cause }, who) {
    const index = this.desk.halts.findIndex((one) => one.scope === scope && one.key === key);
    if (index < 0) throw new Refusal(409, 'kill_switch_not_engaged');
    this.desk.halts.splice(index, 1);
    const event = this.desk.log.append('system-halts', 'KillSwitchReleased', { scope, ...(key ? { key } : {}), cause }, who);
    return { scope, key, position: event.position };
  }

  /** The same key with the same command gets the first answer. */
  once(key, body, run) {
    const command = JSON.stringify(body);
    const receipt = this.receipts.get(key);
    if (receipt && receipt.command !== command) throw new Refusal(409, 'idempotency_key_reused');
    if (receipt) return receipt.answer;
    const answer = run();
    if (key) this.receipts.set(key, { command, answer });
    return answer;
  }
}
