import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ApiError } from '../api/client';
import { CoreError } from '../core/errors';
import { errorText } from '.';

it.each(['template', 'sidecar'])('has words for every rule that %s names', (name) => {
  const text = readFileSync(new URL(`../core/${name}.ts`, import.meta.url), 'utf8');
  const rules = [...text.matchAll(/wrong\([^;]*?, '(\w+)'\)/g)].map((m) => m[1] ?? '');
  expect(rules.length).toBeGreaterThan(5);
  for (const rule of rules) {
    const code = name === 'template' ? 'template_field' : 'annotation_field';
    const words = errorText(new CoreError(code, { key: 'k', value: 'v', rule }));
    expect(words, rule).toMatch(/^'k' is v\. It has to be (?!undefined).+\. Correct the file\.$/);
  }
});

it('says in words what something before the server answered', () => {
  const words = (status: number) => errorText(new ApiError(status, 'http', '502 Bad Gateway'));
  expect(words(502)).toMatch(/cannot be reached just now \(answer 502\)/);
  expect(words(413)).toMatch(/^This is larger than the network lets through/);
  expect(words(418)).toMatch(/refused this \(answer 418\)/);
  expect(errorText(new ApiError(507, 'storage', 'The disk is full.'))).toBe('The disk is full.');
});
