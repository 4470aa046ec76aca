/**
 * When things go wrong: an empty queue, a session that ends in the middle of an annotation, a busy
 * or broken server during an inspection, uploads of which some files fail.
 */

import { Api } from './api.mjs';
import { boardFile, file } from './pictures.mjs';
import {
  ask,
  axe,
  drag,
  expect,
  finish,
  giveFiles,
  launch,
  newProject,
  screenOf,
  shot,
  signedIn,
  startServer,
} from './studio.mjs';

const [W, H] = [400, 276];
const small = (n) => boardFile(`part_${n}.png`, { width: W, height: H, seed: n });
const problem = (status, code, detail) => ({
  status,
  contentType: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: code, status, code, detail }),
});

/** Pages of a project that has nothing say what to do. */
async function emptyQueue(page, server) {
  const id = await newProject(page, server, 'Nothing yet');
  await page.goto(`${server.url}/#/p/${id}/inspect/queue`);
  await page.getByRole('heading', { name: 'Nothing waits for review' }).waitFor();
  await page.keyboard.press('n');
  await page.keyboard.press('o');
  await page.keyboard.press('u');
  expect(
    await page.getByRole('heading', { name: 'Nothing waits for review' }).isVisible(),
    'keys of the queue do nothing where nothing waits',
  );
  await axe(page, 'an empty queue');
  await shot(page, 'trouble-empty-queue');
  const action = page.locator('.empty-state a, .empty a').first();
  await action.click();
  await page.waitForURL(/inspect$/);
  expect(true, 'and leads to where pictures are inspected');
  return id;
}

/** A page whose script is gone, as after an update of the server, leaves the others alone. */
async function updated(browser, server, id) {
  const page = await signedIn(browser, server, { mayFail: /404|dynamically imported/ });
  const gone = (route) => route.fulfill({ status: 404, body: '' });
  await page.route('**/assets/TrainPage-*.js', gone);
  await page.goto(`${server.url}/#/p/${id}/train`);
  await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor();
  await axe(page, 'a page that is gone');
  await shot(page, 'trouble-updated');
  await page.getByRole('link', { name: 'Health', exact: true }).click();
  await page.getByRole('heading', { name: 'Health', level: 1 }).waitFor();
  expect(true, 'the other pages still work');
  await page.getByRole('link', { name: 'Train', exact: true }).click();
  await page.unroute('**/assets/TrainPage-*.js', gone);
  await page.getByRole('button', { name: 'Load again' }).click();
  await page.getByRole('heading', { name: 'Train', level: 1 }).waitFor();
  expect(true, 'and loading again brings it back');
  await page.context().close();
}

/** Of many files some fail: they are named with the reason, the others came. */
async function uploads(page, server, id) {
  await page.goto(`${server.url}/#/p/${id}/annotate`);
  const upload = page.getByRole('button', { name: 'Upload images…' });
  let requests = 0;
  await page.route(`**/projects/${id}/images`, (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    requests += 1;
    return requests === 2
      ? route.fulfill(problem(507, 'storage', 'The disk is full. Free some space.'))
      : route.continue();
  });
  await page.getByRole('heading', { name: 'No images to annotate yet' }).waitFor();
  const files = Array.from({ length: 42 }, (_, n) => small(100 + n));
  const broken = file('part_000.png', Buffer.from('no picture at all'));
  await giveFiles(page, upload.last(), [...files, broken]);
  const report = page.locator('.upload-report');
  await report.waitFor({ timeout: 60_000 });
  const refused = report.getByRole('list', { name: 'Refused files' });
  const words = await refused.innerText();
  expect(requests === 2, `they went in two parts: ${requests}`);
  expect(/part_000\.png/.test(words), 'the file that is no picture is named');
  expect(
    (words.match(/The disk is full\. Free some space\./g) ?? []).length === 3,
    `files of the part that failed are named with the reason: ${words}`,
  );
  const { items } = await ask(page, 'GET', `/projects/${id}/images?limit=100`);
  expect(items.length === 39, `the others are there: ${items.length}`);
  expect(await report.getByText('39 new images').isVisible(), 'and are counted');
  await axe(page, 'an upload of which a part failed');
  await shot(page, 'trouble-upload');
  await page.unroute(`**/projects/${id}/images`);
  await giveFiles(page, upload.last(), files);
  await report.getByText('3 new images').waitFor();
  expect(true, 'sent again, the rest comes');
  await page.route(`**/projects/${id}/images`, (route) =>
    route.request().method() === 'POST' ? route.abort() : route.continue(),
  );
  await giveFiles(page, upload.last(), [small(900)]);
  await page.locator('.toast-bad').waitFor();
  expect(
    /server/i.test(await page.locator('.toast-bad').innerText()),
    'without a connection it says so',
  );
  await page.locator('.toast-bad').getByRole('button').click();
  await page.unroute(`**/projects/${id}/images`);
}

