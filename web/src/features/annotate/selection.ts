/** Which images of a list are chosen: by click, with Shift for a range, with Ctrl one by one. */

export type Selection = {
  readonly ids: ReadonlySet<string>;
  /** Where a range begins, and where the keyboard is. */
  readonly anchor: number;
  readonly active: number;
};

export const NO_SELECTION: Selection = { ids: new Set(), anchor: 0, active: 0 };

type Modifiers = {
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
};

export function pick(
  selection: Selection,
  ids: readonly string[],
  index: number,
  keys: Modifiers,
): Selection {
  const id = ids[index];
  if (id === undefined) return selection;
  const isAdded = keys.ctrlKey || keys.metaKey;
  if (keys.shiftKey) {
    const [from, to] = [Math.min(selection.anchor, index), Math.max(selection.anchor, index)];
    const range = ids.slice(from, to + 1);
    return {
      ids: new Set(isAdded ? [...selection.ids, ...range] : range),
      anchor: selection.anchor,
      active: index,
    };
  }
  if (!isAdded) return { ids: new Set([id]), anchor: index, active: index };
  const next = new Set(selection.ids);
  if (!next.delete(id)) next.add(id);
  return { ids: next, anchor: index, active: index };
}

/** What is left of a selection when the list has changed. */
export function within(selection: Selection, ids: readonly string[]): Selection {
  const known = new Set(ids);
  const left = [...selection.ids].filter((id) => known.has(id));
  const last = Math.max(0, ids.length - 1);
  if (left.length === selection.ids.size && selection.active <= last) return selection;
  return {
    ids: new Set(left),
    anchor: Math.min(selection.anchor, last),
    active: Math.min(selection.active, last),
  };
}
