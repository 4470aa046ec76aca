/**
 * Large pictures of inspections: a smaller one first, tiles where somebody looks closer, all of it
 * in register; small ones in lists.
 */

import { board, boardFile, png } from './pictures.mjs';
import { axe, begin, expect, finish, giveFiles, shot, signedIn } from './studio.mjs';

const [W, H] = [2600, 1788];
/** Differences of a pixel that count, of 765: grain is none, an edge is. */
const EDGES = 120;
const large = (seed, more = {}) => ({ width: W, height: H, seed, ...more });

const { server, browser, page, api, id, P, to } = await begin('Large boards');

await to('annotate');
await page.getByRole('heading', { name: 'No images to annotate yet' }).waitFor();
await giveFiles(
  page,
  page.getByRole('button', { name: 'Upload images…' }).last(),
  Array.from({ length: 6 }, (_, n) => boardFile(`good_${n}.png`, large(n))),
);
await page.getByRole('button', { name: 'These 6 are all good parts' }).click({ timeout: 60_000 });
await page.getByText('6 images marked OK.').waitFor();
const stained = [50, 51].map((seed) =>
  png(W, H, board(large(seed, { shift: [14, -9], stain: [1300, 900, 60] }))),
);
const { items } = await api.get(`${P}/images`);
const [first] = items;
await api.send('PUT', `${P}/template`, {
  reference_id: first.id,
  content: {
    format_version: 1,
    name: 'Board',
    reference: { file: first.name, sha256: first.sha256, width: W, height: H },
    alignment: { mode: 'shift' },
    regions: [
      {
        id: 'board',
        name: 'Board',
        shape: 'rectangle',
        points_xy: [
          [100, 100],
          [W - 100, H - 100],
        ],
        resolution: 'fast',
      },
    ],
  },
});
const template = await api.get(`${P}/template`);
const version = await api.post(`${P}/versions`, { note: 'large' });
const fit = await api.job(id, { kind: 'fit', version_id: version.id, template_id: template.id });
await api.post(`${P}/models/${fit.result.model_id}/approve`, {});
for (const [n, part] of ['P1', 'P2'].entries()) {
  const sent = await api.send('POST', `${P}/inspect?part_id=${part}&line=L1`, stained[n]);
  const { verdict } = await sent.json();
  expect(['ng', 'review'].includes(verdict), `a stain is stopped: ${verdict}`);
}

const asked = [];
page.on('request', (request) => asked.push(request.url().replace(/.*\/api\/v1/, '')));
const tiles = () => asked.filter((url) => url.includes('/tiles/'));
await to('inspect/queue');
const captured = page.locator('.panes figure').nth(1);
await captured.locator('img').first().waitFor();
await page.waitForTimeout(1500);
expect(tiles().length === 0, 'the whole picture asks for no tiles');
expect(
  asked.some((url) => /picture\?kind=captured&size=screen/.test(url)),
  'it comes as large as a screen',
);
const natural = await captured
  .locator('img')
  .first()
  .evaluate((img) => img.naturalWidth);
expect(natural === 1600, `made smaller to ${natural} px`);
const drawnAt = await captured
  .locator('img')
  .first()
  .evaluate((img) => [img.offsetWidth, img.offsetHeight].join(' x '));
expect(drawnAt === `${W} x ${H}`, `and drawn as the picture is: ${drawnAt}`);
await shot(page, 'large-queue');

