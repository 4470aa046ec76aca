/** `template.json`: read strictly, checked and written as `offspec.template` does. */

import { CoreError } from './errors';
import {
  areaOf,
  type Bounds,
  boundsOf,
  crossingEdges,
  type Point,
  type Points,
  pixelBounds,
  SHAPE_KINDS,
  type Shape,
  type ShapeKind,
  type Size,
} from './geometry';
import { Float, isObject, type JsonValue, jsonText, parseJson, shown } from './json';
import { emptyMask, fillShape } from './mask';

export const FORMAT_VERSION = 1;
export const MAX_REGIONS = 256;
export const MAX_POINTS = 10_000;
export const SMALLEST_DEFECT_PX = 16;

export type Mode = 'image' | 'pixel';
export type Kind = 'auto' | 'object' | 'texture';
export type Resolution = 'auto' | 'fast' | 'accurate' | 'native';
export type SizePolicy = 'exact' | 'scale' | 'fit';
export type AlignMode = 'auto' | 'none' | 'shift' | 'similarity' | 'homography';

export const MODES: readonly Mode[] = ['image', 'pixel'];
export const KINDS: readonly Kind[] = ['auto', 'object', 'texture'];
export const RESOLUTIONS: readonly Resolution[] = ['auto', 'fast', 'accurate', 'native'];
export const SIZE_POLICIES: readonly SizePolicy[] = ['exact', 'scale', 'fit'];
export const ALIGN_MODES: readonly AlignMode[] = [
  'auto',
  'none',
  'shift',
  'similarity',
  'homography',
];

export type TemplateRegion = Shape & {
  readonly id: string;
  readonly name: string;
  readonly exclusions: readonly Shape[];
  readonly minDefectAreaPx: number | null;
  readonly kind: Kind;
  readonly resolution: Resolution;
};

export type AlignSettings = {
  readonly mode: AlignMode;
  readonly maxShiftPx: number | null;
  readonly maxRotationDeg: number;
  readonly where: Bounds | null;
  readonly refineRegions: boolean;
};

export type Template = {
  readonly name: string;
  readonly referenceFile: string;
  readonly referenceSha256: string;
  readonly size: Size;
  readonly mode: Mode;
  readonly sizePolicy: SizePolicy;
  readonly smallestDefectPx: number;
  readonly alignment: AlignSettings;
  readonly regions: readonly TemplateRegion[];
};

export const DEFAULT_ALIGNMENT: AlignSettings = {
  mode: 'auto',
  maxShiftPx: null,
  maxRotationDeg: 10,
  where: null,
  refineRegions: false,
};

/** Strict access to one JSON object: each key is taken once, with its type. */
class Fields {
  private readonly left: Map<string, unknown>;

  constructor(
    readonly path: string,
    data: unknown,
  ) {
    if (!isObject(data)) throw new CoreError('template_not_object', { path, value: shown(data) });
    this.left = new Map(Object.entries(data));
  }

  wrong(key: string, value: unknown, rule: string): CoreError {
    return new CoreError('template_field', {
      key: `${this.path}.${key}`,
      value: shown(value),
      rule,
    });
  }

  take(key: string, ...preset: [] | [unknown]): unknown {
    if (!this.left.has(key)) {
      if (preset.length === 0)
        throw new CoreError('template_missing', { key: `${this.path}.${key}` });
      return preset[0];
    }
    const value = this.left.get(key);
    this.left.delete(key);
    return value;
  }

  text(key: string, ...preset: [] | [string]): string {
    const value = this.take(key, ...preset);
    if (typeof value !== 'string' || !value) throw this.wrong(key, value, 'text');
    return value;
  }

  integer(key: string): number {
    const value = this.take(key);
    if (!Number.isInteger(value)) throw this.wrong(key, value, 'integer');
    return value as number;
  }

  number(key: string, ...preset: [] | [number]): number {
    const value = this.take(key, ...preset);
    if (!Number.isFinite(value)) throw this.wrong(key, value, 'number');
    return value as number;
  }

  optionalNumber(key: string): number | null {
    const value = this.take(key, null);
    if (value !== null && !Number.isFinite(value)) throw this.wrong(key, value, 'number_or_null');
    return value as number | null;
  }

  boolean(key: string, preset: boolean): boolean {
    const value = this.take(key, preset);
    if (typeof value !== 'boolean') throw this.wrong(key, value, 'boolean');
    return value;
  }

  choice<T extends string>(key: string, known: readonly T[], ...preset: [] | [T]): T {
    return checkChoice(`${this.path}.${key}`, this.take(key, ...preset), known);
  }

