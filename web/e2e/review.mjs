/**
 * Six pictures are dropped, inspected, and reviewed by keyboard alone; then the list, the
 * agreement, the live feed and the page of models in use.
 *
 * OFFSPEC_STUDIO="URL PASSWORD" takes a server that is running, with the practice product.
 */

import { Api } from './api.mjs';
import { axe, expect, finish, goTo, launch, shot, signedIn, startServer } from './studio.mjs';

const given = process.env.OFFSPEC_STUDIO?.split(' ');
const server = given
  ? { url: given[0], password: given[1], stop: async () => {} }
  : await startServer(['--demo']);
const api = await Api.signIn(server);
const { project, model } = await api.fitted();
const P = `/projects/${project}`;
await api.post(`${P}/models/${model}/approve`, {});

/** Defective boards first, so that something waits for a person. */
async function someImages(label, count) {
  const { items } = await api.get(`${P}/images?label=${label}&limit=40`);
  return Promise.all(
    items.slice(-count).map(async ({ id, name }) => ({
      name: name.split('/').at(-1),
      base64: (await api.bytes(`${P}/images/${id}/file`)).toString('base64'),
    })),
  );
}
const pictures = [...(await someImages('ng', 4)), ...(await someImages('ok', 2))];

const browser = await launch();
const page = await signedIn(browser, server, { viewport: { width: 1280, height: 800 } });
const open = async (rest) => {
  await goTo(page, `#/p/${project}/${rest}`);
  await page.waitForTimeout(500);
};
const look = async (name) => {
  const before = page.viewportSize();
  await shot(page, `${name}-1280`);
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.waitForTimeout(250);
  await shot(page, `${name}-1920`);
  await page.setViewportSize(before);
  await page.waitForTimeout(250);
};

// Inspect: all six dropped at once.
await open('inspect');
await page.getByRole('button', { name: 'Choose images…' }).waitFor();
await axe(page, 'inspect, empty');
await look('inspect-empty');
await page.getByLabel('Line (optional)').fill('L1');
await page.getByLabel('File name as part id').check();
await page.evaluate(async (files) => {
  const data = new DataTransfer();
  for (const { name, base64 } of files) {
    // Encoded anew: as a photograph of a line, it is none of the project's files.
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    context.fillRect(0, 0, 1, 1);
    data.items.add(new File([await canvas.convertToBlob()], name, { type: 'image/png' }));
  }
  data.items.add(new File(['no image'], 'notes.txt', { type: 'text/plain' }));
  document
    .querySelector('.drop-view')
    .dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
}, pictures);
await page.getByText('6 of 6').waitFor({ timeout: 60_000 });
const runs = page.locator('.run');
expect((await runs.count()) === 6, 'six pictures are listed, the text file is not');
await page.locator('.run', { hasText: pictures[0].name }).click();
await page.locator('.result .big-verdict').waitFor();
await page.locator('.result .picture-stage img').first().waitFor();
expect((await page.locator('.result .outline').count()) > 0, 'the defect is outlined');
await page.keyboard.press('h');
await expectSoon(
  async () => (await page.locator('.result .picture-stage img').count()) === 2,
  'H shows heat',
);
await axe(page, 'inspect, with a result');
await look('inspect-result');
await page.keyboard.press('ArrowDown');
const { items: stored } = await api.get(`${P}/inspections?limit=20`);
expect(stored.length >= 6 && stored[0].line === 'L1', 'the server keeps them with line and part');

// Queue: by keyboard only.
const summary = await api.get(`${P}/summary`);
const waiting = summary.queue;
expect(waiting >= 3, `several wait for review: ${waiting}`);
await open('inspect/queue');
await page.locator('.panes figure').nth(1).locator('img').first().waitFor();
await axe(page, 'queue');
await look('queue');
await page.keyboard.press('h');
await page.keyboard.press('+');
await page.keyboard.press('+');
await page.waitForTimeout(400);
const [left, right] = await page
  .locator('.panes .picture-stage')
  .evaluateAll((all) =>
    all.map((one) => one.querySelector('img').getBoundingClientRect().width / one.clientWidth),
  );
expect(Math.abs(left - right) < 0.05, `both panes are zoomed alike: ${left} ${right}`);
await look('queue-heat-zoomed');
await page.keyboard.press('0');
await page.keyboard.press('b');
await page.getByText('Blink: golden and captured in turn').waitFor();
await shot(page, 'queue-blink');
await page.keyboard.press('b');
await page.keyboard.press('?');
await page.getByRole('dialog').waitFor();
await axe(page, 'keys of the queue');
await shot(page, 'queue-keys');
await page.keyboard.press('Escape');

const first = page.url().split('/').at(-1);
await page.keyboard.press('1');
await page.keyboard.press('Enter');
const shownMs = await timeUntilNext(first);
expect(shownMs < 300, `the next one is there at once: ${shownMs.toFixed(0)} ms`);
await page.getByText('Judged: defective.').waitFor();
await expectSoon(async () => {
  const { review, reason } = await api.get(`${P}/inspections/${first}`);
  return review === 'ng' && reason !== '';
}, 'confirmed with a reason');

