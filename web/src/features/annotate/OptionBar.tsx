import { IconButton } from '../../components/Button';
import { Segments } from '../../components/Field';
import { useModels } from '../../data/models';
import { t } from '../../texts';
import { HistoryButtons } from '../drawing/HistoryButtons';
import type { ImageKeys } from './keys';
import type { Labeller } from './useAnnotator';

const MODES = ['verdicts', 'outlines'] as const;
const SMART = ['image', 'model'] as const;
export type SmartBy = (typeof SMART)[number];

type OptionBarProps = {
  readonly labeller: Labeller;
  readonly page: ImageKeys;
  readonly hasPrevious: boolean;
  readonly smartBy: SmartBy;
  readonly onSmartBy: (by: SmartBy) => void;
  /** After a click with the pointer, keys go to the image. */
  readonly onPointed: () => void;
};

/** History, mode, and what the tool in hand can be set to. */
export function OptionBar({ labeller, page, ...props }: OptionBarProps) {
  const { history, toolName } = labeller;
  const act = (run: () => void) => (event: React.MouseEvent) => {
    run();
    if (event.detail > 0) props.onPointed();
  };
  const isByModel = toolName === 'smart' && props.smartBy === 'model';
  const isRound = toolName === 'brush' || toolName === 'eraser' || toolName === 'smart';
  return (
    <div className="edit-bar">
      <HistoryButtons history={history} onUndo={act(labeller.undo)} onRedo={act(labeller.redo)} />
      <Segments
        label={t.annotate.modes.label}
        value={page.mode}
        options={MODES}
        names={t.annotate.modes}
        onChange={page.setMode}
      />
      <div className="bar-group">
        <IconButton
          icon="copy"
          label={t.annotate.copyPrevious}
          keys="C"
          disabled={!props.hasPrevious}
          onClick={act(page.copyPrevious)}
        />
        <IconButton
          icon="remove"
          label={t.annotate.removeChosen}
          keys="Delete"
          disabled={labeller.chosenDefects.length === 0}
          onClick={act(() => labeller.remove())}
        />
      </div>
      {isRound && !isByModel && (
        <BrushSize radius={labeller.brushRadius} onChange={labeller.setBrushRadius} />
      )}
      {toolName === 'smart' && <SmartChoice value={props.smartBy} onChange={props.onSmartBy} />}
    </div>
  );
}

/** By a logarithm, so that small brushes can be set as finely as large ones. */
function BrushSize(props: { readonly radius: number; readonly onChange: (px: number) => void }) {
  return (
    <label className="slider" title={t.annotate.brush}>
      <span className="visually-hidden">{t.annotate.brush}</span>
      <input
        type="range"
        min={0}
        max={9}
        step={0.1}
        value={Math.log2(props.radius)}
        aria-valuetext={String(Math.round(2 * props.radius))}
        onChange={(event) => props.onChange(2 ** Number(event.target.value))}
      />
      <output>{t.annotate.px(Math.round(2 * props.radius))}</output>
    </label>
  );
}

/** The model's outlines where a model is approved. */
function SmartChoice(props: { readonly value: SmartBy; readonly onChange: (by: SmartBy) => void }) {
  const hasModel = useModels().data?.some((model) => model.approved) ?? false;
  if (!hasModel) return null;
  return (
    <Segments
      label={t.annotate.smart}
      value={props.value}
      options={SMART}
      names={t.annotate.smartBy}
      onChange={props.onChange}
    />
  );
}
