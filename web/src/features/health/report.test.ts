import { expect, it } from 'vitest';
import { t } from '../../texts';
import { type CheckReport, changedSince, plainWords, TOPICS, topicsOf } from './report';

const REPORT: CheckReport = {
  findings: [
    { level: 'note', topic: 'duplicates', words: 'a', images: ['k1', 'k2'] },
    { level: 'look', topic: 'coverage', words: 'b', images: [] },
    { level: 'must', topic: 'duplicates', words: 'c', images: ['k3', 'gone'] },
  ],
  dataset: { normals: 9, test_good: 1, test_bad: 1 },
  contamination: {
    images: [
      { image: 'k4', z: 2, region: 'r', place_xy: [1, 2], flagged: true },
      { image: 'k5', z: 0, region: 'r', place_xy: [1, 2], flagged: false },
    ],
    flag_from: 1.25,
    reference: 'k1',
  },
  coverage: { more: null, gain: 0.2, regions: [] },
  variants: [],
  confounds: [],
  circumstances: [],
  duplicates: [{ images: ['k1', 'k2'], kind: 'near', leak: false, contradiction: false }],
  notes: [],
  image_ids: { k1: '1', k2: '2', k3: '3', k4: '4', k5: '5' },
};

it('groups findings by topic, the worst first', () => {
  expect(topicsOf(REPORT).map((topic) => [topic.name, topic.level, topic.findings.length])).toEqual(
    [
      ['duplicates', 'must', 2],
      ['coverage', 'look', 1],
      ['contamination', 'calm', 0],
    ],
  );
});

it('takes the mark off names, and nothing else', () => {
  expect(plainWords('3 normals: 0123456789ab_board_012.png, abcdefabcdef_x.png.')).toBe(
    '3 normals: board_012.png, x.png.',
  );
  expect(plainWords('IMG0123456789ab_1.png and plain.png')).toBe(
    'IMG0123456789ab_1.png and plain.png',
  );
  expect(plainWords('Odd: 0123456789ab_01_200907033001_cam.jpg, "abcdefabcdef_2.png" (3.1).')).toBe(
    'Odd: 01_200907033001_cam.jpg, "2.png" (3.1).',
  );
  expect(plainWords('0123456789ab_200907033001_cam.jpg')).toBe('200907033001_cam.jpg');
});

it('says what a check does not know yet', () => {
  const checked = { template_id: 't1', version_id: 'v1', settings: {} };
  expect(changedSince(checked, { template: 't1', version: 'v1' })).toBeNull();
  expect(changedSince(checked, { template: 't2', version: 'v2' })).toBe('template');
  expect(changedSince(checked, { template: 't1', version: 'v2' })).toBe('version');
  expect(changedSince({ version_id: 'v1' }, { template: null, version: 'v1' })).toBeNull();
});

it('has a title for every topic', () => {
  for (const name of TOPICS) expect(t.health.topics[name]).toBeTruthy();
});
