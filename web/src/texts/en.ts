/** Every text of the studio, in English. Words are those of `docs/glossary.md`. */

import type { ErrorCode, ErrorValues } from '../core/errors';
import { administration } from './pages/administration';
import { annotate } from './pages/annotate';
import { charts } from './pages/charts';
import { deploy } from './pages/deploy';
import { drift } from './pages/drift';
import { evaluate } from './pages/evaluate';
import { health } from './pages/health';
import { home } from './pages/home';
import { images } from './pages/images';
import { inspect } from './pages/inspect';
import { jobs } from './pages/jobs';
import { problem } from './pages/problem';
import { quality } from './pages/quality';
import { session } from './pages/session';
import { template } from './pages/template';
import { train } from './pages/train';

type V = ErrorValues;

/** What a field of a file has to be, by the rule that the core names. */
const rules: Readonly<Record<string, string>> = {
  text: 'text that is not empty',
  integer: 'a whole number',
  number: 'a number',
  number_or_null: 'a number or null',
  boolean: 'true or false',
  list: 'a list',
  points: 'a list of [x, y] pairs of numbers',
  box: 'a list of four numbers: x, y, width, height',
  both: 'given together with the other side, or absent with it',
  shapes: 'a list of objects',
  shape_count: 'at most 10000 shapes',
  flags: 'an object of true and false',
  length: 'a whole number from 1 to 1000000',
  split: 'train or test',
};

const errors: Record<ErrorCode, (v: V) => string> = {
  json_malformed: (v) => `This is not a JSON file: ${v.detail}. Save it again.`,
  annotation_not: () =>
    "This JSON is not an annotation. It must be an object with 'flags' or 'shapes'.",
  annotation_field: (v) =>
    `'${v.key}' is ${v.value}. It has to be ${rules[v.rule ?? '']}. Correct the file.`,
  annotation_points: (v) =>
    `Shape '${v.label}' has ${v.count} points. An outline has 3 to ${v.most}. Draw it again.`,
  annotation_point: (v) =>
    `The point ${v.point} is not [x, y] with numbers up to ${v.most}. Draw the shape again.`,
  annotation_shape_type: (v) => `The shape type '${v.kind}' is unknown.`,
  annotation_shape_count: (v) =>
    `A ${v.kind} has ${v.count} points, which is wrong. Draw it again.`,
  annotation_mask: (v) => `The mask of shape ${v.label} cannot be decoded. Draw it again.`,
  annotation_verdicts_differ: (v) =>
    `The annotation says both OK and NG of '${v.region || 'the whole image'}'. Keep one verdict.`,
  annotation_outside: (v) =>
    `Defect '${v.label}' lies outside the image of ${v.width} x ${v.height} pixels. Draw it again.`,
  annotation_free_and_defect: () =>
    'The annotation is marked free of defects and has a defect. Remove the mark or the defects.',
  annotation_ok_and_defect: () =>
    'The annotation says OK for the whole image and has a defect or an NG region. Correct the verdict.',
  annotation_region_no_verdict: (v) =>
    `Region '${v.region}' is outlined and has no verdict. Give it OK or NG.`,
  template_not_object: (v) => `'${v.path}' is ${v.value}. It has to be a JSON object.`,
  template_missing: (v) => `'${v.key}' is missing. Add it.`,
  template_field: (v) =>
    `'${v.key}' is ${v.value}. It has to be ${rules[v.rule ?? '']}. Correct the file.`,
  template_unknown_keys: (v) => `'${v.path}' has unknown keys: ${v.keys}. Remove or correct them.`,
  template_version: (v) =>
    `Template format version ${v.version} is not readable. This studio reads version ${v.known}.`,
  template_size: (v) => `${v.width} x ${v.height} is not a size of an image.`,
  template_reference_file: (v) =>
    `Reference file '${v.file}' is not a plain file name. Give it without a folder.`,
  template_reference_hash: () => 'The hash of the reference is not a sha256. Open the image again.',
  template_choice: (v) => `${v.what} is ${v.value}. It has to be one of ${v.known}.`,
  template_number: (v) =>
    `${v.what} is ${v.value}. It has to be from ${v.low}${v.high === Number.POSITIVE_INFINITY ? ' on' : ` to ${v.high}`}.`,
  template_where: () =>
    'The place to align by does not fit. It is a box of at least 16 x 16 pixels inside the reference.',
  template_region_count: (v) => `The template has ${v.count} regions. It needs 1 to ${v.most}.`,
  region_id: (v) =>
    `Region id '${v.id}' is not allowed. An id is 1 to 64 letters, digits, dots, dashes or underscores and starts with a letter or digit.`,
  region_duplicate: (v) => `'${v.key}' is used by two regions. Rename one of them.`,
  region_outside: (v) =>
    `Region '${v.region}' leaves the image of ${v.width} x ${v.height} pixels. Move its points.`,
  region_empty: (v) =>
    `Region '${v.region}' holds no pixel outside its exclusions. Enlarge it or remove an exclusion.`,
  shape_kind: (v) => `Region '${v.owner}' has the unknown shape '${v.shape}'.`,
  shape_points: (v) => `Region '${v.owner}' (${v.shape}) has ${v.count} points, which is wrong.`,
  shape_finite: (v) => `Region '${v.owner}' has a coordinate that is no number.`,
  shape_crosses: (v) => `Region '${v.owner}' crosses or touches itself. Move or remove a point.`,
  shape_no_area: (v) => `Region '${v.owner}' has no area. Move a point.`,
};