/** The session ends while somebody draws: the page is covered, and what was drawn is saved after. */
async function sessionEnds(page, server, id) {
  const { items } = await ask(page, 'GET', `/projects/${id}/images?limit=5`);
  const [image] = items;
  await page.goto(`${server.url}/#/p/${id}/annotate/${image.id}`);
  await page.locator('.viewer:visible svg').waitFor();
  await page.locator('.viewer:visible').focus();
  await page.keyboard.press('b');
  await page.context().clearCookies();
  const at = await screenOf(page, W, H);
  await drag(page, at(60, 200), at(110, 200));
  const over = page.getByRole('dialog', { name: 'Sign in' });
  await over.getByText('The session of admin has ended.').waitFor({ timeout: 15_000 });
  await axe(page, 'a session that ended while drawing');
  await shot(page, 'trouble-session');
  await page.keyboard.type(server.password);
  await page.keyboard.press('Enter');
  await over.waitFor({ state: 'detached' });
  expect((await page.locator('.drawn-defect').count()) === 1, 'what was drawn is still there');
  await page.locator('.save-saved').waitFor();
  const said = await ask(page, 'GET', `/projects/${id}/images/${image.id}/annotation`);
  expect(said.content?.shapes.length === 1, 'and is saved by itself after signing in again');
}

/** A server that is busy, and one that fails: said in words, and sent again. */
async function inspections(page, server, api, { project, model }) {
  const P = `/projects/${project}`;
  await api.post(`${P}/models/${model}/approve`, {});
  const { items } = await api.get(`${P}/images?label=ng&limit=2`);
  const bytes = await Promise.all(items.map(({ id }) => api.bytes(`${P}/images/${id}/file`)));
  await page.goto(`${server.url}/#/p/${project}/inspect`);
  const answers = [
    { ...problem(503, 'busy', 'All inspections are taken.'), headers: { 'Retry-After': '3' } },
  ];
  const keys = [];
  await page.route('**/inspect?*', (route) => {
    keys.push(route.request().headers()['idempotency-key']);
    const answer = answers.shift();
    return answer ? route.fulfill(answer) : route.continue();
  });
  const choose = page.getByRole('button', { name: 'Choose images…' });
  await giveFiles(page, choose, [file('busy.png', bytes[0])]);
  const run = (name) => page.locator('.run', { hasText: name });
  await run('busy.png')
    .getByText(/Server busy, again in \d s/)
    .waitFor();
  await axe(page, 'an inspection of a busy server');
  await shot(page, 'trouble-busy');
  await run('busy.png').locator('.verdict').waitFor({ timeout: 20_000 });
  expect(keys.length === 2 && keys[0] === keys[1], 'the same picture is sent again by itself');

  const page502 = { status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' };
  answers.push(page502);
  await giveFiles(page, choose, [file('broken.png', bytes[1])]);
  await run('broken.png').locator('.run-failed').waitFor();
  const words = await run('broken.png').locator('.run-failed').innerText();
  expect(
    /cannot be reached just now/.test(words) && !/[<>{]/.test(words),
    `a gateway's page is said in words: ${words}`,
  );
  await axe(page, 'an inspection that failed');
  await shot(page, 'trouble-failed');
  await page.getByRole('button', { name: 'Send 1 failed picture again' }).click();
  await run('broken.png').locator('.verdict').waitFor({ timeout: 20_000 });
  expect(keys.length === 4 && keys[2] === keys[3], 'and goes through when it is sent again');
  await page.unroute('**/inspect?*');
}

const server = await startServer(['--demo']);
const browser = await launch();
try {
  const page = await signedIn(browser, server, {
    mayFail: /401|502|503|507|ERR_FAILED|Failed to load/,
  });
  const api = await Api.signIn(server);
  const fitted = await api.fitted();
  const id = await emptyQueue(page, server);
  await updated(browser, server, id);
  await uploads(page, server, id);
  await sessionEnds(page, server, id);
  await inspections(page, server, api, fitted);
} finally {
  await browser.close();
  await server.stop();
}
finish();