const second = page.url().split('/').at(-1);
await page.keyboard.press('r');
await page.keyboard.type('only dust');
await page.keyboard.press('Enter');
await page.keyboard.press('o');
await page.getByText(/Judged: good/).waitFor();
await expectSoon(
  async () => (await api.get(`${P}/inspections/${second}`)).reason === 'only dust',
  'overruled with words of one’s own',
);
await page.keyboard.press('u');
await page.getByText('Taken back. It waits again.').waitFor();
expect(
  (await api.get(`${P}/inspections/${second}`)).review === null,
  'the last decision is undone',
);
expect(page.url().endsWith(second), 'and its picture is open again');
await page.keyboard.press('o');
await page.getByText(/Judged: good/).waitFor();
await expectSoon(
  async () => (await api.get(`${P}/inspections/${second}`)).review === 'ok',
  'overruled again',
);
await page.keyboard.press('l');
await page.getByText(/^Added to the good images/).waitFor();
const learned = (await api.get(`${P}/inspections/${second}`)).learned_image_id;
expect(learned !== null, 'L adds the false alarm to the normals');
await shot(page, 'queue-learned');
for (let i = 0; i < waiting - 2; i++) {
  await page.keyboard.press(i % 2 === 0 ? 'n' : 'o');
  await page.waitForTimeout(250);
}
await page.getByRole('heading', { name: 'Nothing waits for review' }).waitFor();
expect((await api.get(`${P}/summary`)).queue === 0, 'the queue is empty, by keys alone');
await look('queue-empty');

// List and bulk learning.
await open('inspect/list');
await page.locator('.inspection-row button').first().waitFor();
await axe(page, 'list');
await look('list');
await page.getByLabel('Judged by people').selectOption('overruled');
await page.waitForTimeout(500);
const overruled = await page.locator('.virtual .inspection-row').count();
expect(overruled >= 1, `the list is narrowed to overruled ones: ${overruled}`);
if (await page.getByRole('button', { name: 'Select all shown' }).count()) {
  await page.getByRole('button', { name: 'Select all shown' }).click();
  await page.getByRole('button', { name: /^Add \d+ to the normals/ }).click();
  await page.getByText(/added to the good images/).waitFor();
  expect(true, 'false alarms are added in bulk');
}
await shot(page, 'list-overruled');
await page.locator('.inspection-row button.inspection-cells').first().click();
await page.locator('.list-detail .picture-stage img').first().waitFor();
await axe(page, 'list with a picture');
await look('list-detail');

await open('inspect/agreement');
await page.getByRole('table').first().waitFor();
const people = await page.getByRole('table').nth(1).innerText();
expect(/admin/.test(people) && /%/.test(people), 'agreement names the reviewer with an interval');
await axe(page, 'agreement');
await look('agreement');

await open('inspect/live');
await page.locator('.live .big-verdict').waitFor();
const size = await page
  .locator('.live .big-verdict')
  .evaluate((one) => Number.parseFloat(getComputedStyle(one).fontSize));
expect(size >= 56, `the verdict is read from afar: ${size} px`);
await axe(page, 'live');
await look('live');
const newest = pictures[0];
const sent = await fetch(`${api.base}${P}/inspect?part_id=LIVE-1&line=L1`, {
  method: 'POST',
  headers: {
    Cookie: api.cookie,
    'X-CSRF-Token': api.csrf,
    'Content-Type': 'application/octet-stream',
  },
  body: Buffer.from(newest.base64, 'base64'),
});
expect(sent.status === 201, 'another picture comes');
await page.locator('.live-part', { hasText: 'LIVE-1' }).waitFor({ timeout: 8000 });
expect(true, 'the live feed shows it by itself');
const lastHour = page.locator('.counters dd').first();
await expectSoon(
  async () => (await lastHour.innerText()) === String(stored.length + 1),
  'the count of the last hour comes along with it',
);
await page.getByLabel('Only of line').selectOption('L1');
await page.evaluate(() => localStorage.setItem('offspec-live-line', 'L2'));
await page.reload();
await page.getByText('Nothing came from line L2 yet.').waitFor();
expect((await lastHour.innerText()) === '0', 'the counts are of the chosen line');
await page.getByLabel('Only of line').selectOption('');

