/**
 * From labelled images to saved thresholds on the practice product: check, decide, freeze, train,
 * evaluate, move thresholds, choose from costs, compare.
 *
 *   node e2e/models.mjs
 */

import { axe, expect, finish, launch, shot, signedIn, startServer } from './studio.mjs';

const LONG = 180_000;
const server = await startServer(['--demo']);
const browser = await launch();
const page = await signedIn(browser, server);
const heading = (name) => page.getByRole('heading', { name, exact: true });
const button = (name) => page.getByRole('button', { name, exact: true });

try {
  await page
    .getByRole('link', { name: /Practice board/ })
    .first()
    .click();
  await health();
  await train();
  await evaluate();
  await choose();
  await compare();
} finally {
  await browser.close();
  await server.stop();
}
finish();

async function open(name) {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
  await heading(name).waitFor();
}

async function health() {
  await open('Health');
  await button('Check the images').click();
  await page.getByRole('progressbar').waitFor();
  await heading('Findings').waitFor({ timeout: LONG });
  const odd = page.getByRole('list', { name: 'Odd normals' }).getByRole('listitem');
  await odd.first().waitFor();
  const tiles = await odd.count();
  expect(tiles > 0, `${tiles} odd normals are proposed`);
  expect((await odd.first().locator('svg.ringed').count()) > 0, 'the odd place is ringed');
  await axe(page, 'health');
  await shot(page, 'models-health');

  await odd
    .first()
    .getByRole('button', { name: /^Look closer/ })
    .click();
  await page.getByText('That place, enlarged.').waitFor();
  await shot(page, 'models-closer');
  await axe(page, 'look closer');
  await page.keyboard.press('Escape');

  const first = odd.first().getByRole('button', { name: /^Select/ });
  await first.focus();
  await page.keyboard.press('l');
  await page.getByText('1 image is left out of new versions').waitFor();
  await button('Undo').click();
  await odd.first().getByRole('button', { name: 'Leave out', exact: true }).waitFor();
  expect(true, 'a decision by key is taken back');

  await first.click();
  await odd
    .nth(1)
    .getByRole('button', { name: /^Select/ })
    .click();
  const bar = page.getByRole('toolbar', { name: 'Decisions' });
  await bar.getByRole('button', { name: 'Leave out' }).click();
  await page.getByText('2 images are left out of new versions').waitFor();
  expect(true, 'two images are left out at once');

  await button('Freeze this as a new dataset version').click();
  await page.getByText(/^Dataset version with \d+ normals/).waitFor();
  await bar.getByRole('link', { name: 'Go to Train' }).click();
  await heading('Train').waitFor();

  await open('Health');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download as a page' }).click();
  expect((await download).suggestedFilename() === 'check.html', 'check.html is downloaded');
}

async function train() {
  await open('Train');
  await page.getByLabel('Learn from').selectOption({ index: 1 });
  await page.getByLabel('Detector').selectOption('student');
  await page.getByText(/needs 20 normals; there are/).waitFor();
  expect(await button('Start training').isDisabled(), 'what could only fail is said before');
  await page.getByLabel('Detector').selectOption('reference');
  await page.getByLabel('Learn from').selectOption({ index: 0 });
  await button('Start training').click();
  await heading('Training now').waitFor();
  expect(true, 'one click starts a fit');
  await page.getByRole('list', { name: 'Log' }).waitFor({ timeout: LONG });
  await button('Stop').click();
  await page.getByText('Stopped by a person.').waitFor({ timeout: LONG });
  expect(true, 'a fit is stopped');

  await button('Start training').click();
  await page.getByRole('link', { name: 'Evaluate Model 1' }).waitFor({ timeout: LONG });
  await page.getByText('Estimated').first().waitFor();
  await axe(page, 'train');
  await shot(page, 'models-train');
}

