/** What a template says besides its regions, and the template of both. */

import { type Document, regionsOfDocument } from '../../core/document';
import { boxPoints } from '../../core/geometry';
import { DEFAULT_ALIGNMENT, SMALLEST_DEFECT_PX, type Template } from '../../core/template';

export type Settings = Pick<
  Template,
  'name' | 'mode' | 'sizePolicy' | 'smallestDefectPx' | 'alignment'
>;

type ReferenceFile = { readonly file: string; readonly sha256: string };

export function defaultSettings(name: string, longest: number): Settings {
  return {
    name,
    mode: 'image',
    sizePolicy: 'exact',
    smallestDefectPx: Math.min(SMALLEST_DEFECT_PX, longest),
    alignment: DEFAULT_ALIGNMENT,
  };
}

/** Without a region drawn, one over the whole image. */
export function makeTemplate(
  reference: ReferenceFile,
  settings: Settings,
  doc: Document,
): Template {
  const drawn = regionsOfDocument(doc);
  const whole = {
    id: 'image',
    name: 'Whole image', // as the core names it, whatever the language
    shape: 'rectangle' as const,
    points: boxPoints({ x: 0, y: 0, width: doc.size.width, height: doc.size.height }),
    exclusions: [],
    minDefectAreaPx: null,
    kind: 'auto' as const,
    resolution: 'auto' as const,
  };
  return {
    ...settings,
    referenceFile: reference.file,
    referenceSha256: reference.sha256,
    size: doc.size,
    regions: drawn.length > 0 ? drawn : [whole],
  };
}