export const en = {
  app: {
    name: 'offspec',
    studio: 'Studio',
    skip: 'Skip to the page',
    navigation: 'Pages',
    allProjects: 'All projects',
    notFound: 'There is no such project, or it is not yours',
    notFoundText: 'An administrator can make you a member of it.',
    waiting: (n: number) => `${n} wait for review`,
    offline: 'The server does not answer. Is it running?',
    unreachable: (status: number) =>
      `The server cannot be reached just now (answer ${status}). Try again in a moment.`,
    unexpected: (status: number) =>
      `Something between here and the server refused this (answer ${status}). Ask who runs it.`,
    tooLarge: 'This is larger than the network lets through (answer 413). Send less at a time.',
    broken: {
      title: 'This page cannot be shown',
      text: 'The server was updated, the network was away for a moment, or something failed here. Load the studio again: what is saved stays.',
      action: 'Load again',
    },
    retry: 'Try again',
    loading: 'Loading…',
    theme: { label: 'Theme', auto: 'As the system', light: 'Light', dark: 'Dark' },
  },
  nav: {
    template: 'Template',
    annotate: 'Annotate',
    health: 'Health',
    train: 'Train',
    evaluate: 'Evaluate',
    inspect: 'Inspection',
    deploy: 'Deploy',
    quality: 'Quality',
    drift: 'Drift and refit',
    administration: 'Administration',
  },
  groups: { prepare: 'Prepare', model: 'Model', production: 'Production', system: 'System' },
  home,
  problem,
  session,
  jobs,
  charts,
  annotate,
  health,
  train,
  evaluate,
  images,
  inspect,
  deploy,
  quality,
  drift,
  administration,
  common: {
    close: 'Close',
    cancel: 'Cancel',
    save: 'Save',
    remove: 'Remove',
    back: 'Back',
    next: 'Next',
    loading: 'Loading…',
    more: 'More',
    percent: (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`,
    date: (seconds: number) =>
      new Date(1000 * seconds).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
    clock: (seconds: number) => new Date(1000 * seconds).toLocaleTimeString('en-GB'),
    bytes: (n: number) =>
      n >= 1e9
        ? `${(n / 1e9).toFixed(1)} GB`
        : n >= 1e6
          ? `${(n / 1e6).toFixed(1)} MB`
          : `${Math.ceil(n / 1e3)} kB`,
    verdicts: { ok: 'OK', ng: 'NG', review: 'Review', invalid: 'Invalid' },
    undo: 'Undo',
    redo: 'Redo',
    dismiss: 'Dismiss message',
  },
  viewer: {
    label: 'Image with regions',
    help: 'Arrow keys move the view, the selection or, with a drawing tool, the crosshair. Enter sets a corner. Press ? for all keys.',
    zoom: (percent: string) => `${percent} %`,
    at: (x: string, y: string) => `x ${x}, y ${y} px`,
  },
  tools: {
    label: 'Tools',
    select: 'Select',
    pan: 'Move the view',
    rectangle: 'Rectangle',
    polygon: 'Polygon',
    ellipse: 'Ellipse',
    brush: 'Brush',
    eraser: 'Eraser',
    smart: 'Smart outline',
  },
  toolHints: {
    select: 'Click to select, drag to move. Shift adds. Drag a handle to resize.',
    pan: 'Drag to move the view. The wheel zooms.',
    rectangle: 'Drag, or click two opposite corners.',
    ellipse: 'Drag, or click two opposite corners of its box.',
    polygon: 'Click each corner. Click the first one again, or press Enter, to close.',
    brush: 'Paint over the defect.',
    eraser: 'Take paint away.',
    smart: 'Click a defect, or stroke roughly over it: its outline is found.',
  },
  template,
  keys: {
    title: 'Keyboard',
    key: 'Key',
    does: 'What it does',
    rows: [
      ['V, H', 'Select, move the view'],
      ['R, P, E', 'Rectangle, polygon, ellipse'],
      ['X', 'Draw as region or as exclusion'],
      ['Arrows', 'Drawing: move the crosshair. Selected: move it. Else: move the view'],
      ['Shift + arrows', 'The same in larger steps'],
      ['Alt + arrows', 'Resize what is selected'],
      ['Enter', 'Drawing: set a corner; after clicks, close the polygon'],
      ['C, Backspace', 'Close the polygon, take its last corner back'],
      ['N, B', 'Select the next or the one before; with Shift, add it'],
      ['Ctrl + A', 'Select all regions'],
      ['Ctrl + D', 'Copy'],
      ['L', 'Lock or unlock'],
      ['Delete', 'Delete'],
      ['Ctrl + Z', 'Undo'],
      ['Ctrl + Y', 'Redo'],
      ['Ctrl + S', 'Save as a new version'],
      ['+, -, 0, 1', 'Zoom in, zoom out, fit, one to one'],
      ['Space + drag', 'Move the view'],
      ['Escape', 'Cancel, then select nothing'],
    ] as readonly (readonly [string, string])[],
  },
  errors,
};
