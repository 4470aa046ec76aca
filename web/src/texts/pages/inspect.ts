import { plural } from '../plural';

const score = (value: number) => value.toFixed(2);

/** Texts of inspection and review. */
export const inspect = {
  empty: {
    title: 'No approved model yet',
    text: 'Images are inspected by the approved model. Evaluate a model and approve it under Deploy.',
    action: 'Go to Deploy',
  },
  parts: {
    label: 'Views of this page',
    '': 'Inspect',
    live: 'Live',
    queue: 'Review queue',
    list: 'All inspections',
    agreement: 'Agreement',
  },
  waiting: (n: number) => `${n} waiting`,

  drop: {
    title: 'Pictures to inspect',
    text: 'Drop images or a folder here. The approved model inspects them.',
    model: (number: number) => `Inspected by model ${number}`,
    files: 'Choose images…',
    folder: 'Folder…',
    part: 'Part id (optional)',
    fromName: 'File name as part id',
    line: 'Line (optional)',
    none: 'There was no image among them. PNG, JPEG, BMP and TIFF can be inspected.',
    listed: 'Pictures of this session',
    clear: 'Clear the list',
    progress: 'Inspected',
    of: (done: number, total: number) => `${done} of ${total}`,
    counts: (n: { ok: number; review: number; ng: number; invalid: number; failed: number }) =>
      `${n.ok} OK, ${n.review} review, ${n.ng} NG, ${n.invalid} invalid` +
      (n.failed > 0 ? `, ${n.failed} not inspected` : ''),
    states: {
      waiting: 'Waits',
      sending: 'Inspecting…',
      failed: 'Failed',
    },
    busy: (seconds: number) => `Server busy, again in ${Math.ceil(seconds)} s`,
    again: (n: number) => `Send ${plural(n, 'failed picture')} again`,
    tooLarge: (limit: string) => `The file is larger than ${limit}. Send a smaller picture.`,
    waiting: 'What is found stands here.',
    choose: 'Choose a picture of the list to see what was found.',
    toQueue: (n: number) =>
      `Review ${plural(n, 'picture')} that ${n === 1 ? 'was' : 'were'} stopped`,
  },

  result: {
    label: (verdict: string, of: string) => `Inspection of ${of}: ${verdict}`,
    picture: (of: string, defects: number) =>
      `${of}, ${defects === 0 ? 'nothing outlined' : plural(defects, 'outlined place')}`,
    score: 'Score',
    scoreOf: (value: number | null) => (value === null ? 'not judged' : score(value)),
    scoreHint: '0 = like the reference, 0.5 = threshold, 1 = completely abnormal',
    part: 'Part',
    line: 'Line',
    model: 'Model',
    time: 'Time',
    regions: 'Regions',
    region: 'Region',
    verdict: 'Verdict',
    found: 'Found',
    outlined: (n: number) => (n === 0 ? '' : plural(n, 'outline')),
    noPart: 'no part id',
    unjudged: 'nobody yet',
    reviewed: (decision: 'ok' | 'ng', by: string) =>
      `${decision === 'ok' ? 'Good' : 'Defective'}, says ${by}`,
    reason: 'Reason',
    gone: 'This picture was removed when its time was over. Its figures stay.',
    noHeat: 'The heat is not ready yet.',
  },

  view: {
    heat: 'Heat',
    outlines: 'Outlines',
    zoomIn: 'Closer',
    zoomOut: 'Further away',
    whole: 'Whole picture',
    place: 'Next outlined place',
    blink: 'Blink',
  },

  live: {
    label: 'The latest inspection',
    line: 'Only of line',
    all: 'all lines',
    fullscreen: 'Whole screen',
    lastHour: 'Last hour',
    inspected: 'inspected',
    none: 'Nothing was inspected yet. As soon as a picture comes, it stands here.',
    noneOf: (line: string) =>
      `Nothing came from line ${line} yet. As soon as a picture comes, it stands here.`,
    lineOf: (line: string) => `Line ${line}`,
    send: 'Inspect pictures',
    ago: (seconds: number) =>
      seconds < 10
        ? 'now'
        : seconds < 90
          ? `${Math.round(seconds)} s ago`
          : seconds < 5400
            ? `${Math.round(seconds / 60)} min ago`
            : `${Math.round(seconds / 3600)} h ago`,
    lost: (time: string) =>
      `No connection. What stands here is from ${time} and may be out of date.`,
    recent: 'The ones before, newest first',
    said: (verdict: string, part: string) => `${verdict}, ${part}`,
  },

  queue: {
    title: 'Review',
    emptyTitle: 'Nothing waits for review',
    emptyText: 'Pictures that the model stops or is unsure of come here by themselves.',
    emptyAction: 'Inspect pictures',
    waits: (n: number) => `${plural(n, 'picture')} ${n === 1 ? 'waits' : 'wait'}`,
    golden: (model: number) => `Golden: reference of model ${model}`,
    captured: 'Captured',
    capturedLaid: 'Captured, laid over the golden image',
    notLaid: 'Captured as it is: it could not be laid over the golden image',
    blinking: 'Blink: golden and captured in turn',
    blinkGolden: 'Golden',
    blinkCaptured: 'Captured',
    goldenLabel: 'Golden image, the reference of the model',
    model: (verdict: string, score: string) => `The model says ${verdict}, score ${score}`,
    ng: 'Defective',
    ok: 'Good',
    ngHint: (verdict: 'ng' | 'review') => (verdict === 'ng' ? 'confirm' : 'decide'),
    okHint: (verdict: 'ng' | 'review') => (verdict === 'ng' ? 'overrule' : 'decide'),
    reason: 'Reason',
    reasons: 'Frequent reasons',
    reasonHint: 'Reason in own words (R)',
    later: 'Later',
    before: 'The one before',
    undo: 'Undo',
    learn: 'Add to the normals',
    learned:
      'Added to the good images. It counts from the next dataset version on: train again to use it.',
    learnedAction: 'Go to Train',
    decided: (decision: 'ok' | 'ng', verdict: 'ng' | 'review') =>
      decision === 'ng'
        ? 'Judged: defective.'
        : verdict === 'ng'
          ? 'Judged: good, overruled.'
          : 'Judged: good.',
    undone: 'Taken back. It waits again.',
    failed: (why: string) => `Not saved, it waits again: ${why}`,
    taken: (why: string) => `Not saved: ${why}`,
    already: (decision: 'ok' | 'ng', by: string) =>
      `${by} has judged this one already: ${decision === 'ok' ? 'good' : 'defective'}. Another decision replaces it.`,
    next: 'Next',
    help: 'Keys',
    keysOn: 'Use single keys',
    keys: [
      ['Enter or N', 'Defective'],
      ['O', 'Good'],
      ['1 to 9', 'Reason'],
      ['R', 'Reason in own words'],
      ['U or Ctrl+Z', 'Undo the last decision'],
      ['L', 'Add the last overruled one to the normals'],
      ['B', 'Blink'],
      ['H', 'Heat on or off'],
      ['X', 'Outlines on or off'],
      ['Z', 'Close to the next outlined place'],
      ['+ − 0, arrows', 'Zoom, whole picture, move'],
      ['. and ,', 'Later, and the one before'],
      ['?', 'These keys'],
    ] as readonly (readonly [string, string])[],
    usual: {
      ng: ['Scratch', 'Dirt', 'Part missing', 'Wrong position', 'Damaged'],
      ok: ['Dust, comes off', 'Reflection', 'Within the limits', 'Badly photographed'],
    },
  },

  list: {
    filters: 'Filters',
    verdict: 'Verdict',
    verdicts: { all: 'All', ok: 'OK', review: 'Review', ng: 'NG', invalid: 'Invalid' },
    judged: 'Judged by people',
    judgeds: {
      all: 'All',
      open: 'Waits for review',
      ok: 'Good',
      ng: 'Defective',
      overruled: 'Overruled as good',
    },
    part: 'Part id',
    line: 'Line',
    model: 'Model',
    anyModel: 'All',
    modelName: (number: number) => `Model ${number}`,
    time: 'Time',
    times: { all: 'All', hour: 'Last hour', day: 'Last 24 hours', week: 'Last 7 days' },
    csv: 'Table (CSV)',
    label: 'Inspections, the latest first',
    columns: {
      time: 'Time',
      verdict: 'Verdict',
      score: 'Score',
      part: 'Part',
      line: 'Line',
      model: 'Model',
      review: 'Judged',
    },
    mark: (what: string, time: string) => `Select ${what} of ${time}`,
    markAll: 'Select all shown',
    marked: (n: number) => `${n} selected`,
    learn: (n: number) => (n === 0 ? 'Add to the normals' : `Add ${n} to the normals`),
    learning: 'Adding',
    learnt: (n: number) =>
      `${plural(n, 'picture')} added to the good images. Train again to use ${n === 1 ? 'it' : 'them'}.`,
    isLearnt: 'among the images',
    none: 'No inspection fits these filters.',
    reset: 'Show all',
    empty: 'Nothing was inspected yet.',
    count: (n: number, more: boolean) => `${n}${more ? ' or more' : ''} shown`,
    closeDetail: 'Close the picture',
    judge: 'Judge',
    offer:
      'False alarms that people overruled can become good images: select them and add them to the normals.',
    mayNot: 'Engineers and quality add pictures to the normals.',
  },

  agreement: {
    title: 'How people and model agree',
    rate: 'Agreement',
    of: (agreed: number, judged: number) => `${agreed} of ${judged}`,
    interval: (low: string, high: string) => `95 % interval ${low} to ${high}`,
    about:
      'Counted are reviews of pictures that the model called OK or NG. Where it said review, it left the decision to people.',
    matrix: 'The model’s verdict, and what people said',
    model: 'Model',
    good: 'People: good',
    bad: 'People: defective',
    people: 'By reviewer',
    name: 'Reviewer',
    judged: 'Judged',
    share: 'Agrees with the model',
    between: '95 % interval',
    speed: 'Median time each',
    seconds: (s: number) => `${s < 10 ? s.toFixed(1) : Math.round(s)} s`,
    none: 'Nobody has judged an inspection yet.',
    noneAction: 'Go to the review queue',
    note: 'A reviewer who sees the verdict of the model is drawn towards it. How well people judge without it is measured by a study under Quality.',
    false: (n: number, share: string) =>
      `${plural(n, 'false alarm')} of the model: people called ${share} of what it stopped as NG good.`,
  },
};