  items(key: string, ...preset: [] | [unknown[]]): unknown[] {
    const value = this.take(key, ...preset);
    if (!Array.isArray(value)) throw this.wrong(key, value, 'list');
    return value;
  }

  points(key: string): Points {
    return this.items(key).map((point): Point => {
      if (!Array.isArray(point) || point.length !== 2 || !point.every(Number.isFinite))
        throw this.wrong(key, point, 'points');
      return [point[0], point[1]];
    });
  }

  finish(): void {
    if (this.left.size > 0)
      throw new CoreError('template_unknown_keys', {
        path: this.path,
        keys: [...this.left.keys()].sort().join(', '),
      });
  }
}

/** Read the text of a template and check every rule. */
export function readTemplate(text: string): Template {
  const top = new Fields('template', parseJson(text));
  const version = top.integer('format_version');
  if (version !== FORMAT_VERSION)
    throw new CoreError('template_version', { version, known: FORMAT_VERSION });
  const reference = new Fields('template.reference', top.take('reference'));
  const align = new Fields('template.alignment', top.take('alignment', {}));
  const template: Template = {
    name: top.text('name'),
    referenceFile: reference.text('file'),
    referenceSha256: reference.text('sha256'),
    size: { width: reference.integer('width'), height: reference.integer('height') },
    mode: top.choice('mode', MODES, 'image'),
    sizePolicy: top.choice('size_policy', SIZE_POLICIES, 'exact'),
    smallestDefectPx: top.number('smallest_defect_px', SMALLEST_DEFECT_PX),
    alignment: readAlignment(align),
    regions: top.items('regions').map(readRegion),
  };
  for (const fields of [top, reference, align]) fields.finish();
  checkTemplate(template);
  return template;
}

function readAlignment(fields: Fields): AlignSettings {
  const where = fields.take('where_xywh', null);
  if (
    where !== null &&
    !(Array.isArray(where) && where.length === 4 && where.every(Number.isFinite))
  )
    throw fields.wrong('where_xywh', where, 'box');
  const [x, y, width, height] = (where ?? []) as number[];
  return {
    mode: fields.choice('mode', ALIGN_MODES, 'auto'),
    maxShiftPx: fields.optionalNumber('max_shift_px'),
    maxRotationDeg: fields.number('max_rotation_deg', DEFAULT_ALIGNMENT.maxRotationDeg),
    where: where === null ? null : ({ x, y, width, height } as Bounds),
    refineRegions: fields.boolean('refine_regions', false),
  };
}

function readRegion(item: unknown, index: number): TemplateRegion {
  const fields = new Fields(`template.regions[${index}]`, item);
  const id = fields.text('id');
  const region: TemplateRegion = {
    id,
    name: fields.text('name', id),
    shape: fields.choice('shape', SHAPE_KINDS),
    points: fields.points('points_xy'),
    exclusions: fields.items('exclusions', []).map((entry, at): Shape => {
      const hole = new Fields(`${fields.path}.exclusions[${at}]`, entry);
      const exclusion: Shape = {
        shape: hole.choice<ShapeKind>('shape', SHAPE_KINDS),
        points: hole.points('points_xy'),
      };
      hole.finish();
      return exclusion;
    }),
    minDefectAreaPx: fields.optionalNumber('min_defect_area_px'),
    kind: fields.choice('kind', KINDS, 'auto'),
    resolution: fields.choice('resolution', RESOLUTIONS, 'auto'),
  };
  fields.finish();
  return region;
}

/** The text of `template.json`, byte for byte as Python writes it. */
export function templateText(template: Template): string {
  checkTemplate(template);
  const { alignment, size } = template;
  const where = alignment.where;
  return jsonText({
    format_version: FORMAT_VERSION,
    name: template.name,
    reference: {
      file: template.referenceFile,
      sha256: template.referenceSha256,
      width: size.width,
      height: size.height,
    },
    mode: template.mode,
    size_policy: template.sizePolicy,
    smallest_defect_px: new Float(template.smallestDefectPx),
    alignment: {
      mode: alignment.mode,
      max_shift_px: optionalFloat(alignment.maxShiftPx),
      max_rotation_deg: new Float(alignment.maxRotationDeg),
      where_xywh: where && [where.x, where.y, where.width, where.height].map((v) => new Float(v)),
      refine_regions: alignment.refineRegions,
    },
    regions: template.regions.map((region) => ({
      id: region.id,
      name: region.name,
      ...shapeJson(region),
      exclusions: region.exclusions.map(shapeJson),
      min_defect_area_px: optionalFloat(region.minDefectAreaPx),
      kind: region.kind,
      resolution: region.resolution,
    })),
  });
}

