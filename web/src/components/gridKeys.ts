/** Where a key leads in a grid of `count` items; null = it leads nowhere. */
export function gridStep(
  key: string,
  at: number,
  columns: number,
  count: number,
  pageRows = 4,
): number | null {
  if (count === 0) return null;
  const to = target(key, at, columns, count, pageRows);
  return to === null ? null : Math.max(0, Math.min(count - 1, to));
}

function target(
  key: string,
  at: number,
  columns: number,
  count: number,
  pageRows: number,
): number | null {
  switch (key) {
    case 'ArrowRight':
      return at + 1;
    case 'ArrowLeft':
      return at - 1;
    case 'ArrowDown':
      return at + columns < count ? at + columns : at;
    case 'ArrowUp':
      return at - columns >= 0 ? at - columns : at;
    case 'PageDown':
      return at + columns * pageRows;
    case 'PageUp':
      return at - columns * pageRows;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
