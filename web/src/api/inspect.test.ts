import { afterEach, expect, it, vi } from 'vitest';
import { inspectPicture, newKey } from './inspect';

afterEach(() => vi.unstubAllGlobals());

it('sends the same picture under the same key until the server has room', async () => {
  const keys: (string | null)[] = [];
  const answers = [
    new Response('{"code":"busy","detail":"full"}', {
      status: 503,
      headers: { 'Retry-After': '0.5' },
    }),
    new Response('{"id":"i1","verdict":"ok"}', { status: 201 }),
  ];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    expect(url).toBe('/api/v1/projects/p/inspect?part_id=P+7&line=A');
    keys.push(new Headers(init.headers).get('Idempotency-Key'));
    return Promise.resolve(answers.shift());
  });
  const waits: (number | null)[] = [];
  const shipment = { key: newKey(), picture: new Blob(['x']), partId: 'P 7', line: 'A' };
  const found = await inspectPicture('p', shipment, (seconds) => waits.push(seconds));
  expect(found.verdict).toBe('ok');
  expect(keys).toEqual([shipment.key, shipment.key]);
  expect(waits).toEqual([0.5, null]);
});

it('tells at once what another attempt would not mend', async () => {
  const answer = new Response('{"code":"state","detail":"No model is approved."}', { status: 409 });
  vi.stubGlobal('fetch', () => Promise.resolve(answer));
  const shipment = { key: newKey(), picture: new Blob(['x']) };
  await expect(inspectPicture('p', shipment)).rejects.toThrow('No model is approved.');
});
