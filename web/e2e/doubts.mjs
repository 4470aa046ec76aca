/**
 * What speaks against a reference: a defect, the test, images of other sizes; and what an alignment
 * came to, also where there is nothing to align.
 */

import { boardFile, file, png } from './pictures.mjs';
import { ask, axe, begin, expect, finish, giveFiles, shot, signedIn } from './studio.mjs';

const [W, H] = [400, 276];
const good = (n) => boardFile(`good_${n}.png`, { width: W, height: H, seed: n });
const grain = (seed) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const grey = 60 + (state >>> 25);
    return [grey, grey, grey];
  };
};

const { server, browser, page, api, id, P, to } = await begin('Boards');

await to('annotate');
await page.getByRole('heading', { name: 'No images to annotate yet' }).waitFor();
await giveFiles(page, page.getByRole('button', { name: 'Upload images…' }).last(), [
  ...Array.from({ length: 10 }, (_, n) => good(n)),
  boardFile('bad.png', { width: W, height: H, stain: [200, 120, 14] }),
  boardFile('tested.png', { width: W, height: H, seed: 40 }),
  boardFile('larger.png', { width: 800, height: 552, seed: 41 }),
  boardFile('wide.png', { width: 500, height: 276, seed: 42 }),
  file('surface_1.png', png(W, H, grain(1))),
  file('surface_2.png', png(W, H, grain(2))),
]);
await page.getByText('16 new images').waitFor();
const images = Object.fromEntries(
  (await api.get(`${P}/images?limit=100`)).items.map((one) => [one.name, one]),
);
await ask(page, 'PUT', `${P}/labels`, {
  image_ids: Object.values(images)
    .filter(({ name }) => /^(good|larger|wide|tested)/.test(name))
    .map((one) => one.id),
  verdict: 'ok',
});
await ask(page, 'PUT', `${P}/labels`, { image_ids: [images['bad.png'].id], verdict: 'ng' });
const said = await api.get(`${P}/images/${images['tested.png'].id}/annotation`);
await ask(page, 'PUT', `${P}/images/${images['tested.png'].id}/annotation`, {
  revision: said.revision,
  content: { ...said.content, split: 'test' },
});

// A good image is taken without a question, what has a defect or is for the test is asked about.
await to('template');
const choose = async (name) => {
  const open = page.getByRole('button', { name: /^(Choose an uploaded image|Reference)…$/ });
  await open.click();
  await page.getByRole('option', { name: new RegExp(name) }).click();
  await page.getByRole('button', { name: 'Use as reference' }).click();
};
const about = (name) => page.getByText(new RegExp(`400 x 276 px · ${name}`));
await choose('good_0');
await page.locator('.viewer:visible svg').waitFor();
expect((await page.getByRole('dialog').count()) === 0, 'a good image is taken as it is');
const dialog = page.getByRole('dialog');
await choose('bad');
await dialog.getByText(/'bad\.png' is judged NG\. .*such a defect is missed/).waitFor();
await axe(page, 'doubts about a reference');
await shot(page, 'doubts-dialog');
await dialog.getByRole('button', { name: 'Choose another image' }).click();
await dialog.waitFor({ state: 'detached' });
expect(await about('good_0.png').isVisible(), 'the reference stays what it was');
await choose('tested');
await dialog.getByText(/'tested\.png' is kept for the test\. .*cannot be tested on it/).waitFor();
await page.keyboard.press('Escape');
await dialog.waitFor({ state: 'detached' });
await choose('bad');
await dialog.getByRole('button', { name: 'Use it anyway' }).click();
await page.locator('.notice-warn', { hasText: 'is judged NG' }).waitFor();
expect(await about('bad.png').isVisible(), 'who has read it may go on');
await page.getByRole('button', { name: 'Save', exact: true }).click();
await page.getByText(/Saved as version 1/).waitFor();
await page.reload();
await page.locator('.notice-warn', { hasText: 'is judged NG' }).waitFor();
await axe(page, 'the template with doubts');
await shot(page, 'doubts-notice');

