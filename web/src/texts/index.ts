import { CoreError } from '../core/errors';
import { en } from './en';

/** Every language has these keys. */
export type Texts = typeof en;

export const t: Texts = en;

/** What is wrong, in words. */
export function errorText(error: unknown): string {
  if (error instanceof CoreError) return t.errors[error.code](error.values);
  return error instanceof Error ? error.message : String(error);
}
