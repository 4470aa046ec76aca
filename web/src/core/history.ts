/** Undo and redo over immutable documents. */

export type History<T> = {
  readonly past: readonly { readonly state: T; readonly label: string }[];
  readonly present: T;
  readonly future: readonly { readonly state: T; readonly label: string }[];
  /** Steps with the same tag in a row count as one. */
  readonly tag: string | null;
};

const MOST_STEPS = 500;

export function newHistory<T>(present: T): History<T> {
  return { past: [], present, future: [], tag: null };
}

/** Remember a new state under a label; an unchanged one is no step. */
export function commit<T>(
  history: History<T>,
  present: T,
  label: string,
  tag: string | null = null,
): History<T> {
  if (present === history.present) return history;
  const isSame = tag !== null && tag === history.tag && history.past.length > 0;
  const past = isSame ? history.past : [...history.past, { state: history.present, label }];
  return { past: past.slice(-MOST_STEPS), present, future: [], tag };
}

export function undo<T>(history: History<T>): History<T> {
  const last = history.past.at(-1);
  if (!last) return history;
  return {
    past: history.past.slice(0, -1),
    present: last.state,
    future: [{ state: history.present, label: last.label }, ...history.future],
    tag: null,
  };
}

export function redo<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (!next) return history;
  return {
    past: [...history.past, { state: history.present, label: next.label }],
    present: next.state,
    future,
    tag: null,
  };
}
