import { expect, it } from 'vitest';
import { t } from '../../texts';
import { DEFAULT_PLAN, DETECTORS, type Facts, factsNow, notesOf, settingsOf } from './plan';

const READY: Facts = { normals: 30, leftOutOk: 0, testGood: 5, testBad: 4, hasTemplate: true };
const names = (facts: Partial<Facts>, plan = DEFAULT_PLAN) =>
  notesOf(plan, { ...READY, ...facts }).map((note) => `${note.isStop ? '!' : ''}${note.name}`);

it('says nothing where all is well', () => {
  expect(names({})).toEqual([]);
});

it('stops what could only fail', () => {
  expect(names({ normals: 0 })).toEqual(['!no_normals']);
  expect(names({ normals: 0, leftOutOk: 3 })).toEqual(['!all_left_out']);
  const student = { ...DEFAULT_PLAN, detector: 'student' } as const;
  expect(names({ normals: 19 }, student)).toEqual(['!too_few_to_train']);
  expect(names({ normals: 20 }, student)).toEqual([]);
  expect(names({ normals: 19 }, { ...student, few: true })).toEqual([]);
  expect(names({ normals: 2 }, { ...DEFAULT_PLAN, detector: 'padim' })).toContain(
    '!too_few_places',
  );
});

it('says what weakens a model and lets it start', () => {
  expect(names({ normals: 4, testBad: 0, testGood: 0, hasTemplate: false })).toEqual([
    'no_template',
    'provisional',
    'no_test_defects',
    'no_test_good',
  ]);
  expect(names({ normals: 5 })).toEqual([]);
});

it('has words for every detector, and settings as run.json has them', () => {
  for (const name of DETECTORS) {
    expect(t.train.detectors[name]).toBeTruthy();
    expect(t.train.detectorHints[name]).toBeTruthy();
  }
  expect(settingsOf({ ...DEFAULT_PLAN, falseAlarmRate: 0.02, seed: 3 })).toEqual({
    model: { detector: 'reference' },
    data: { resolution: 'auto', few: false },
    decision: { false_alarm_rate: 0.02 },
    system: { seed: 3 },
  });
});

it('expects every fifth good image to be kept for testing', () => {
  const now = { ok: 26, ng: 14, left_out: 1, template_version: 2 };
  expect(factsNow(now)).toEqual({
    normals: 20,
    leftOutOk: 1,
    testGood: null,
    testBad: 14,
    hasTemplate: true,
  });
  expect(factsNow({ ...now, ok: 1, left_out: 1 }).normals).toBe(0);
});
