/**
 * Quality, administration and the list of projects, on the practice product with a real model,
 * inspections and reviews.
 */

import { readFileSync } from 'node:fs';
import { Api } from './api.mjs';
import { axe, expect, finish, goTo, launch, shot, signedIn, startServer } from './studio.mjs';

const SIZES = { narrow: [1024, 768], usual: [1280, 800], wide: [1920, 1080] };
const PEOPLE = 'correct horse battery';
const INSPECTED = 16;

const server = await startServer(['--demo']);
const api = await Api.signIn(server);
const seeded = await seed();
const browser = await launch();
try {
  const page = await signedIn(browser, server, { mayFail: /status of 40[0139]/ });
  await home(page);
  await problem(page);
  await rates(page);
  await parts(page);
  await measurement(page);
  await detection(page);
  await report(page);
  await signatures(page);
  await administration(page);
  await audit(page);
  await account(page);
  await otherRoles();
  await looks();
} finally {
  await browser.close();
  await server.stop();
}
finish();

/** A model in use, inspections of five parts on two lines, some of them reviewed. */
async function seed() {
  const { project: id, version, model: modelId } = await api.fitted();
  const project = `/projects/${id}`;
  await api.post(`${project}/models/${modelId}/approve`, { why: 'first' });
  const model = await api.get(`${project}/models/${modelId}`);
  const { items } = await api.get(`${project}/images?limit=100`);
  const shown = [...items.filter((i) => i.label === 'ng'), ...items].slice(0, INSPECTED);
  let stopped = 0;
  for (const [i, image] of shown.entries()) {
    const bytes = await api.bytes(`${project}/images/${image.id}/file`);
    const line = i % 2 ? 'east' : 'west';
    const found = await api.post(`${project}/inspect?part_id=p-${i % 5}&line=${line}`, bytes);
    const isStopped = found.verdict !== 'ok';
    if (isStopped) stopped += 1;
    if (isStopped ? stopped % 2 : i % 3 === 0)
      await api.send('PUT', `${project}/inspections/${found.id}/review`, {
        decision: isStopped ? 'ng' : 'ok',
        reason: isStopped ? 'scratch' : '',
      });
  }
  await api.job(id, { kind: 'evaluate', version_id: version, model_id: modelId });
  await api.post(`${project}/tokens`, { name: 'line 1' });
  const { queue } = await api.get(`${project}/summary`);
  return { id, project, model, queue };
}

function quality(page, tab) {
  return goTo(page, `#/p/${seeded.id}/quality/${tab}`);
}

/** What a link gives to save. */
async function download(page, link) {
  const [file] = await Promise.all([page.waitForEvent('download'), link.click()]);
  return readFileSync(await file.path());
}

async function home(page) {
  const card = page.getByRole('listitem').filter({ hasText: 'Practice board' });
  await card.getByText('Model 1 in use').waitFor();
  await card.locator('img').waitFor();
  expect(true, 'a project shows its reference');
  expect(
    await card.getByText(`${seeded.queue} wait for review`).isVisible(),
    'and what waits for review',
  );
  await axe(page, 'projects');
  await page.getByRole('button', { name: 'Rename Practice board' }).click();
  await page.getByLabel('New name').fill('Board A');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Archive Board A' }).click();
  await page.getByText('All projects are archived.').waitFor();
  await page.getByLabel('Show archived projects (1)').check();
  await page.getByRole('button', { name: 'Take Board A out' }).click();
  await page.getByRole('button', { name: 'Archive Board A' }).waitFor();
  expect(true, 'a project is renamed, archived and taken out again');
  await page.getByRole('link', { name: 'Open Board A' }).click();
  const inspect = page.getByRole('link', { name: /^Inspection/ });
  await inspect.waitFor();
  expect(
    (await inspect.innerText()).includes(String(seeded.queue)),
    'the sidebar tells how many wait',
  );
}

