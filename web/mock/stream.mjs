// /ws/v1 of the mock: ticket, subscribe, snapshots or replay, events, heartbeats.
import { WebSocketServer } from 'ws';

const HEARTBEAT_MS = 5_000;

const CARRIES = {
  orders: (type) => /^(Order|Cancel)|^(FillBooked|ReservationReleased)$/.test(type),
  executions: (type) => type === 'FillBooked',
  accounts: (type) => ['AccountOpened', 'CashDeposited', 'FillBooked', 'RiskLimitsChanged'].includes(type),
  prices: (type) => ['PriceMarked', 'InstrumentListed'].includes(type),
  signals: (type) => type === 'SignalGenerated' || type.startsWith('Strategy'),
  kill_switches: (type) => type.startsWith('KillSwitch'),
  ops: (type) => /^(Node|Actor|Alert)/.test(type),
  audit: () => true,
};

export function serveStream(http, desk, api) {
  const server = new WebSocketServer({ server: http, path: '/ws/v1', maxPayload: 16_384 });
  server.on('connection', (socket) => serve(socket, desk, api));
  return server;
}

function serve(socket, desk, api) {
  let channels = [];
  let session = null;
  const send = (frame) => socket.readyState === 1 && socket.send(JSON.stringify(frame));
  const event = (one) => {
    const channel = channels.find((name) => CARRIES[name]?.(one.type));
    if (channel) send({ type: 'event', channel, position: one.position, event: one });
  };
  const heartbeat = () => session && send({ type: 'heartbeat', position: desk.log.head, time: new Date().toISOString() });

  const rows = {
    orders: () => desk.orders.filter((order) => ['pending_new', 'new'].includes(order.status)),
    executions: () => desk.executions.slice(0, 100),
    accounts: () => [desk.account()],
    prices: () => [...desk.instruments.values()],
    signals: () => desk.signals.slice(0, 100),
    kill_switches: () => desk.halts,
    ops: () => [],
  };

  function subscribe(frame) {
    channels = [];
    const from = frame.from_position;
    send({ type: 'subscribed', channels: frame.channels, position: Math.min(from ?? desk.log.head, desk.log.head) });
    if (from === undefined) {
      for (const channel of frame.channels) {
        if (rows[channel]) send({ type: 'snapshot', channel, position: desk.log.head, items: rows[channel]() });
      }
    }
    channels = frame.channels;
    if (from !== undefined) for (const one of desk.log.events.slice(from)) event(one);
  }

  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString());
    if (frame.type === 'authenticate') {
      session = api.tickets.get(frame.ticket);
      api.tickets.delete(frame.ticket);
      if (!session) return socket.close(4401, 'unauthenticated');
      send({ type: 'authenticated', user: session.user, permissions: session.permissions, heartbeat_seconds: 5 });
    } else if (frame.type === 'subscribe' && session) subscribe(frame);
    else if (frame.type === 'ping') send({ type: 'pong' });
    else socket.close(4400, 'bad frame');
  });
  desk.log.listeners.add(event);
  const timer = setInterval(heartbeat, HEARTBEAT_MS);
  socket.on('close', () => {
    clearInterval(timer);
    desk.log.listeners.delete(event);
  });
}