function shapeJson({ shape, points }: Shape): { shape: JsonValue; points_xy: JsonValue } {
  return { shape, points_xy: points.map((p) => p.map((v) => new Float(v))) };
}

function optionalFloat(value: number | null): Float | null {
  return value === null ? null : new Float(value);
}

export function checkChoice<T extends string>(
  what: string,
  value: unknown,
  known: readonly T[],
): T {
  if (!known.includes(value as T))
    throw new CoreError('template_choice', { what, value: shown(value), known: known.join(', ') });
  return value as T;
}

function checkNumber(what: string, value: number, low: number, high: number): void {
  if (!(Number.isFinite(value) && value >= low && value <= high))
    throw new CoreError('template_number', { what, value, low, high });
}

/** Refuse a template that the inspector would refuse. */
export function checkTemplate(template: Template): void {
  const { size, referenceFile: file, alignment } = template;
  if (Math.min(size.width, size.height) < 1)
    throw new CoreError('template_size', { width: size.width, height: size.height });
  if (!file || file === '.' || file === '..' || /[/\\\0]/.test(file))
    throw new CoreError('template_reference_file', { file });
  if (!/^[0-9a-f]{64}$/.test(template.referenceSha256))
    throw new CoreError('template_reference_hash', { hash: template.referenceSha256 });
  checkNumber(
    'smallest_defect_px',
    template.smallestDefectPx,
    1,
    Math.max(size.width, size.height),
  );
  if (alignment.maxShiftPx !== null)
    checkNumber('alignment.max_shift_px', alignment.maxShiftPx, 0, Infinity);
  checkNumber('alignment.max_rotation_deg', alignment.maxRotationDeg, 0, 180);
  const w = alignment.where;
  const fits =
    !w ||
    (w.x >= 0 &&
      w.y >= 0 &&
      w.width >= 16 &&
      w.height >= 16 &&
      w.x + w.width <= size.width &&
      w.y + w.height <= size.height);
  if (!fits) throw new CoreError('template_where', { width: size.width, height: size.height });
  checkRegions(template);
}

function checkRegions({ regions, size }: Template): void {
  if (regions.length < 1 || regions.length > MAX_REGIONS)
    throw new CoreError('template_region_count', { count: regions.length, most: MAX_REGIONS });
  const owner = new Map<string, number>();
  regions.forEach((region, index) => {
    for (const key of new Set([region.id, region.name])) {
      if (owner.has(key)) throw new CoreError('region_duplicate', { key });
      owner.set(key, index);
    }
    checkRegion(region, size);
  });
}

/** Refuse one region on its own: id, outline, place. */
export function checkRegion(region: TemplateRegion, size: Size): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(region.id))
    throw new CoreError('region_id', { id: region.id });
  for (const exclusion of region.exclusions) checkShape(region.name, exclusion);
  checkShape(region.name, region);
  if (region.minDefectAreaPx !== null)
    checkNumber(`${region.name}: min_defect_area_px`, region.minDefectAreaPx, 0, Infinity);
  const b = boundsOf(region.points);
  if (b.x < 0 || b.y < 0 || b.x + b.width > size.width || b.y + b.height > size.height)
    throw new CoreError('region_outside', {
      region: region.name,
      width: size.width,
      height: size.height,
    });
  if (!holdsPixel(region)) throw new CoreError('region_empty', { region: region.name });
}

export function checkShape(owner: string, { shape, points }: Shape): void {
  if (!SHAPE_KINDS.includes(shape)) throw new CoreError('shape_kind', { owner, shape });
  const rightCount =
    shape === 'polygon' ? points.length >= 3 && points.length <= MAX_POINTS : points.length === 2;
  if (!rightCount) throw new CoreError('shape_points', { owner, shape, count: points.length });
  if (!points.flat().every(Number.isFinite)) throw new CoreError('shape_finite', { owner });
  const pair = shape === 'polygon' ? crossingEdges(points) : null;
  if (pair) throw new CoreError('shape_crosses', { owner, a: pair[0], b: pair[1] });
  if (areaOf({ shape, points }) <= 0) throw new CoreError('shape_no_area', { owner });
}

/** Whether a pixel is left outside the exclusions. */
function holdsPixel(region: TemplateRegion): boolean {
  const mask = emptyMask(pixelBounds(region.points));
  fillShape(mask, region);
  for (const exclusion of region.exclusions) fillShape(mask, exclusion, 0);
  return mask.data.includes(1);
}
