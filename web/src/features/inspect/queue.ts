/** The order of reviewing: which comes next, and what was decided here. */

import { ApiError } from '../../api/client';

export type Decision = {
  readonly id: string;
  readonly verdict: 'ng' | 'review';
  readonly decision: 'ok' | 'ng';
  readonly isLearned: boolean;
};

type Waiting = { readonly id: string };

/** Those nobody has judged, as far as this page knows. */
export const stillOpen = <T extends Waiting>(items: readonly T[], decided: ReadonlySet<string>) =>
  items.filter((item) => !decided.has(item.id));

/** The one behind, older than this one; at the end the newest again. Null when none is left. */
export function nextOf(
  items: readonly Waiting[],
  id: string,
  decided: ReadonlySet<string>,
): string | null {
  return stepOf(items, id, decided, 1);
}

export function stepOf(
  items: readonly Waiting[],
  id: string,
  decided: ReadonlySet<string>,
  step: 1 | -1,
): string | null {
  const at = items.findIndex((item) => item.id === id);
  const count = items.length;
  for (let i = 1; i <= count; i++) {
    const index = ((((at === -1 && step === 1 ? -1 : at) + step * i) % count) + count) % count;
    const item = items[index];
    if (item && item.id !== id && !decided.has(item.id)) return item.id;
  }
  return null;
}

/** Somebody else was first: the picture does not wait any more. */
export const isTaken = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 409;

/** Those that will be wanted soon. */
export function ahead(
  items: readonly Waiting[],
  id: string,
  decided: ReadonlySet<string>,
  count: number,
): string[] {
  const found: string[] = [];
  let at: string | null = id;
  while (found.length < count) {
    at = nextOf(items, at, decided);
    if (at === null || at === id || found.includes(at)) break;
    found.push(at);
  }
  return found;
}

export type Reason = { readonly text: string; readonly decision: 'ok' | 'ng' };

const MOST_EACH = { ng: 5, ok: 4 } as const;

/** Chips for the digits 1 to 9: what people gave lately, then what the catalogue and the trade say. */
export function reasonsFor(
  given: Readonly<Record<'ok' | 'ng', readonly string[]>>,
  catalogue: Readonly<Record<'ok' | 'ng', readonly string[]>>,
  usual: Readonly<Record<'ok' | 'ng', readonly string[]>>,
): Reason[] {
  const taken = new Set<string>(); // a word stands once, though it was given for both
  const of = (decision: 'ok' | 'ng'): Reason[] => {
    const found: Reason[] = [];
    for (const text of [...given[decision], ...catalogue[decision], ...usual[decision]]) {
      if (found.length === MOST_EACH[decision] || taken.has(text.toLowerCase())) continue;
      taken.add(text.toLowerCase());
      found.push({ text, decision });
    }
    return found;
  };
  return [...of('ng'), ...of('ok')];
}

/** Words of the project's catalogue of defects. */
export function catalogueOf(problem: Readonly<Record<string, unknown>>): {
  ok: string[];
  ng: string[];
} {
  const words = (key: string, name: string) =>
    (Array.isArray(problem[key]) ? problem[key] : [])
      .map((one: unknown) => (one as Record<string, unknown> | null)?.[name])
      .filter(
        (word): word is string => typeof word === 'string' && word !== '' && word.length <= 60,
      );
  return { ng: words('defects', 'type'), ok: words('not_a_defect', 'words') };
}
