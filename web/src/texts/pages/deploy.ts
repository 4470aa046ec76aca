import { plural } from '../plural';

/** Texts of the page on which models are taken into use. */
export const deploy = {
  empty: {
    title: 'No model to approve yet',
    text: 'Train and evaluate a model. Then compare it here with the one in use and approve it.',
    training: 'A model is being trained. It appears here as soon as it is done.',
    action: 'Go to Train',
  },
  model: (number: number) => `Model ${number}`,
  made: (by: string, when: string) => `Made by ${by}, ${when}`,
  changed: (parent: number) => `Model ${parent} with other decision points`,
  inUse: 'In use',
  noneInUse: 'No model is in use yet. Approve one below: pictures are then inspected by it.',
  candidates: 'Candidates',
  candidatesText: 'Models newer than the one in use.',
  earlier: 'Earlier models',
  earlierText: 'To go back to, when the one in use disappoints.',
  more: 'What it is',
  none: 'There is no newer model.',
  train: 'Go to Train',
  facts: {
    detector: 'Detector',
    template: 'Template',
    regions: 'Regions',
    points: 'Decision points',
    threshold: 'Threshold',
    bundle: 'Bundle',
    note: 'Note',
  },
  pointsOf: (review: number, ng: number) =>
    review === ng ? `NG above ${ng}` : `review above ${review}, NG above ${ng}`,
  regions: (n: number) => plural(n, 'region'),
  download: 'Download the bundle',
  bundleText:
    'The bundle is the whole model in one file; offspec inspect runs it without a server.',

  signed: {
    title: 'Signatures',
    none: 'Nobody has signed for this model yet.',
    one: (by: string, when: string) => `${by}, ${when}`,
    withReport: 'with a report',
    go: 'Sign under Quality',
  },

  approve: 'Approve',
  approveFirst: (number: number) => `Approve model ${number}`,
  approved: (number: number) => `Model ${number} is in use from now on.`,
  mayNot: 'Engineers approve models. Your role may look.',
  rollBack: 'Go back to it',
  dialog: {
    approve: (number: number) => `Approve model ${number}`,
    rollBack: (number: number) => `Go back to model ${number}`,
    replaces: (number: number) =>
      `It takes the place of model ${number} at once, without a stop. You can go back at any time.`,
    compared: (old: number) => `Comparison with model ${old}, which is in use`,
    noneYet: (old: number) =>
      `This model was not yet compared with model ${old}. A comparison inspects test images that neither model knows with both and says whether the new one is worse.`,
    version: 'Dataset version to compare on',
    versionName: (date: string, good: number, bad: number) =>
      `${date}: ${good} good and ${bad} defective to test with`,
    noVersion: 'There is no dataset version to compare on.',
    compare: 'Compare now',
    again: 'Compare again',
    report: 'Whole comparison (PDF)',
    why: 'Why',
    whyOptional: 'Why (optional)',
    whyWithout: 'Why without a comparison?',
    whyAgainst: 'Why, though the comparison does not speak for it?',
    whyBack: 'Why go back?',
    needed: 'Say why. It is kept in the audit log.',
    kept: 'Kept in the audit log, with the comparison.',
  },
  compare: {
    decisions: { not_worse: 'Not worse', worse: 'Worse', undecided: 'Undecided' },
    leftOut: (n: number) =>
      `${plural(n, 'image')} that one of the models knows ${n === 1 ? 'was' : 'were'} left out.`,
    flips: (n: number) => `On ${plural(n, 'image')} the two models decide differently.`,
  },

  call: {
    title: 'Inspect from a machine',
    text: 'A camera or a line computer sends a picture and gets the verdict back. It signs in with a token.',
    curl: 'curl',
    python: 'Python',
    copy: 'Copy',
    copied: 'Copied.',
    copyFailed: 'The browser does not allow copying here. Select the text and copy it yourself.',
    code: (kind: string) => `Call with ${kind}`,
    busy: 'When the server is busy it answers 503 with Retry-After: send the same picture again, with the same Idempotency-Key.',
  },
  tokens: {
    title: 'Tokens',
    text: 'A token acts in this project, and in no other, as the one who made it.',
    name: 'Name of the machine',
    scope: 'What it may do',
    scopes: { inspect: 'send pictures', project: 'everything in the project' },
    scopeMeans: {
      inspect: 'For cameras and line computers: sends pictures and reads inspections.',
      project:
        'For scripts: labels, fits and approves as you may. It makes no tokens, ends none and does not sign. Keep it off the line.',
    },
    make: 'Make a token',
    made: (name: string) => `Token of ${name}. It is shown this once: copy it now.`,
    value: 'Token',
    list: 'Tokens of this project',
    created: 'Made',
    state: 'State',
    states: { valid: 'valid', revoked: 'revoked' },
    action: 'Action',
    revoke: 'Revoke',
    revokeOf: (name: string) => `Revoke ${name}`,
    revokeTitle: (name: string) => `Revoke the token of ${name}?`,
    revokeText: 'The machine that uses it is refused from the next picture on.',
    none: 'No token yet.',
    mayNot: 'Engineers make tokens.',
  },
};
