/** Every text of the studio, in English. Words are those of `docs/glossary.md`. */

import type { ErrorCode, ErrorValues } from '../core/errors';

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
    noProject: 'No project open',
    loading: 'Loading…',
    theme: { label: 'Theme', auto: 'As the system', light: 'Light', dark: 'Dark' },
  },
  nav: {
    template: 'Template',
    annotate: 'Annotate',
    health: 'Health',
    train: 'Train',
    evaluate: 'Evaluate',
    inspect: 'Inspect and review',
    deploy: 'Deploy',
    quality: 'Quality',
    administration: 'Administration',
  },
  groups: { prepare: 'Prepare', model: 'Model', production: 'Production', system: 'System' },
  pages: {
    annotate: {
      title: 'No images to annotate yet',
      text: 'Draw a template first. Then add images of the part: good ones and, if there are any, defects.',
      action: 'Go to Template',
    },
    health: {
      title: 'No data to check yet',
      text: 'The check looks for normals that are no good parts, for copies and for leaks. It needs annotated images.',
      action: 'Go to Annotate',
    },
    train: {
      title: 'No dataset version yet',
      text: 'A model learns from 5 normals or more in each region. Annotate images and check them first.',
      action: 'Go to Annotate',
    },
    evaluate: {
      title: 'No model to evaluate yet',
      text: 'Train a model. Then you see the scores of normals and defects here and set the threshold.',
      action: 'Go to Train',
    },
    inspect: {
      title: 'No approved model yet',
      text: 'Images are inspected by the approved model. Evaluate a model and approve it under Deploy.',
      action: 'Go to Deploy',
    },
    deploy: {
      title: 'No model to approve yet',
      text: 'Train and evaluate a model. Then compare it here with the one in use and approve it.',
      action: 'Go to Evaluate',
    },
    quality: {
      title: 'No inspections to report yet',
      text: 'Reports, studies and rates over time come from inspections and reviews.',
      action: 'Go to Inspect and review',
    },
    administration: {
      title: 'No server connected',
      text: 'Users, tokens, storage and the audit log are kept by the server. Start it with: offspec serve',
      action: 'Go to Template',
    },
  },
  common: {
    close: 'Close',
    cancel: 'Cancel',
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
  },
  toolHints: {
    select: 'Click to select, drag to move. Shift adds. Drag a handle to resize.',
    pan: 'Drag to move the view. The wheel zooms.',
    rectangle: 'Drag, or click two opposite corners.',
    ellipse: 'Drag, or click two opposite corners of its box.',
    polygon: 'Click each corner. Click the first one again, or press C, to close.',
    brush: 'Paint over the defect.',
    eraser: 'Take paint away.',
  },
  template: {
    title: 'Template',
    open: 'Open image…',
    openOther: 'Open another image…',
    save: 'Save template.json',
    emptyTitle: 'Start with an image of a good part',
    emptyText:
      'It becomes the reference: regions are drawn on it and other images are compared with it. Drop it here, together with its template.json if there is one.',
    unreadable: (file: string) =>
      `'${file}' cannot be shown. The browser reads PNG, JPEG, BMP and WebP. Convert the image.`,
    noHash:
      'This address is not secure, so the browser cannot compute the hash of the reference. Open the studio over https or on this machine.',
    noImage: (file: string) => `Open '${file}', the reference of this template, together with it.`,
    otherImage: (file: string) =>
      `The template was drawn on another image than '${file}'. Regions are only valid on the image they were drawn on. Open the right one.`,
    opened: (regions: number) => `Template opened: ${plural(regions, 'region')}.`,
    saved: (file: string) => `template.json saved. Keep it beside '${file}'.`,
    savedWhole: (file: string) =>
      `template.json saved with one region over the whole image. Keep it beside '${file}'.`,
    lossReplace: 'Open another image?',
    lossText: 'What you have drawn since the last save is lost.',
    lossKeep: 'Keep drawing',
    lossGo: 'Open without saving',
    regionName: (n: number) => `Region ${n}`,
    copyName: (of: string) => `${of} copy`,
    noOwner: 'An exclusion lies inside a region. Draw the region first, or draw inside one.',
    limit: 'A template has at most 256 regions.',
    draws: 'Draw as',
    region: 'Region',
    exclusion: 'Exclusion',
    keys: 'Keyboard',
    selection: 'Selection',
    edit: {
      copy: 'Copy',
      remove: 'Delete',
      lock: 'Lock',
      unlock: 'Unlock',
      align: 'Align to the first selected',
    },
    align: {
      left: 'Align left edges',
      center: 'Align centres across',
      right: 'Align right edges',
      top: 'Align top edges',
      middle: 'Align centres down',
      bottom: 'Align bottom edges',
      size: 'Same size',
    },
    steps: {
      draw: 'Draw',
      exclude: 'Exclude',
      move: 'Move',
      resize: 'Resize',
      points: 'Change corners',
      remove: 'Delete',
      copy: 'Copy',
      lock: 'Lock',
      align: 'Align',
      edit: 'Edit',
      split: 'Split',
    },
    tabs: { regions: 'Regions', settings: 'Template' },
    list: {
      caption: 'Regions of the template',
      name: 'Name',
      size: 'Size in px',
      network: 'Network',
      none: 'No region yet. Without one, the whole image is judged.',
      exclusions: (n: number) => `${plural(n, 'exclusion')}`,
      locked: 'locked',
      exclusionNumber: (n: number) => `Exclusion ${n}`,
    },
    properties: {
      none: 'Select a region to name it and to see its size.',
      many: (n: number) => `${n} selected. The first one is the guide for aligning.`,
      name: 'Name',
      id: 'Id in files and results',
      kind: 'Kind',
      resolution: 'Resolution',
      minArea: 'Smallest outlined area, px²',
      minAreaHint: 'Empty: a disc as wide as the smallest defect.',
      x: 'x',
      y: 'y',
      width: 'Width',
      height: 'Height',
      place: 'Place in px',
      exclusionOf: (name: string) => `Exclusion of ${name}`,
    },
    advice: {
      caption: 'What the network sees',
      resolution: 'Resolution',
      isKept: 'Kept',
      left: 'Smallest defect',
      networkPx: (px: string) => `${px} px`,
      enough: 'enough',
      short: 'little',
      missed: 'too little',
      chosen: 'used',
      size: (w: number, h: number, fast: string, accurate: string) =>
        `${w} x ${h} px: ${fast} of the fast size, ${accurate} of the accurate one.`,
      isEnough: 'The smallest defect keeps the 8 network pixels that are wanted.',
      isShort: (px: string) =>
        `Only ${px} network pixels are left of the smallest defect; 8 are wanted.`,
      isMissed: (px: string) =>
        `Only ${px} network pixels are left of the smallest defect. Under 4 it is likely missed.`,
      split: (n: number) => `Split into ${n} regions`,
      splitOther: (n: number) =>
        `Split it into ${n} regions, choose automatic or native, or ask for larger defects only.`,
      choose: 'Choose automatic or native, or ask for larger defects only.',
      camera:
        'The image itself holds no more: use a camera or lens with more pixels on the part, or ask for larger defects only.',
    },
    kinds: { auto: 'Automatic', object: 'Object: fixed places', texture: 'Texture: a surface' },
    resolutions: {
      auto: 'Automatic',
      fast: 'Fast (256)',
      accurate: 'Accurate (512)',
      native: 'Native (tiles)',
    },
    settings: {
      name: 'Name',
      file: 'Reference',
      size: (w: number, h: number) => `${w} x ${h} px`,
      mode: 'Mode',
      modes: { image: 'Image: verdicts', pixel: 'Pixel: outlines too' },
      smallest: 'Smallest defect, width in px',
      smallestHint: 'The smallest defect that matters. It decides the resolution.',
      sizePolicy: 'Images of another size',
      sizePolicies: {
        exact: 'Invalid',
        scale: 'Resample, same proportions',
        fit: 'Fit, any size (textures)',
      },
      align: 'Alignment',
      aligns: {
        auto: 'Automatic',
        none: 'None',
        shift: 'Shift',
        similarity: 'Shift, rotation, scale',
        homography: 'Perspective',
      },
      maxShift: 'Largest shift, px',
      maxShiftHint: 'Empty: a tenth of the longer side.',
      maxRotation: 'Largest rotation, degrees',
      refine: 'Shift each region once more on its own',
    },
  },
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
      ['Enter', 'Drawing: set a corner'],
      ['C, Backspace', 'Close the polygon, take its last corner back'],
      ['N, B', 'Select the next or the one before; with Shift, add it'],
      ['Ctrl + A', 'Select all regions'],
      ['Ctrl + D', 'Copy'],
      ['L', 'Lock or unlock'],
      ['Delete', 'Delete'],
      ['Ctrl + Z', 'Undo'],
      ['Ctrl + Y', 'Redo'],
      ['Ctrl + S', 'Save template.json'],
      ['+, -, 0, 1', 'Zoom in, zoom out, fit, one to one'],
      ['Space + drag', 'Move the view'],
      ['Escape', 'Cancel, then select nothing'],
    ] as readonly (readonly [string, string])[],
  },
  errors,
};

function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}
