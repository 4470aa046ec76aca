/**
 * Large pictures of inspections: a smaller one first, tiles where somebody looks closer, all of it
 * in register; small ones in lists.
 */

import { Api } from './api.mjs';
import { board, boardFile, png } from './pictures.mjs';
import {
  axe,
  expect,
  finish,
  giveFiles,
  launch,
  newProject,
  shot,
  signedIn,
  startServer,
} from './studio.mjs';

const [W, H] = [2600, 1788];
const large = (seed, more = {}) => ({ width: W, height: H, seed, ...more });

const server = await startServer();
const browser = await launch();
const page = await signedIn(browser, server);
const api = await Api.signIn(server);
const id = await newProject(page, server, 'Large boards');
const P = `/projects/${id}`;
const to = (rest) =>
  page.evaluate((hash) => {
    location.hash = hash;
  }, `#/p/${id}/${rest}`);

await to('annotate');
await giveFiles(
  page,
  page.getByRole('button', { name: 'Upload images…' }).last(),
  Array.from({ length: 6 }, (_, n) => boardFile(`good_${n}.png`, large(n))),
);
await page.getByRole('button', { name: 'These 6 are all good parts' }).click({ timeout: 60_000 });
await page.getByText('6 images marked OK.').waitFor();
const { items } = await api.get(`${P}/images`);
const [first] = items;
await api.send('PUT', `${P}/template`, {
  reference_id: first.id,
  content: {
    format_version: 1,
    name: 'Board',
    reference: { file: first.name, sha256: first.sha256, width: W, height: H },
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
  const stained = large(50 + n, { shift: [14, -9], stain: [1300, 900, 60] });
  const picture = png(W, H, board(stained));
  const sent = await api.send('POST', `${P}/inspect?part_id=${part}&line=L1`, picture);
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

for (let i = 0; i < 9; i++) await page.keyboard.press('+');
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
for (const [n, name] of ['golden', 'captured'].entries()) {
  const found = await registerOf(page.locator('.panes .picture-stage').nth(n));
  expect(
    found.dx === 0 && found.dy === 0,
    `tiles lie where the ${name} picture is: ${JSON.stringify(found)}`,
  );
  expect(found.sharp > 1.05 * found.coarse, `and are sharper than it: ${name}`);
}
await page.keyboard.press('b');
await page.getByText('Blink: golden and captured in turn').waitFor();
await page.waitForTimeout(400);
const looks = new Set();
for (let i = 0; i < 10; i++) {
  const seen = await page
    .locator('.panes canvas')
    .evaluateAll((all_) => all_.map((one) => getComputedStyle(one).visibility).join(' '));
  looks.add(seen);
  await page.waitForTimeout(200);
}
expect(
  looks.has('visible visible') && looks.has('visible hidden'),
  `tiles blink with their pictures: ${[...looks].join(', ')}`,
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

/** By how many pixels of the screen tiles lie beside the picture below them, and how sharp both are. */
async function registerOf(stage) {
  const look = async (visibility) => {
    await stage.evaluate((one, to_) => {
      for (const canvas of one.querySelectorAll('canvas')) canvas.style.opacity = to_;
      const lines = one.querySelector('svg');
      if (lines) lines.style.opacity = 0;
    }, visibility);
    return (await stage.screenshot()).toString('base64');
  };
  const coarse = await look(0);
  const sharp = await look(1);
  return page.evaluate(
    async ([a, b]) => {
      const greys = async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        const brush = canvas.getContext('2d');
        brush.drawImage(bitmap, 0, 0);
        const { data, width, height } = brush.getImageData(0, 0, bitmap.width, bitmap.height);
        const at = (x, y) => {
          const i = 4 * (y * width + x);
          return data[i] + data[i + 1] + data[i + 2];
        };
        return { at, width, height };
      };
      const [low, high] = [await greys(a), await greys(b)];
      const apart = (dx, dy) => {
        let sum = 0;
        for (let y = 10; y < low.height - 10; y += 2)
          for (let x = 10; x < low.width - 10; x += 2)
            sum += Math.abs(low.at(x, y) - high.at(x + dx, y + dy));
        return sum;
      };
      const detail = ({ at, width, height }) => {
        let sum = 0;
        for (let y = 10; y < height - 10; y += 2)
          for (let x = 10; x < width - 10; x += 2) sum += Math.abs(at(x, y) - at(x + 1, y));
        return Math.round(sum / 1000);
      };
      let best = { dx: 9, dy: 9, sum: Number.POSITIVE_INFINITY };
      for (let dy = -3; dy <= 3; dy++)
        for (let dx = -3; dx <= 3; dx++) {
          const sum = apart(dx, dy);
          if (sum < best.sum) best = { dx, dy, sum };
        }
      return { dx: best.dx, dy: best.dy, coarse: detail(low), sharp: detail(high) };
    },
    [coarse, sharp],
  );
}