for (let i = 0; i < 7; i++) await page.keyboard.press('+');
await page.waitForTimeout(1500);
expect(
  tiles().some((url) => /\/inspections\/[^/]+\/tiles\/0\//.test(url)) &&
    tiles().some((url) => /\/models\/[^/]+\/reference\/tiles\/0\//.test(url)),
  'closer, tiles of both pictures come',
);
const all = Math.ceil(W / 512) * Math.ceil(H / 512);
const own = new Set(tiles().filter((url) => /\/inspections\/.*\/tiles\/0\//.test(url)));
expect(own.size < all, `and only those that are seen: ${own.size} of ${all}`);
expect((await page.locator('.panes canvas').count()) === 2, 'both panes are sharp');
await page.keyboard.press('h');
await page.waitForTimeout(1500);
await shot(page, 'large-queue-closer');
await axe(page, 'a large picture, closer');
await page.keyboard.press('h');
const looks = { golden: [], captured: [] };
for (const [n, name] of ['golden', 'captured'].entries()) {
  const stage = page.locator('.panes .picture-stage').nth(n);
  for (const opacity of [0, 1]) looks[name].push(await lookAt(stage, opacity));
  const found = await apart(...looks[name]);
  expect(
    found.dx === 0 && found.dy === 0,
    `tiles lie where the ${name} picture is: ${JSON.stringify(found)}`,
  );
  expect(found.details[1] > 1.05 * found.details[0], `and are sharper than it: ${name}`);
}
const laid = await apart(looks.golden[0], looks.captured[0], EDGES);
expect(
  Math.abs(laid.dx) <= 1 && Math.abs(laid.dy) <= 1,
  `the captured picture lies over the golden one: ${JSON.stringify(laid)}`,
);
await page.keyboard.press('b');
await page.getByText('Blink: golden and captured in turn').waitFor();
await page.waitForTimeout(400);
const seenWays = new Set();
for (let i = 0; i < 10; i++) {
  const seen = await page
    .locator('.panes canvas')
    .evaluateAll((all_) => all_.map((one) => getComputedStyle(one).visibility).join(' '));
  seenWays.add(seen);
  await page.waitForTimeout(200);
}
expect(
  seenWays.has('visible visible') && seenWays.has('visible hidden'),
  `tiles blink with their pictures: ${[...seenWays].join(', ')}`,
);
await page.keyboard.press('b');

// The next one is there at once, also a large one.
const current = page.url().split('/').at(-1);
const start = performance.now();
await page.keyboard.press('n');
await page.waitForFunction((before) => {
  const img = document.querySelectorAll('.panes figure')[1]?.querySelector('img');
  return !location.hash.endsWith(before) && img?.complete && img.naturalWidth > 0;
}, current);
const ms = performance.now() - start;
expect(ms < 300, `the next large picture is there at once: ${ms.toFixed(0)} ms`);

await to('quality/parts/P1');
const small = page.locator('.part-picture img').first();
await small.waitFor();
await page.waitForFunction(() => document.querySelector('.part-picture img')?.naturalWidth > 0);
const width = await small.evaluate((img) => img.naturalWidth);
expect(width === 256, `the list of a part shows small pictures: ${width} px`);
await shot(page, 'large-parts');

for (const [name, more] of [
  ['dark', { colorScheme: 'dark' }],
  ['tablet', { viewport: { width: 1024, height: 768 }, hasTouch: true }],
]) {
  const other = await signedIn(browser, server, more);
  await other.goto(`${server.url}/#/p/${id}/inspect/queue`);
  await other.locator('.panes figure').nth(1).locator('img').first().waitFor();
  for (let i = 0; i < 8; i++) await other.keyboard.press('+');
  await other.waitForTimeout(1500);
  await shot(other, `large-queue-${name}`);
  await other.context().close();
}
await browser.close();
await server.stop();
finish();

/** A pane without outlines, its tiles seen as much as `opacity` says. */
async function lookAt(stage, opacity) {
  await stage.evaluate((one, to_) => {
    for (const canvas of one.querySelectorAll('canvas')) canvas.style.opacity = to_;
    const lines = one.querySelector('svg');
    if (lines) lines.style.opacity = 0;
  }, opacity);
  return (await stage.screenshot()).toString('base64');
}

/** By how many pixels of the screen two looks are apart, at most 4, and how sharp each is. */
function apart(first_, second_, least = 0) {
  return page.evaluate(
    async ([both, from]) => {
      const greys = async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const brush = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
        brush.drawImage(bitmap, 0, 0);
        const { data, width, height } = brush.getImageData(0, 0, bitmap.width, bitmap.height);
        const at = (x, y) => {
          const i = 4 * (y * width + x);
          return data[i] + data[i + 1] + data[i + 2];
        };
        return { at, width, height };
      };
      const [a, b] = await Promise.all(both.map(greys));
      const width = Math.min(a.width, b.width);
      const height = Math.min(a.height, b.height);
      const sumOf = (one) => {
        let sum = 0;
        for (let y = 10; y < height - 10; y += 2)
          for (let x = 10; x < width - 10; x += 2) sum += one(x, y);
        return sum / 1000;
      };
      let best = { dx: 9, dy: 9, sum: Number.POSITIVE_INFINITY };
      for (let dy = -4; dy <= 4; dy++)
        for (let dx = -4; dx <= 4; dx++) {
          const sum = sumOf((x, y) => {
            const by = Math.abs(a.at(x, y) - b.at(x + dx, y + dy));
            return by < from ? 0 : by;
          });
          if (sum < best.sum) best = { dx, dy, sum };
        }
      const details = [a, b].map(({ at }) => sumOf((x, y) => Math.abs(at(x, y) - at(x + 1, y))));
      return { dx: best.dx, dy: best.dy, details };
    },
    [[first_, second_], least],
  );
}
