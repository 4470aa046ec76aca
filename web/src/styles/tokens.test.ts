import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

function tokensAfter(start: string): Map<string, string> {
  const block = css.slice(css.indexOf(start)).match(/{([^}]*)}/)?.[1] ?? '';
  return new Map(
    [...block.matchAll(/(--[a-z-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1] ?? '', m[2] ?? '']),
  );
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const v = Number.parseInt(colour.slice(i, i + 2), 16) / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Colour of text or line, colour behind it, least contrast (WCAG 2.2 AA). */
const PAIRS: [string, string, number][] = [
  ...['--ground', '--surface', '--raised'].flatMap((behind): [string, string, number][] => [
    ['--text', behind, 4.5],
    ['--muted', behind, 4.5],
    ['--focus', behind, 3],
    ['--accent', behind, 3],
    ['--control-line', behind, 3],
  ]),
  ['--accent-text', '--accent', 4.5],
  ['--accent-soft-text', '--accent-soft', 4.5],
  ['--good', '--good-soft', 4.5],
  ['--warn', '--warn-soft', 4.5],
  ['--bad', '--bad-soft', 4.5],
  ['--bad', '--surface', 4.5],
];

describe.each([
  ['light', ':root,'],
  ['dark, by the system', ':root:not([data-theme="light"])'],
  ['dark, by the switch', ':root[data-theme="dark"]'],
])('%s', (_, start) => {
  const tokens = tokensAfter(start);
  it.each(PAIRS)('%s on %s has a contrast of %d', (front, behind, least) => {
    expect(contrast(tokens.get(front) ?? '', tokens.get(behind) ?? '')).toBeGreaterThanOrEqual(
      least,
    );
  });
});

it('both dark blocks are alike', () => {
  expect(tokensAfter(':root:not([data-theme="light"])')).toEqual(
    tokensAfter(':root[data-theme="dark"]'),
  );
});
