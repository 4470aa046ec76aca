/** The regions of the template where they lie on this image. */

import { useEffect, useMemo, useState } from 'react';
import type { ImageOut, TemplateOut } from '../../api/schema';
import { documentOfRegions, type Region } from '../../core/document';
import { type Matrix, placedRegions } from '../../core/labelling';
import { templateOf, useAlignment } from '../../data/templates';
import { t } from '../../texts';

/** Whoever leafs through images fast asks for no alignment. */
const REST_MS = 250;

export type Ground = {
  readonly regions: readonly Region[];
  /** Why they may lie beside the part. */
  readonly note: string | null;
  readonly isPlacing: boolean;
};

export function useGround(image: ImageOut, row: TemplateOut | null): Ground {
  const template = useMemo(() => row && templateOf(row), [row]);
  const isReference = image.id === row?.reference_id;
  const isAligned = template !== null && !isReference && template.alignment.mode !== 'none';
  const [isResting, setIsResting] = useState(false);
  useEffect(() => {
    const wait = setTimeout(() => setIsResting(true), REST_MS);
    return () => clearTimeout(wait);
  }, []);
  const found = useAlignment(
    isAligned && isResting && row && template
      ? { imageId: image.id, referenceId: row.reference_id, template }
      : null,
  );
  const isSameSize =
    template !== null &&
    template.size.width === image.width &&
    template.size.height === image.height;
  return useMemo((): Ground => {
    if (!template) return { regions: [], note: null, isPlacing: false };
    const { regions } = documentOfRegions(template.size, template.regions);
    const plain = isSameSize ? placedRegions(regions, null) : [];
    if (!isAligned) return { regions: plain, note: null, isPlacing: false };
    if (!found.data)
      return { regions: plain, note: found.error?.message ?? null, isPlacing: !found.error };
    const { matrix, reason, valid } = found.data;
    if (valid && matrix)
      return { regions: placedRegions(regions, matrix as Matrix), note: null, isPlacing: false };
    return { regions: plain, note: t.annotate.notPlaced(reason ?? ''), isPlacing: false };
  }, [template, isSameSize, isAligned, found.data, found.error]);
}
