/** A password that can be read out: no letters that look alike. */

const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const GROUPS = 4;
const GROUP = 5;

/** About 99 bits. */
export function makePassword(): string {
  const letters: string[] = [];
  const most = 256 - (256 % LETTERS.length); // beyond it some letters would come more often
  while (letters.length < GROUPS * GROUP)
    for (const byte of crypto.getRandomValues(new Uint8Array(32)))
      if (byte < most && letters.length < GROUPS * GROUP)
        letters.push(LETTERS[byte % LETTERS.length] as string);
  const groups = Array.from({ length: GROUPS }, (_, i) =>
    letters.slice(i * GROUP, (i + 1) * GROUP),
  );
  return groups.map((group) => group.join('')).join('-');
}
