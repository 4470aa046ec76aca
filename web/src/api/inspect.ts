/** One picture to the approved model: bytes there, inspection back. */

import { API, ApiError, csrfHeaders, problemOf } from './client';
import type { InspectionOut } from './schema';

export type Shipment = {
  /** The same for every attempt: what arrived already is not inspected twice. */
  readonly key: string;
  readonly picture: Blob;
  readonly partId?: string;
  readonly line?: string;
};

const MOST_TRIES = 30;
const LEAST_WAIT_S = 0.5;

/**
 * Sends until there is an answer. A server that is busy says when to come again.
 *
 * `onWait` is told for how many seconds it waits, and null when it goes on.
 */
export async function inspectPicture(
  projectId: string,
  shipment: Shipment,
  onWait: (seconds: number | null) => void = () => {},
  signal?: AbortSignal,
): Promise<InspectionOut> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendOnce(projectId, shipment, signal);
    } catch (error) {
      const seconds = waitOf(error, attempt);
      if (seconds === null) throw error;
      onWait(seconds);
      await pause(seconds, signal);
      onWait(null);
    }
  }
}

/** Seconds until the next attempt; null where another one would not help. */
export function waitOf(error: unknown, attempt: number): number | null {
  if (attempt >= MOST_TRIES || !(error instanceof ApiError) || error.status !== 503) return null;
  return Math.max(LEAST_WAIT_S, error.retryAfterS ?? Math.min(10, attempt));
}

async function sendOnce(
  projectId: string,
  { key, picture, partId, line }: Shipment,
  signal?: AbortSignal,
): Promise<InspectionOut> {
  const query = new URLSearchParams();
  if (partId) query.set('part_id', partId);
  if (line) query.set('line', line);
  const response = await fetch(`${API}/projects/${projectId}/inspect?${query}`, {
    method: 'POST',
    body: picture,
    headers: {
      ...csrfHeaders(),
      'Content-Type': 'application/octet-stream',
      'Idempotency-Key': key,
    },
    signal: signal ?? null,
  });
  if (!response.ok) throw problemOf(response, await response.json().catch(() => null));
  return response.json();
}

function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('', 'AbortError'));
    });
  });
}

/** Also on addresses without https, where the browser makes no UUIDs. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