async function problem(page) {
  await page.getByRole('button', { name: /Problem statement/ }).click();
  await page.getByLabel('One defective part let through').fill('80');
  await page.getByLabel('Counted in').fill('EUR');
  await page.getByLabel('Defective parts, in percent').fill('150');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  const refused = page.getByRole('dialog').getByRole('alert');
  await refused.waitFor();
  expect((await refused.innerText()).includes('defect_rate'), 'a share of 150 % is refused');
  await page.getByLabel('Defective parts, in percent').fill('0.3');
  await page.getByRole('button', { name: 'Add a type of defect' }).click();
  await page.getByLabel('Type of defect').fill('scratch');
  await axe(page, 'problem statement');
  await page.keyboard.press('Tab'); // Escape in a field takes back what was typed there
  await page.keyboard.press('Escape');
  const warned = await page.getByText('Your changes are not saved.').isVisible();
  expect(warned, 'Escape does not drop what was typed');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByText('Problem statement saved.').waitFor();
  const { problem: kept } = await api.get(seeded.project);
  expect(
    kept.answers.cost_miss === 80 && kept.answers.defect_rate === 0.003,
    'costs and the rate of defects are kept',
  );
  expect(kept.defects[0].type === 'scratch', 'and a type of defect');
}

async function rates(page) {
  await quality(page, 'rates');
  const inspected = page.locator('.figures div').filter({ hasText: 'Inspected' });
  await inspected.waitFor();
  expect((await inspected.innerText()).includes(String(INSPECTED)), 'all inspections are counted');
  await axe(page, 'rates');
  await page.getByRole('radio', { name: '24 hours' }).check();
  const table = page.getByText('As a table').first();
  await table.click();
  expect((await page.locator('.chart-table[open] tbody tr').count()) === 24, 'a day has 24 hours');
  await page.getByLabel('Line').selectOption('west');
  await inspected.getByText(String(INSPECTED / 2), { exact: true }).waitFor();
  expect(true, 'and one line has half of them');
  const csv = String(await download(page, page.getByRole('link', { name: 'Export as CSV' })));
  const lines = csv.trim().split('\n');
  expect(lines.length === 1 + INSPECTED / 2, 'the table for a spreadsheet has the same filter');
}

async function parts(page) {
  await quality(page, 'parts');
  await page.getByLabel('Part number').fill('p-1');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: /inspections of p-1/ }).waitFor();
  const list = page.getByRole('list', { name: 'Inspections of the part' });
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.part-list img')].every((img) => img.naturalWidth > 0),
  );
  expect((await list.getByRole('listitem').count()) >= 3, 'a part shows every inspection of it');
  await axe(page, 'search by part');
  await page.getByLabel('Part number').fill('=none');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByText('No inspection has the part number =none').waitFor();
}

/** Ten parts, two people, two trials; Lee lets one bad part through. */
function study() {
  const rows = ['appraiser,part,trial,verdict,reference'];
  for (const who of ['Kim', 'Lee'])
    for (let part = 0; part < 10; part++)
      for (const trial of [1, 2]) {
        const truth = part < 5 ? 'good' : 'bad';
        const said = who === 'Lee' && part === 7 && trial === 2 ? 'good' : truth;
        rows.push([who, `p${part}`, trial, said, truth].join(','));
      }
  return Buffer.from(rows.join('\n'));
}

async function measurement(page) {
  await quality(page, 'msa');
  const file = { name: 'study.csv', mimeType: 'text/csv', buffer: study() };
  await page.getByLabel('CSV file of the study').setInputFiles(file);
  await page.getByText('study.csv, 41 lines').waitFor();
  await page.getByRole('button', { name: 'Start' }).click();
  const lee = page.getByRole('row', { name: /Lee/ });
  await lee.waitFor({ timeout: 90_000 });
  expect(/\d %.*\(.* to .*\)/.test(await lee.innerText()), 'appraisers have intervals');
  expect((await page.getByText('The measurement system').count()) > 0, 'and a verdict in words');
  const pdf = await download(page, page.getByRole('link', { name: 'Download PDF' }));
  expect(pdf.subarray(0, 5).toString() === '%PDF-', 'the study comes as a PDF');
  await axe(page, 'measurement system');
}

