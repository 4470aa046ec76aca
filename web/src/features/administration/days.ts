/** A number of days as typed: null = for ever, undefined = no such number. */
export function daysOf(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  const days = Number(trimmed);
  return /^\d+$/.test(trimmed) && days >= 1 && days <= 36_500 ? days : undefined;
}
