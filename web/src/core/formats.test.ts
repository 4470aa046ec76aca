import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CoreError } from './errors';
import { floatText } from './json';
import { annotationText, labelOf, readAnnotation } from './sidecar';
import { readTemplate, templateText } from './template';

const fixture = (name: string) =>
  readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CoreError) return error.code;
    throw error;
  }
  return 'none';
}

describe('sidecars', () => {
  it.each(['sidecar_full.json', 'sidecar_free.json', 'labelme_out.json'])(
    '%s comes back byte for byte',
    (name) => {
      expect(annotationText(readAnnotation(fixture(name)))).toBe(fixture(name));
    },
  );

  it("reads LabelMe's file as Python does", () => {
    const ours = readAnnotation(fixture('labelme_in.json'));
    const python = readAnnotation(fixture('labelme_out.json'));
    expect({ ...ours, defects: [] }).toEqual({ ...python, defects: [] });
    ours.defects.forEach((defect, i) => {
      const other = python.defects[i];
      expect(defect.label).toBe(other?.label);
      defect.points.flat().forEach((v, j) => {
        expect(v).toBeCloseTo(other?.points.flat()[j] ?? Number.NaN, 9);
      });
    });
    expect(ours.defects.length).toBe(python.defects.length);
  });

  const shape = (changes = {}) => ({
    label: 'scratch',
    points: [
      [2, 2],
      [6, 2],
      [6, 5],
    ],
    shape_type: 'polygon',
    flags: {},
    ...changes,
  });
  const file = (changes = {}) =>
    JSON.stringify({
      flags: {},
      shapes: [],
      imagePath: 'a.png',
      imageHeight: 20,
      imageWidth: 30,
      ...changes,
    });

  it.each([
    ['list', '[]', 'annotation_not'],
    ['not JSON', '{', 'json_malformed'],
    ['no keys', '{"regions": []}', 'annotation_not'],
    ['flags', file({ flags: { OK: 'yes' } }), 'annotation_field'],
    ['flags list', file({ flags: [1] }), 'annotation_field'],
    ['shapes', file({ shapes: { a: 1 } }), 'annotation_field'],
    ['shape', file({ shapes: [3] }), 'annotation_field'],
    ['label', file({ shapes: [shape({ label: 4 })] }), 'annotation_field'],
    ['type', file({ shapes: [shape({ shape_type: 'spline' })] }), 'annotation_shape_type'],
    ['no points', file({ shapes: [shape({ points: [] })] }), 'annotation_points'],
    ['triple', file({ shapes: [shape({ points: [[1, 2, 3]] })] }), 'annotation_point'],
    ['bool', file({ shapes: [shape({ points: [[true, 1]] })] }), 'annotation_point'],
    ['huge', file({ shapes: [shape({ points: [[1e300, 1]] })] }), 'annotation_point'],
    ['outside', file({ shapes: [shape({ points: [[99, 99]] })] }), 'annotation_outside'],
    ['rectangle', file({ shapes: [shape({ shape_type: 'rectangle' })] }), 'annotation_shape_count'],
    ['mask', file({ shapes: [shape({ shape_type: 'mask' })] }), 'annotation_shape_count'],
    ['split', file({ split: 'validation' }), 'annotation_field'],
    ['part', file({ part_id: 7 }), 'annotation_field'],
    ['width', file({ imageWidth: -3 }), 'annotation_field'],
    ['one side', file({ imageWidth: null }), 'annotation_field'],
    ['both flags', file({ flags: { OK: true, NG: true } }), 'annotation_verdicts_differ'],
    [
      'disagree',
      file({ flags: { 'cap:OK': true }, shapes: [shape({ label: 'cap', flags: { NG: true } })] }),
      'annotation_verdicts_differ',
    ],
    [
      'free with defect',
      file({ flags: { defect_free: true }, shapes: [shape()] }),
      'annotation_free_and_defect',
    ],
    [
      'ok with defect',
      file({ flags: { OK: true }, shapes: [shape()] }),
      'annotation_ok_and_defect',
    ],
  ])('names what is wrong: %s', (_, text, code) => {
    expect(codeOf(() => readAnnotation(text))).toBe(code);
  });

  it.each([
    [{}, null],
    [{ defect_free: true }, 'ok'],
    [{ OK: true }, 'ok'],
    [{ 'a:OK': true, 'b:NG': true }, 'ng'],
    [{ OK: false, NG: false }, null],
  ])('labels %j as %s', (flags, label) => {
    expect(labelOf(readAnnotation(file({ flags })))).toBe(label);
  });

  it('refuses an outlined region without a verdict', () => {
    const read = readAnnotation(fixture('sidecar_full.json'));
    expect(codeOf(() => annotationText({ ...read, verdicts: new Map() }))).toBe(
      'annotation_region_no_verdict',
    );
  });
});

