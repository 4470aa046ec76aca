import { IconButton } from '../../components/Button';
import { Segments } from '../../components/Field';
import { ALIGNMENTS, findElement } from '../../core/document';
import { t } from '../../texts';
import { HistoryButtons } from '../drawing/HistoryButtons';
import type { DrawRole, Editor } from './useEditor';

const ROLES: readonly DrawRole[] = ['region', 'exclusion'];

type EditBarProps = {
  readonly editor: Editor;
  /** After a click with the pointer, keys go to the image. */
  readonly onPointed: () => void;
};

/** History, what is drawn, and what can be done with the selection. */
export function EditBar({ editor, onPointed }: EditBarProps) {
  const { history, selection, doc } = editor;
  const isNone = selection.length === 0;
  const isLocked = !isNone && selection.every((key) => findElement(doc, key)?.drawn.locked);
  const act = (run: () => void) => (event: React.MouseEvent) => {
    run();
    if (event.detail > 0) onPointed();
  };
  return (
    <div className="edit-bar">
      <HistoryButtons history={history} onUndo={act(editor.undo)} onRedo={act(editor.redo)} />
      <Segments
        label={t.template.draws}
        value={editor.role}
        options={ROLES}
        names={{ region: t.template.region, exclusion: t.template.exclusion }}
        onChange={editor.setRole}
      />
      <div className="bar-group">
        <IconButton
          icon="copy"
          label={t.template.edit.copy}
          keys="Control+D"
          disabled={isNone}
          onClick={act(editor.copy)}
        />
        <IconButton
          icon={isLocked ? 'unlock' : 'lock'}
          label={isLocked ? t.template.edit.unlock : t.template.edit.lock}
          keys="L"
          disabled={isNone}
          onClick={act(editor.lock)}
        />
        <IconButton
          icon="remove"
          label={t.template.edit.remove}
          keys="Delete"
          disabled={isNone || isLocked}
          onClick={act(editor.remove)}
        />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would need a visible legend */}
      <div className="bar-group" role="group" aria-label={t.template.edit.align}>
        {ALIGNMENTS.map((how) => (
          <IconButton
            key={how}
            icon={how}
            label={t.template.align[how]}
            disabled={selection.length < 2}
            onClick={act(() => editor.align(how))}
          />
        ))}
      </div>
    </div>
  );
}
