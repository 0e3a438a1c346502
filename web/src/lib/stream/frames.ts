// The frames of /ws/v1 as the server sends them, and how one is read.
import type { Event } from '$lib/api/types';

export type Channel =
  | 'orders'
  | 'executions'
  | 'accounts'
  | 'prices'
  | 'signals'
  | 'kill_switches'
  | 'ops'
  | 'audit';

export type ServerFrame =
  | { type: 'authenticated'; user: string; permissions: string[]; heartbeat_seconds: number }
  | { type: 'subscribed'; channels: Channel[]; position: number }
  | { type: 'snapshot'; channel: Channel; position: number; items: unknown[] }
  | { type: 'event'; channel: Channel; position: number; event: Event }
  | { type: 'heartbeat'; position: number; time: string }
  | { type: 'reset'; reason: string; position: number }
  | { type: 'pong' }
  | { type: 'error'; code: string; detail: string };

/** Null for anything that is no frame; the caller drops the connection then. */
export function readFrame(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') return null;
  try {
    const frame: unknown = JSON.parse(data);
    if (typeof frame !== 'object' || frame === null) return null;
    return typeof (frame as ServerFrame).type === 'string' ? (frame as ServerFrame) : null;
  } catch {
    return null;
  }
}
