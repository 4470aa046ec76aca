/** Texts of the page. */

import { plural } from '../plural';

type Counts = { normals: number; test_good: number; test_bad: number };

export const train = {
  empty: {
    title: 'No labelled images yet',
    text: 'A model learns from good images, 5 or more. Label images first; defects are needed only to measure it.',
    action: 'Go to Annotate',
  },
  about: 'From labelled images to a model',
  form: {
    title: 'New model',
    version: 'Learn from',
    labelledNow: 'What is labelled now',
    versionName: (n: number, date: string) => `Version ${n} of ${date}`,
    now: (ok: number, ng: number, out: number) =>
      `${ok} OK, ${ng} NG${out > 0 ? `, ${out} left out` : ''}. It is kept as a dataset version when anything changed.`,
    counts: (c: Counts, by: string) =>
      `${plural(c.normals, 'normal')} to learn from, ${c.test_good} good and ${c.test_bad} bad test images. Made by ${by}.`,
    detector: 'Detector',
    resolution: 'Accuracy',
    resolutions: { auto: 'As each region says', fast: 'Fast', accurate: 'Accurate' },
    resolutionHint: {
      auto: 'Regions without a wish take what their smallest defect needs.',
      fast: 'Network size 256. For defects that are not small in their region.',
      accurate: 'Network size 512. Finds smaller defects and takes about four times as long.',
    },
    more: 'More',
    rate: 'Asked false-alarm rate, %',
    rateHint: 'Share of good images that the threshold may stop.',
    rateError: 'Above 0 and below 100.',
    seed: 'Seed',
    seedHint: 'The same seed and data give the same model.',
    seedError: 'A whole number from 0 on.',
    few: 'Train with few normals all the same',
    start: 'Start training',
    starting: 'Starting…',
    mayNot: 'Only engineers and administrators start training.',
  },
  detectorNames: {
    reference: 'Reference',
    padim: 'PaDiM',
    patchcore: 'PatchCore',
    autoencoder: 'Autoencoder',
    gan: 'GAN',
    flow: 'Flow',
    student: 'Student',
    synthetic: 'Made defects',
  },
  detectors: {
    reference: 'Reference: compares with the reference image',
    padim: 'PaDiM: what is usual at each place',
    patchcore: 'PatchCore: nearest known good patch',
    autoencoder: 'Autoencoder: what cannot be restored',
    gan: 'GAN: the same, trained against a critic',
    flow: 'Flow: how likely each place is',
    student: 'Student: what it cannot imitate',
    synthetic: 'Made defects: learns from defects drawn into good images',
  },
  detectorHints: {
    reference: 'The usual choice. Works from one good image; more set its tolerance.',
    padim: 'Fast. Learns from all normals; needs 3 for objects.',
    patchcore: 'Strong for surfaces and varied parts. Larger and slower with many normals.',
    autoencoder:
      'Trains a network for about two minutes. Needs 20 normals and torch on the server.',
    gan: 'Trains two networks. Needs 20 normals and torch on the server.',
    flow: 'Trains a network for about two minutes. Needs 20 normals and torch on the server.',
    student: 'Trains a network for about two minutes. Needs 20 normals and torch on the server.',
    synthetic: 'Trains a network for about two minutes. Needs 20 normals and torch on the server.',
  },
  notes: {
    no_normals: () => 'No image is labelled OK. A model learns from good images. Label some first.',
    all_left_out: () => 'Every good image is left out. Keep at least one.',
    too_few_to_train: (n: number) =>
      `This detector trains a network and needs 20 normals; there are ${n}. Add some, choose another detector, or train with few all the same.`,
    too_few_places: (n: number) =>
      `This detector needs 3 normals; there are ${n}. Add some, or choose the reference detector.`,
    no_template: () =>
      'No template is drawn: the whole image is one region. Draw a template to look only where it matters.',
    provisional: (n: number) =>
      `With ${plural(n, 'normal')} the threshold is provisional: no false-alarm rate can be promised. From 5 on it is estimated.`,
    no_test_defects: () =>
      'No defect is labelled. The model can be trained, but its miss rate cannot be measured.',
    no_test_good: () =>
      'No good image is kept for testing. The false-alarm rate cannot be measured on new images.',
  },
  draw: 'Draw a template',
  running: 'Training now',
  models: {
    title: 'Models',
    none: 'No model yet. The first one appears here.',
    name: (n: number) => `Model ${n}`,
    inUse: 'In use',
    columns: {
      name: 'Model',
      what: 'Detector',
      data: 'Data',
      threshold: 'Threshold',
      made: 'Made',
    },
    settings: (resolution: string, rate: string, seed: number) =>
      `${resolution}, asked ${rate}, seed ${seed}`,
    resolution: { auto: 'by region', fast: 'fast', accurate: 'accurate', native: 'native' },
    version: (n: number | null, normals: number | null) =>
      `${n === null ? 'Earlier version' : `Version ${n}`}${normals === null ? '' : `, ${plural(normals, 'normal')}`}`,
    template: (n: number | null) => (n === null ? 'An earlier template' : `Template ${n}`),
    wholeImage: 'No template: whole image',
    by: (date: string, who: string) => `${date} by ${who}`,
    from: (n: number) => `From model ${n}`,
    evaluate: 'Evaluate',
    log: 'Log',
    heldOut: (n: number) => `${plural(n, 'held-out normal')}`,
  },
  status: {
    certified: 'Certified',
    extrapolated: 'Estimated',
    provisional: 'Provisional',
    manual: 'Set by hand',
    moved: 'No promise',
  },
  failed: {
    title: 'Not finished',
    stopped: 'Stopped by a person.',
    of: (date: string, who: string) => `${date}, started by ${who}`,
    log: 'Log',
  },
};
