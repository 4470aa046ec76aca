import { useMemo, useState } from 'react';
import type { InspectionOut } from '../../api/schema';
import { PictureStage, type StageLayer } from '../../canvas/PictureStage';
import { useSharedView } from '../../canvas/useSharedView';
import { Problem } from '../../components/Problem';
import { useKeys } from '../../components/useKeys';
import { boundsOf } from '../../core/geometry';
import { contentOf, outlinesOf } from '../../data/inspectionContent';
import { capturedAt, heatAt } from '../../data/inspections';
import { isGone, usePicture } from '../../data/pictures';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { PictureTools, type Shown, shownByKey } from './PictureTools';

type InspectionPictureProps = {
  readonly inspection: InspectionOut;
  /** The picture's name, in words. */
  readonly of: string;
  readonly hasTools?: boolean;
};

/** One captured picture with what the model outlined and, where wished, its heat. */
export function InspectionPicture({ inspection, of, hasTools = true }: InspectionPictureProps) {
  const { id } = useProject();
  const [shown, setShown] = useState<Shown>({ heat: false, outlines: true });
  const captured = usePicture(inspection.image_gone ? null : capturedAt(id, inspection.id));
  const heat = usePicture(shown.heat && captured.picture ? heatAt(id, inspection.id) : null);
  const frame = captured.picture?.size ?? null;
  const control = useSharedView(frame, inspection.id);
  const outlines = useMemo(() => outlinesOf(contentOf(inspection)), [inspection]);
  useKeys(hasTools, (key, event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (key === 'z' || key === 'Z') {
      control.showNext(places);
      return true;
    }
    const next = shownByKey(key, shown);
    if (next) setShown(next);
    return next !== null || (!key.startsWith('Arrow') && control.key(key));
  });
  const places = outlines.map((one) => boundsOf(one.points));
  const layers: StageLayer[] = [];
  if (captured.picture && frame) layers.push({ key: 'captured', ...captured.picture });
  if (heat.picture && frame && shown.heat)
    layers.push({ key: 'heat', src: heat.picture.src, size: frame });
  if (inspection.image_gone || isGone(captured.error))
    return <p className="picture-missing">{t.inspect.result.gone}</p>;
  return (
    <div className="inspection-picture">
      {captured.error && <Problem error={captured.error} />}
      {heat.error && <Problem error={heat.error} />}
      {hasTools && (
        <PictureTools control={control} shown={shown} onShown={setShown} places={places} />
      )}
      {frame ? (
        <PictureStage
          frame={frame}
          layers={layers}
          outlines={shown.outlines ? outlines : []}
          view={control.view}
          onView={control.change}
          label={t.inspect.result.picture(of, outlines.length)}
        />
      ) : (
        <div className="picture-stage" aria-busy={!captured.error} />
      )}
    </div>
  );
}