describe('template.json', () => {
  it('comes back byte for byte', () => {
    expect(templateText(readTemplate(fixture('template.json')))).toBe(fixture('template.json'));
  });

  const changed = (change: (data: Record<string, unknown>) => void) => {
    const data = JSON.parse(fixture('template.json'));
    change(data);
    return JSON.stringify(data);
  };
  const region = (change: object) =>
    changed((d) => {
      const regions = d.regions as object[];
      regions[0] = { ...regions[0], ...change };
    });

  it.each([
    ['unknown key', changed((d) => Object.assign(d, { colour: 1 })), 'template_unknown_keys'],
    ['missing', changed((d) => delete d.name), 'template_missing'],
    ['version', changed((d) => Object.assign(d, { format_version: 2 })), 'template_version'],
    ['mode', changed((d) => Object.assign(d, { mode: 'video' })), 'template_choice'],
    ['no regions', changed((d) => Object.assign(d, { regions: [] })), 'template_region_count'],
    ['list', '[]', 'template_not_object'],
    ['smallest', changed((d) => Object.assign(d, { smallest_defect_px: 0 })), 'template_number'],
    ['id', region({ id: 'a b' }), 'region_id'],
    ['same id', region({ id: 'disc' }), 'region_duplicate'],
    ['same name', region({ name: 'disc' }), 'region_duplicate'],
    [
      'outside',
      region({
        points_xy: [
          [0, 0],
          [1281, 10],
        ],
      }),
      'region_outside',
    ],
    [
      'no area',
      region({
        points_xy: [
          [0, 0],
          [0, 10],
        ],
      }),
      'shape_no_area',
    ],
    ['points', region({ points_xy: [[0, 0]] }), 'shape_points'],
    [
      'crossing',
      region({
        shape: 'polygon',
        points_xy: [
          [0, 0],
          [10, 10],
          [10, 0],
          [0, 10],
        ],
      }),
      'shape_crosses',
    ],
    [
      'all excluded',
      region({
        points_xy: [
          [55, 65],
          [60, 70],
        ],
      }),
      'region_empty',
    ],
  ])('refuses: %s', (_, text, code) => {
    expect(codeOf(() => readTemplate(text))).toBe(code);
  });

  it('fills in what may be absent', () => {
    const text = changed((d) => {
      for (const key of ['mode', 'alignment', 'size_policy', 'smallest_defect_px']) delete d[key];
    });
    const template = readTemplate(text);
    expect(template.alignment).toMatchObject({
      mode: 'auto',
      maxShiftPx: null,
      maxRotationDeg: 10,
    });
    expect(template).toMatchObject({ mode: 'image', sizePolicy: 'exact', smallestDefectPx: 16 });
  });
});

it.each([
  [2, '2.0'],
  [0.1, '0.1'],
  [-0, '-0.0'],
  [1e-5, '1e-05'],
  [1.5e-7, '1.5e-07'],
  [123456.75, '123456.75'],
  [1e16, '1e+16'],
])('writes %d as Python does', (value, text) => {
  expect(floatText(value)).toBe(text);
});
