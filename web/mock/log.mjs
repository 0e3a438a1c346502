// The log of the mock: events with positions, in memory, handed to whoever listens.
import { createHash, randomUUID } from 'node:crypto';

const SYSTEM = { principal: 'system', human: null, roles: ['system'] };

export class Log {
  events = [];
  listeners = new Set();
  versions = new Map();
  businessTime = '2000-03-01T00:00:00.000000Z';

  get head() {
    return this.events.length;
  }

  append(stream, type, payload, who = SYSTEM, causation = null) {
    const version = (this.versions.get(stream) ?? 0) + 1;
    this.versions.set(stream, version);
    const position = this.events.length + 1;
    const event = {
      position, stream, version, event_id: randomUUID(), type, schema_version: 1, payload, who,
      command_id: randomUUID(), correlation_id: randomUUID(), causation_id: causation,
      occurred_at: this.businessTime, recorded_at: new Date().toISOString(),
      node: 'mock', build: 'mock', leaf_hash: createHash('sha256').update(`${position}${type}`).digest('hex'),
    };
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
    return event;
  }
}