// Deploy.
await open('deploy');
await page.getByRole('heading', { name: 'In use' }).waitFor();
await page.getByLabel('Name of the machine').fill('Line 1');
await page.getByRole('button', { name: 'Make a token' }).click();
await page.locator('.token-made code').waitFor();
await page.waitForTimeout(100);
const seen = await page.locator('.token-made code').boundingBox();
expect(seen.y + seen.height <= 800, 'the new token is in view, as it is shown once');
const token = await page.locator('.token-made code').innerText();
const withToken = await fetch(`${api.base}${P}/inspect`, {
  method: 'POST',
  headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/octet-stream' },
  body: Buffer.from(newest.base64, 'base64'),
});
expect(withToken.status === 201, 'a machine inspects with the token');
const curious = await fetch(`${api.base}${P}/models`, {
  headers: { Authorization: `Bearer ${token}` },
});
expect(curious.status === 403, 'and does nothing else with it');
await axe(page, 'deploy');
await look('deploy');
await page.getByRole('button', { name: 'Revoke Line 1' }).first().click();
await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
await page.getByRole('dialog').waitFor({ state: 'detached' });
const after = await fetch(`${api.base}${P}/summary`, {
  headers: { Authorization: `Bearer ${token}` },
});
expect(after.status === 401, 'a revoked token is refused');

// A second model: approved only with a reason, as there is no comparison.
await api.post(`${P}/models/${model}/thresholds`, { t_review: 0.45, t_ng: 0.6, why: 'trial' });
await page.reload();
await page
  .getByRole('button', { name: /^Approve model/ })
  .first()
  .click();
const dialog = page.getByRole('dialog');
const confirm = dialog.getByRole('button', { name: /^Approve model/ });
expect(await confirm.isDisabled(), 'without comparison and reason it cannot be approved');
await axe(page, 'approve');
await shot(page, 'deploy-approve');
expect((await dialog.getByLabel('Why without a comparison?').count()) === 1, 'it asks why');
await dialog.getByRole('button', { name: 'Compare now' }).click();
await dialog.locator('.comparison-said').waitFor({ timeout: 120_000 });
expect(
  /Detection rate .* before, .* now/.test(await dialog.innerText()),
  'the comparison is shown in its words',
);
await shot(page, 'deploy-compared');
await dialog.getByRole('textbox').fill('Trial on line 1');
await confirm.click();
await dialog.waitFor({ state: 'detached' });
await page.getByRole('button', { name: 'Go back to it' }).first().waitFor();
const { items: log } = await api.get('/audit?action=model.approve');
expect(
  log[0].new.why === 'Trial on line 1' && log[0].new.comparison !== null,
  'reason and comparison are in the audit log',
);
await look('deploy-two');

// An operator reviews, and neither approves nor makes tokens.
const operator = { name: `olga-${Date.now()}`, password: 'long enough to be taken 7' };
const person = await api.post('/users', { ...operator, role: 'operator' });
await api.send('PUT', `${P}/members/${person.id}`);
const theirs = await signedIn(browser, server, operator);
await goTo(theirs, `#/p/${project}/deploy`);
await theirs.getByText('Engineers approve models.').waitFor();
expect(
  (await theirs.getByRole('button', { name: /Approve|Go back|Make a token/ }).count()) === 0,
  'an operator sees no button that would be refused',
);
await theirs.context().close();

// Dark, and a tablet with fingers.
const dark = await signedIn(browser, server, { colorScheme: 'dark' });
for (const rest of [
  'inspect/live',
  'inspect/list',
  'inspect/agreement',
  'deploy',
  'inspect/queue',
]) {
  await goTo(dark, `#/p/${project}/${rest}`);
  await dark.waitForTimeout(1500);
  await shot(dark, `dark-${rest.replace('/', '-')}`);
  await axe(dark, `${rest}, dark`);
}
const tablet = await signedIn(browser, server, {
  viewport: { width: 1024, height: 768 },
  hasTouch: true,
});
for (const rest of ['inspect', 'inspect/live', 'inspect/list', 'deploy', 'inspect/queue']) {
  await goTo(tablet, `#/p/${project}/${rest}`);
  await tablet.waitForTimeout(1500);
  await shot(tablet, `tablet-${rest.replace('/', '-')}`);
  const wide = await tablet.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(!wide, `${rest} fits a tablet`);
}
const small = await tablet
  .locator('.queue button')
  .evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().height < 34).length);
expect(small === 0, 'buttons of the queue are large enough for fingers');
const before = (await api.get(`${P}/summary`)).queue;
await tablet.locator('.decide-ok').tap();
await expectSoon(
  async () => (await api.get(`${P}/summary`)).queue === before - 1,
  'a touch decides',
);
await browser.close();
await server.stop();
finish();

/** Milliseconds from now until the captured picture of another inspection is drawn. */
async function timeUntilNext(id) {
  const start = performance.now();
  await page.waitForFunction((before) => {
    const shown = document.querySelectorAll('.panes figure')[1]?.querySelector('img');
    return !location.hash.endsWith(before) && shown?.complete && shown.naturalWidth > 0;
  }, id);
  return performance.now() - start;
}

async function expectSoon(check, what) {
  for (let tries = 0; tries < 40; tries++) {
    if (await check()) return expect(true, what);
    await new Promise((done) => setTimeout(done, 100));
  }
  expect(false, what);
}