// Images of other sizes: counted by the policy, and shown.
const sizes = page.locator('.notice-warn', { hasText: 'another size' });
await sizes.getByText(/2 images have another size than the reference \(400 x 276\)/).waitFor();
await page.getByRole('tab', { name: 'Template' }).click();
await shot(page, 'doubts-settings');
await page.getByLabel('Images of another size').selectOption('scale');
await sizes.getByText(/1 is refused, being more than 2% off its shape/).waitFor();
await page.getByLabel('Images of another size').selectOption('fit');
await sizes.waitFor({ state: 'detached' });
await page.getByText(/2 are resampled/).waitFor();
expect(true, 'what becomes of them follows the policy');
await page.getByLabel('Images of another size').selectOption('exact');
await sizes.getByRole('link', { name: 'Show these 2 images' }).click();
const options = page.locator('[role=option]');
await page.waitForFunction(() => document.querySelectorAll('[role=option]').length === 2);
const names = (await options.allInnerTexts()).join(' ');
expect(/larger/.test(names) && /wide/.test(names), 'the link shows them and no others');
await axe(page, 'images of another size');
await shot(page, 'doubts-other-sizes');
await page.getByRole('button', { name: 'Other size than 400 x 276' }).click();
await page.waitForFunction(() => document.querySelectorAll('[role=option]').length > 10);
await page.goBack();
await page.getByRole('heading', { name: 'Template' }).first().waitFor();
expect(true, 'going back leads to the template');

// What alignment came to.
await choose('good_0');
await page.getByRole('button', { name: 'Check alignment…' }).click();
const result = page.locator('#alignment-result');
for (const [image, outcome] of [
  ['good_0', /Already in place.*Agreement 1\.00 of 1/],
  ['surface_1', /Could not be aligned: too little structure in common.*Agreement 0\.[0-3]\d of 1/],
  ['larger', /Invalid when inspected/],
]) {
  await dialog.getByLabel('Find by name').fill(image);
  await page.getByRole('option', { name: new RegExp(image) }).click();
  await result
    .getByText(/of 1|Invalid/)
    .first()
    .waitFor();
  await page.waitForTimeout(300);
  const words = await result.innerText();
  expect(outcome.test(words.replaceAll('\n', ' ')), `alignment of ${image}: ${words}`);
  if (image === 'surface_1') {
    await axe(page, 'an image without structure in common');
    await shot(page, 'doubts-unsure');
  }
}
await page.keyboard.press('Escape');

// The check of the dataset counts them as well.
const version = await api.post(`${P}/versions`, { note: 'sizes' });
const template = await api.get(`${P}/template`);
await api.job(id, { kind: 'check', version_id: version.id, template_id: template.id });
await to('health');
const section = page.locator('section.panel', { hasText: 'another size than the reference' });
await section.waitFor({ timeout: 30_000 });
await section.scrollIntoViewIfNeeded();
await axe(page, 'health with images of other sizes');
await shot(page, 'doubts-health');
expect(
  /2 images have another size.*All are refused/.test(await section.innerText()),
  'the check counts images of another size',
);
expect(
  await page
    .getByText(/bad\.png: It is the reference of the template and filed as bad/)
    .isVisible(),
  'and names a reference that is filed as bad',
);
await section.getByRole('link', { name: 'Show all images of another size' }).click();
await page.waitForFunction(() => document.querySelectorAll('[role=option]').length === 2);
expect(true, 'and leads to them');

for (const [name, more] of [
  ['dark', { colorScheme: 'dark' }],
  ['tablet', { viewport: { width: 1024, height: 768 }, hasTouch: true }],
]) {
  const other = await signedIn(browser, server, more);
  await other.goto(`${server.url}/#/p/${id}/template`);
  await other.locator('.notice-warn').first().waitFor();
  await other.waitForTimeout(800);
  await shot(other, `doubts-notice-${name}`);
  await axe(other, `the template with doubts, ${name}`);
  const wide = await other.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(!wide, `it fits: ${name}`);
  await other.context().close();
}
await browser.close();
await server.stop();
finish();