async function detection(page) {
  await quality(page, 'pod');
  const minutes = page.getByLabel('Minutes');
  await minutes.fill('0.2');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByText('From which size on defects are found').waitFor({ timeout: 180_000 });
  const cells = await page.getByRole('row').nth(1).getByRole('cell').count();
  expect(cells === 5, 'every curve has its sizes');
  expect(await page.locator('.pod-point').first().isVisible(), 'and is drawn with its trials');
  const pdf = await download(page, page.getByRole('link', { name: 'Download PDF' }));
  expect(pdf.subarray(0, 5).toString() === '%PDF-', 'the study comes as a PDF');
  await axe(page, 'probability of detection');
}

async function report(page) {
  await quality(page, 'report');
  await page.getByLabel('Title').fill('Board A, line west');
  await page.getByRole('button', { name: 'Make report' }).click();
  const row = page.getByRole('row', { name: /Board A, line west/ });
  await row.waitFor({ timeout: 180_000 });
  expect(
    /Evaluation, Probability of detection, Measurement system/.test(await row.innerText()),
    'a report joins what there is',
  );
  const pdf = await download(page, row.getByRole('link', { name: 'Download PDF' }));
  expect(pdf.subarray(0, 5).toString() === '%PDF-', 'a report comes as a PDF');
  const html = String(await download(page, row.getByRole('link', { name: /HTML/ })));
  expect(html.includes('Board A, line west'), 'and as a page');
  await axe(page, 'report');
}

async function signatures(page) {
  await quality(page, 'signatures');
  await page.getByLabel('For a report as well').selectOption({ index: 1 });
  await page.getByLabel('Your password').fill('wrong password');
  await page.getByRole('button', { name: 'Sign', exact: true }).click();
  await page.getByRole('alert').waitFor();
  expect(
    (await page.getByText('Nobody has signed').count()) === 1,
    'a wrong password signs nothing',
  );
  await page.getByLabel('Your password').fill(server.password);
  await page.getByRole('button', { name: 'Sign', exact: true }).click();
  const row = page.getByRole('row', { name: /I release this model/ });
  await row.waitFor();
  const { bundle_sha256: hash } = seeded.model;
  expect((await row.innerText()).includes(hash.slice(0, 12)), 'a signature names the bundle');
  await axe(page, 'signatures');
}

async function administration(page) {
  await goTo(page, '#/administration/users');
  await page.getByRole('button', { name: 'Add a person' }).click();
  await page.getByLabel('Name').fill('Quinn');
  await page.getByLabel('Role').last().selectOption('quality');
  await page.getByLabel('First password').fill(PEOPLE);
  await axe(page, 'a new person');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByLabel('Role of Quinn').waitFor();
  await api.post('/users', { name: 'Olga', role: 'engineer', password: PEOPLE });
  await page.reload();
  await page.getByLabel('Role of Olga').selectOption('operator');
  await page.getByText('Olga is changed').waitFor();
  await page.getByRole('button', { name: 'Deactivate Olga', exact: true }).click();
  await page.getByRole('button', { name: 'Activate Olga', exact: true }).click();
  await page.getByRole('button', { name: 'Deactivate Olga', exact: true }).waitFor();
  expect(true, 'people are added, changed, deactivated and activated');
  await axe(page, 'users');
  await page.getByRole('tab', { name: 'Projects and members' }).click();
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: 'Remove Olga' }).waitFor();
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: 'Remove Quinn' }).waitFor();
  expect(true, 'members are added');
  await axe(page, 'members');
  await page.getByRole('tab', { name: 'Tokens' }).click();
  await page.getByRole('button', { name: 'Revoke line 1' }).click();
  await axe(page, 'revoke');
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('cell', { name: 'Revoked' }).waitFor();
  expect(true, 'a token is revoked');
  await page.getByRole('tab', { name: 'Storage and retention' }).click();
  await page.getByLabel('Judged OK, in days').fill('30');
  const means = page.getByText('Pictures judged OK are removed 30 days after');
  expect(await means.isVisible(), 'retention is told in words');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Retention saved.').waitFor();
  const kept = await api.get('/admin/retention');
  expect(kept.ok_days === 30 && kept.other_days === null, 'and kept');
  await axe(page, 'storage');
}

