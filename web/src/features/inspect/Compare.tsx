import { useMemo, useRef } from 'react';
import type { InspectionOut } from '../../api/schema';
import { type Matrix, scaling } from '../../canvas/matrix';
import { PictureStage, type StageLayer } from '../../canvas/PictureStage';
import type { ViewControl } from '../../canvas/useSharedView';
import { Problem } from '../../components/Problem';
import { type Bounds, boundsOf, type Size } from '../../core/geometry';
import {
  contentOf,
  type InspectionContent,
  laidBy,
  outlinesOf,
  toReference,
} from '../../data/inspectionContent';
import { capturedAt, heatAt, referenceAt } from '../../data/inspections';
import { isGone, type Picture, usePicture } from '../../data/pictures';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import type { Shown } from './PictureTools';

export type Compared = {
  readonly golden: Picture | null;
  readonly captured: Picture | null;
  readonly heat: Picture | null;
  readonly error: Error | null;
  /** What both panes show: the golden image's pixels. */
  readonly frame: Size | null;
};

/** The pictures of one inspection; heat is only waited for, never in the way. */
export function useCompared(inspection: InspectionOut | undefined, hasHeat: boolean): Compared {
  const { id } = useProject();
  const shown = inspection && !inspection.image_gone ? inspection.id : null;
  const model = useRef<string | null>(null);
  if (inspection) model.current = inspection.model_id; // stays while the next one is on its way
  const golden = usePicture(model.current === null ? null : referenceAt(id, model.current));
  const captured = usePicture(shown === null ? null : capturedAt(id, shown));
  const heat = usePicture(hasHeat && shown !== null ? heatAt(id, shown) : null);
  const error = captured.error ?? golden.error ?? heat.error;
  return useMemo(
    () => ({
      golden: golden.picture,
      captured: captured.picture,
      heat: heat.picture,
      error,
      frame: golden.picture?.size ?? null,
    }),
    [golden.picture, captured.picture, heat.picture, error],
  );
}

type CompareProps = {
  readonly inspection: InspectionOut;
  readonly compared: Compared;
  readonly control: ViewControl;
  readonly shown: Shown;
  /** null = side by side; else what of the two is seen just now. */
  readonly blink: 'golden' | 'captured' | null;
};

/** Golden image beside the captured one, or both in turn at the same place. */
export function Compare({ inspection, compared, control, shown, blink }: CompareProps) {
  const texts = t.inspect.queue;
  const { golden, captured, heat, frame, error } = compared;
  const content = contentOf(inspection);
  const matrix = useMemo(() => laying(content, compared), [content, compared]);
  const outlines = useMemo(
    () => (shown.outlines && matrix ? laidBy(matrix, outlinesOf(content)) : []),
    [content, matrix, shown.outlines],
  );
  if (inspection.image_gone || isGone(error))
    return <p className="picture-missing">{t.inspect.result.gone}</p>;
  if (!frame || !golden) return error ? <Problem error={error} /> : <Panes isBusy />;
  const goldenLayer: StageLayer = { key: 'golden', ...golden };
  const capturedLayers: StageLayer[] =
    captured && matrix
      ? [
          { key: `c-${inspection.id}`, ...captured, matrix },
          ...(heat && shown.heat
            ? [{ key: `h-${inspection.id}`, src: heat.src, size: captured.size, matrix }]
            : []),
        ]
      : [];
  const defects = outlinesOf(content).length;
  const label = t.inspect.result.picture(
    inspection.part_id ?? t.common.date(inspection.created_s),
    defects,
  );
  const view = { frame, view: control.view, onView: control.change };
  if (blink !== null)
    return (
      <div className="panes">
        {error && <Problem error={error} />}
        <figure>
          <figcaption>
            {texts.blinking}
            <strong>{blink === 'golden' ? texts.blinkGolden : texts.blinkCaptured}</strong>
          </figcaption>
          <PictureStage
            {...view}
            layers={[
              goldenLayer,
              ...capturedLayers.map((layer) => ({ ...layer, isHidden: blink === 'golden' })),
            ]}
            outlines={outlines}
            label={label}
          />
        </figure>
      </div>
    );
  return (
    <div className="panes">
      {error && <Problem error={error} />}
      <figure>
        <figcaption>{texts.golden(inspection.model_number)}</figcaption>
        <PictureStage {...view} layers={[goldenLayer]} label={texts.goldenLabel} />
      </figure>
      <figure>
        <figcaption>{toReference(content) ? texts.captured : texts.notLaid}</figcaption>
        <PictureStage {...view} layers={capturedLayers} outlines={outlines} label={label} />
      </figure>
    </div>
  );
}

/** From the captured picture to the golden one; what could not be laid over it is made as large. */
function laying(content: InspectionContent, { captured, frame }: Compared): Matrix | null {
  const laid = toReference(content);
  if (laid) return laid;
  return captured && frame ? scaling(captured.size, frame) : null;
}

/** Where something is outlined, in pixels of the golden image. */
export function usePlaces(inspection: InspectionOut | undefined, compared: Compared): Bounds[] {
  return useMemo(() => {
    if (!inspection) return [];
    const content = contentOf(inspection);
    const matrix = laying(content, compared);
    if (!matrix) return [];
    return laidBy(matrix, outlinesOf(content)).map((one) => boundsOf(one.points));
  }, [inspection, compared]);
}

function Panes({ isBusy }: { readonly isBusy: boolean }) {
  return (
    <div className="panes" aria-busy={isBusy}>
      <div className="picture-stage" />
      <div className="picture-stage" />
    </div>
  );
}
