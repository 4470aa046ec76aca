/** The one way to the server: typed by its OpenAPI, errors as `ApiError`. */

import createClient from 'openapi-fetch';
import type { paths } from './schema';

export const API = '/api/v1';

/** What the server refused, with its stable code and its words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(detail);
  }
}

let csrf: string | null = null;

/** Every change carries it; a page from elsewhere cannot know it. */
export function setCsrf(token: string | null): void {
  csrf = token;
}

export function csrfHeaders(): Record<string, string> {
  return csrf === null ? {} : { 'X-CSRF-Token': csrf };
}

export const api = createClient<paths>({ baseUrl: '' });

api.use({
  onRequest({ request }) {
    if (request.method !== 'GET' && csrf !== null) request.headers.set('X-CSRF-Token', csrf);
    return request;
  },
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data, or the problem thrown. */
export async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw problemOf(response, error);
  return data as T;
}

export function problemOf(response: Response, body: unknown): ApiError {
  const found = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const wait = Number(response.headers.get('Retry-After'));
  return new ApiError(
    response.status,
    String(found.code ?? 'http'),
    String(found.detail ?? `${response.status} ${response.statusText}`),
    Number.isFinite(wait) && wait > 0 ? wait : null,
  );
}
