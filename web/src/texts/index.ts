import { ApiError } from '../api/client';
import { CoreError } from '../core/errors';
import { en } from './en';

/** Every language has these keys. */
export type Texts = typeof en;

export const t: Texts = en;

/** What is wrong, in words. */
export function errorText(error: unknown): string {
  if (error instanceof CoreError) return t.errors[error.code](error.values);
  if (error instanceof ApiError && error.code === 'connection') return t.app.offline;
  if (error instanceof ApiError && error.code === 'sign_in') return t.session.hadEnded;
  if (error instanceof ApiError && error.code === 'http') return unsaid(error.status);
  if (error instanceof TypeError) return t.app.offline; // what `fetch` throws without an answer
  return error instanceof Error ? error.message : String(error);
}

/** What lies between answers without the server's words. */
function unsaid(status: number): string {
  if (status === 413) return t.app.tooLarge;
  return status >= 500 ? t.app.unreachable(status) : t.app.unexpected(status);
}