async function evaluate() {
  await page.getByRole('link', { name: 'Evaluate Model 1' }).click();
  await button('Evaluate').click();
  await heading('What these thresholds do').waitFor({ timeout: LONG });
  await axe(page, 'evaluate');

  const review = page.getByRole('slider', { name: 'Review' });
  const ng = page.getByRole('slider', { name: 'NG' });
  await review.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft');
  expect((await review.getAttribute('aria-valuenow')) === '0.48', 'arrow keys move a threshold');
  await page.keyboard.press('Shift+ArrowRight');
  expect((await ng.getAttribute('aria-valuenow')) === '0.53', 'the other one gives way');

  await dragTo(ng, 0.96);
  const at = Number(await ng.getAttribute('aria-valuenow'));
  expect(Math.abs(at - 0.96) < 0.02, `a threshold is dragged (${at})`);
  await dragTo(review, 0.94);
  const missRow = page.getByRole('row', { name: /^Miss rate/ });
  const low = Number(await review.getAttribute('aria-valuenow'));
  expect(Math.abs(low - 0.94) < 0.02, `so is the other one (${low})`);
  expect(!/\s0 of/.test(await missRow.innerText()), 'the miss rate follows');
  await shot(page, 'models-evaluate');
  const card = page.getByRole('button', { name: /^Miss: Look at/ }).first();
  await card.waitFor();

  await card.click();
  await page.getByRole('dialog').getByRole('img').waitFor();
  const heat = page.waitForResponse((r) => r.url().endsWith('/heat') && r.ok()).catch(() => null);
  const target = await page.getByRole('link', { name: 'Correct the label' }).getAttribute('href');
  expect(/\/annotate\/.+/.test(target), 'a label can be corrected');
  await Promise.race([heat, page.waitForTimeout(8000)]);
  await page.waitForTimeout(500);
  await shot(page, 'models-disagreement');
  await axe(page, 'disagreement');
  await page.keyboard.press('Escape');

  await page.getByLabel('Review above').fill('0.3');
  await page.getByLabel('Review above').press('Enter');
  await button('Save these thresholds').click();
  await button('Save').click();
  await page.getByText('Say why; it stands in the audit log.').waitFor();
  await page.getByLabel('Why these thresholds?').fill('Let people see the doubtful ones');
  await page.getByLabel('Why these thresholds?').press('Enter');
  await axe(page, 'save');
  await button('Save').click();
  await page.getByText(/so they flatter it and are no fair test/).waitFor({ timeout: LONG });
  expect(
    (await review.getAttribute('aria-valuenow')) === '0.3',
    'the saved model has the thresholds, and its figures are called unfair',
  );
  await page.getByText('Set by hand').waitFor();
  await button('Evaluate').click();
  await page
    .getByText(/no .*image.* (is )?left|learned from|chose/i)
    .first()
    .waitFor({ timeout: LONG });
  await shot(page, 'models-unfair');
}

async function choose() {
  await page.getByLabel('Model', { exact: true }).selectOption({ label: 'Model 1' });
  await page.getByLabel('One miss').fill('200');
  await page.getByLabel('One miss').press('Enter');
  await page.getByText(/for 1000 parts/).waitFor();
  await button('Choose from costs').click();
  await page.getByLabel('Choose on one half and keep the other for a fair test').check();
  await axe(page, 'choose');
  await button('Choose').click();
  await button('Go to model 3').click({ timeout: LONG });
  await button('Evaluate').click();
  await page
    .getByText(/test images? left out: the model learned from them/)
    .waitFor({ timeout: LONG });
  expect(true, 'the half that chose is left out of the evaluation');
}

async function compare() {
  await page.getByRole('tab', { name: 'Compare models' }).click();
  await page.getByLabel('Compare with').selectOption({ label: 'Model 1' });
  await button('Compare').click();
  await heading('Images whose decision changed').waitFor({ timeout: LONG });
  await axe(page, 'compare');
  await shot(page, 'models-compare');
  expect(true, 'two models are compared');
}

/** Along the histogram, whose axis goes from 0 to 1. */
async function dragTo(slider, value) {
  const grip = await slider.locator('.chart-grip').boundingBox();
  const now = Number(await slider.getAttribute('aria-valuenow'));
  const axis = await page.locator('.chart-zero').first().boundingBox();
  const y = grip.y + grip.height / 2;
  await page.mouse.move(axis.x + now * axis.width, y);
  await page.mouse.down();
  for (let i = 1; i <= 5; i++)
    await page.mouse.move(axis.x + (now + ((value - now) * i) / 5) * axis.width, y);
  await page.mouse.up();
}