async function audit(page) {
  await page.getByRole('tab', { name: 'Audit log' }).click();
  await page.getByLabel('What').selectOption('retention.change');
  const row = page.getByRole('row', { name: /Retention changed/ });
  await row.waitFor();
  expect(/ok_days.*30/s.test(await row.innerText()), 'an entry tells what changed');
  const file = page.getByRole('link', { name: 'Export as NDJSON' });
  const lines = String(await download(page, file))
    .trim()
    .split('\n');
  expect(
    lines.length === 1 && JSON.parse(lines[0]).action === 'retention.change',
    'the export has the same filter',
  );
  await page.getByRole('button', { name: 'Check the chain' }).click();
  await page.getByText('the chain is whole').waitFor();
  expect(/^[0-9a-f]{64}$/.test(await page.locator('.hash').innerText()), 'with its head hash');
  await page.getByLabel('Who').fill('nobody');
  await row.waitFor({ state: 'detached' });
  expect(true, 'the log is narrowed while one types');
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.getByRole('row', { name: /Model signed/ }).waitFor();
  await axe(page, 'audit log');
}

async function account(page) {
  await page.getByRole('button', { name: /My account/ }).click();
  await page.getByLabel('Password until now').fill(server.password);
  await page.getByLabel('New password', { exact: true }).fill(PEOPLE);
  await page.getByLabel('New password once more').fill(PEOPLE);
  await axe(page, 'my account');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('Your password is changed.').waitFor();
  server.password = PEOPLE;
}

async function otherRoles() {
  const quinn = await signedIn(browser, server, { name: 'Quinn' });
  await goTo(quinn, '#/administration');
  await quinn.getByRole('tab', { name: 'Audit log' }).waitFor();
  expect((await quinn.getByRole('tab').count()) === 1, 'quality sees the audit log only');
  await quality(quinn, 'signatures');
  await quinn.getByRole('button', { name: 'Sign', exact: true }).waitFor();
  const olga = await signedIn(browser, server, { name: 'Olga' });
  await quality(olga, 'signatures');
  await olga.getByText('Quality managers and administrators sign.').waitFor();
  expect(
    (await olga.getByRole('link', { name: 'Administration' }).count()) === 0,
    'an operator has no administration',
  );
}

async function looks() {
  const tabs = ['rates', 'parts/p-1', 'msa', 'pod', 'report', 'signatures'];
  const pages = [
    ['#/', 'home'],
    ...tabs.map((tab) => [`#/p/${seeded.id}/quality/${tab}`, `quality-${tab.split('/')[0]}`]),
    ...['users', 'members', 'tokens', 'storage', 'audit'].map((tab) => [
      `#/administration/${tab}`,
      `administration-${tab}`,
    ]),
  ];
  for (const colorScheme of ['light', 'dark']) {
    const page = await signedIn(browser, server, { colorScheme });
    for (const [hash, name] of pages) {
      await goTo(page, hash);
      await page.waitForLoadState('networkidle');
      await page.waitForFunction(() => !document.querySelector('.loading'));
      for (const [size, [width, height]] of Object.entries(SIZES)) {
        await page.setViewportSize({ width, height });
        await page.waitForTimeout(150);
        await shot(page, `${name}-${colorScheme}-${size}`);
      }
      if (colorScheme === 'dark') await axe(page, `${name} in the dark`);
    }
  }
}
