import { IconButton } from '../../components/Button';
import { t } from '../../texts';

type Labelled = { readonly label: string };

type HistoryButtonsProps = {
  readonly history: { readonly past: readonly Labelled[]; readonly future: readonly Labelled[] };
  readonly onUndo: (event: React.MouseEvent) => void;
  readonly onRedo: (event: React.MouseEvent) => void;
};

/** Undo and redo, each saying what it would take back or do again. */
export function HistoryButtons({ history, onUndo, onRedo }: HistoryButtonsProps) {
  const named = (word: string, step: Labelled | undefined) =>
    step ? `${word}: ${step.label}` : word;
  return (
    <div className="bar-group">
      <IconButton
        icon="undo"
        label={named(t.common.undo, history.past.at(-1))}
        keys="Control+Z"
        disabled={history.past.length === 0}
        onClick={onUndo}
      />
      <IconButton
        icon="redo"
        label={named(t.common.redo, history.future[0])}
        keys="Control+Y"
        disabled={history.future.length === 0}
        onClick={onRedo}
      />
    </div>
  );
}
