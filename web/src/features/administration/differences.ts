/** Old and new values of an audit entry, value by value. */

export type Difference = {
  /** Names from the outside in, such as `answers.cost_miss`. */
  readonly path: string;
  /** Null = was not there. */
  readonly before: string | null;
  readonly after: string | null;
};

type Value = unknown;
const MOST_TEXT = 160;
const MOST_DEEP = 6;

const isObject = (value: Value): value is Record<string, Value> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What differs; where only one side is given, all of it. */
export function differences(
  before: Readonly<Record<string, Value>> | null,
  after: Readonly<Record<string, Value>> | null,
): Difference[] {
  const found: Difference[] = [];
  compare('', before ?? undefined, after ?? undefined, 0, found);
  return found;
}

function compare(path: string, a: Value, b: Value, depth: number, found: Difference[]): void {
  const canOpen = (value: Value) => value === undefined || isObject(value);
  if (depth < MOST_DEEP && canOpen(a) && canOpen(b) && (isObject(a) || isObject(b))) {
    const left = isObject(a) ? a : {};
    const right = isObject(b) ? b : {};
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    for (const name of names)
      compare(path ? `${path}.${name}` : name, left[name], right[name], depth + 1, found);
    return;
  }
  const before = shown(a);
  const after = shown(b);
  if (JSON.stringify(a) !== JSON.stringify(b)) found.push({ path, before, after });
}

/** A value as a person reads it, empty for nothing; null = not there. */
export function shown(value: Value): string | null {
  if (value === undefined) return null;
  if (value === null) return '';
  if (typeof value === 'string') return shortened(value);
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object' || one === null))
    return shortened(value.map(String).join(', '));
  return shortened(JSON.stringify(value));
}

const shortened = (text: string): string =>
  text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;

/** A day as the browser's field gives it, as seconds: its beginning here, or that of the next. */
export function dayStart(day: string, later = 0): number | undefined {
  const [year, month, date] = day.split('-').map(Number);
  if (!year || !month || !date) return undefined;
  return new Date(year, month - 1, date + later).getTime() / 1000;
}
