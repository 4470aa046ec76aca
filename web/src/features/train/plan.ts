/** What is asked of a fit, and what to say before it starts. */

export const DETECTORS = [
  'reference',
  'padim',
  'patchcore',
  'autoencoder',
  'gan',
  'flow',
  'student',
  'synthetic',
] as const;
export type DetectorName = (typeof DETECTORS)[number];

const NETWORKS: readonly DetectorName[] = ['autoencoder', 'gan', 'flow', 'student', 'synthetic'];
export const NORMALS_TO_TRAIN = 20;
const NORMALS_TO_PLACE = 3;
const NORMALS_TO_ESTIMATE = 5;

export const RESOLUTIONS = ['auto', 'fast', 'accurate'] as const;
export type ResolutionName = (typeof RESOLUTIONS)[number];

export type Plan = {
  readonly detector: DetectorName;
  readonly resolution: ResolutionName;
  /** Share of good images. */
  readonly falseAlarmRate: number;
  readonly seed: number;
  readonly few: boolean;
};

export const DEFAULT_PLAN: Plan = {
  detector: 'reference',
  resolution: 'auto',
  falseAlarmRate: 0.01,
  seed: 0,
  few: false,
};

export const trainsNetwork = (detector: DetectorName): boolean => NETWORKS.includes(detector);

/** As `run.json` has it. */
export function settingsOf(plan: Plan): Record<string, unknown> {
  return {
    model: { detector: plan.detector },
    data: { resolution: plan.resolution, few: plan.few },
    decision: { false_alarm_rate: plan.falseAlarmRate },
    system: { seed: plan.seed },
  };
}

export type Facts = {
  /** Good images to learn from. */
  readonly normals: number;
  readonly leftOutOk: number;
  readonly testGood: number | null;
  readonly testBad: number;
  readonly hasTemplate: boolean;
};

const TEST_SHARE = 5; // every fifth good image without a split is kept for testing

/** Of what is labelled now; the server draws the split when it makes the version. */
export function factsNow(summary: {
  ok: number;
  ng: number;
  left_out: number;
  template_version: number | null;
}): Facts {
  const ok = Math.max(0, summary.ok - summary.left_out);
  return {
    normals: ok - Math.floor(ok / TEST_SHARE),
    leftOutOk: summary.ok - ok,
    testGood: null,
    testBad: summary.ng,
    hasTemplate: summary.template_version !== null,
  };
}

export type NoteName =
  | 'no_normals'
  | 'all_left_out'
  | 'too_few_to_train'
  | 'too_few_places'
  | 'no_template'
  | 'provisional'
  | 'no_test_defects'
  | 'no_test_good';

/** `stop` = it could only fail. */
export type Note = { readonly name: NoteName; readonly isStop: boolean };

export function notesOf(plan: Plan, facts: Facts): readonly Note[] {
  const stop = (name: NoteName): Note => ({ name, isStop: true });
  const hint = (name: NoteName): Note => ({ name, isStop: false });
  if (facts.normals === 0) return [stop(facts.leftOutOk > 0 ? 'all_left_out' : 'no_normals')];
  const notes: Note[] = [];
  if (trainsNetwork(plan.detector) && facts.normals < NORMALS_TO_TRAIN && !plan.few)
    notes.push(stop('too_few_to_train'));
  if (plan.detector === 'padim' && facts.normals < NORMALS_TO_PLACE)
    notes.push(stop('too_few_places'));
  if (!facts.hasTemplate) notes.push(hint('no_template'));
  if (facts.normals < NORMALS_TO_ESTIMATE) notes.push(hint('provisional'));
  if (facts.testBad === 0) notes.push(hint('no_test_defects'));
  if (facts.testGood === 0) notes.push(hint('no_test_good'));
  return notes;
}
