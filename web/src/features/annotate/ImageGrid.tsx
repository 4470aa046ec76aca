import { useEffect, useId, useRef } from 'react';
import { gridStep } from '../../components/gridKeys';
import { VirtualGrid } from '../../components/VirtualGrid';
import type { Label } from '../../core/sidecar';
import { t } from '../../texts';
import { Thumbnail } from '../images/Thumbnail';
import { pick, type Selection } from './selection';
import type { ImageRow } from './useImageRow';

const VERDICT_KEYS: Readonly<Record<string, Label | null>> = { o: 'ok', n: 'ng', u: null };

type ImageGridProps = {
  readonly row: ImageRow;
  readonly selection: Selection;
  readonly onSelection: (selection: Selection) => void;
  readonly onChooseAll: () => void;
  readonly onJudge: (verdict: Label | null) => void;
  readonly onOpen: (index: number) => void;
  readonly onRemove: () => void;
};

/** Thumbnails of which only the visible ones are in the page. */
export function ImageGrid(props: ImageGridProps) {
  const { row, selection, onSelection } = props;
  const frame = useRef<HTMLDivElement>(null);
  const help = useId();
  const ids = row.items.map((image) => image.id);

  const isReady = row.items.length > 0;
  useEffect(() => {
    // Keys go to the images, unless something else was focused.
    if (isReady && document.activeElement === document.body)
      frame.current?.querySelector<HTMLElement>('[role=listbox]')?.focus({ preventScroll: true });
  }, [isReady]);

  function onKeyDown(event: React.KeyboardEvent, columns: number) {
    if (onKey(event, columns)) event.preventDefault();
  }

  function onKey(event: React.KeyboardEvent, columns: number): boolean {
    const key = event.key.toLowerCase();
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && key === 'a') props.onChooseAll();
    else if (key === ' ') onSelection(pick(selection, ids, selection.active, CTRL));
    else if (isCommand) return false;
    else if (key === 'enter') props.onOpen(selection.active);
    else if (key === 'delete') props.onRemove();
    else if (key === 'escape') onSelection({ ...selection, ids: new Set() });
    else if (key in VERDICT_KEYS) props.onJudge(VERDICT_KEYS[key] ?? null);
    else {
      const to = gridStep(event.key, selection.active, columns, ids.length);
      if (to === null) return false;
      onSelection(pick(selection, ids, to, event));
    }
    return true;
  }

  return (
    <div ref={frame} className="image-grid">
      <p id={help} className="visually-hidden">
        {t.annotate.gridHelp}
      </p>
      {row.isLoading && <p className="loading">{t.common.loading}</p>}
      {!row.isLoading && !row.error && ids.length === 0 && (
        <p className="panel-note">
          <strong>{t.annotate.noneLeft}</strong> {t.annotate.noneLeftText}
        </p>
      )}
      <VirtualGrid
        label={t.annotate.grid}
        items={row.items}
        itemKey={(image) => image.id}
        rowHeight={168}
        cellWidth={168}
        current={selection.active}
        onEnd={row.more}
        listbox={{
          active: selection.active,
          isMultiple: true,
          isSelected: (image) => selection.ids.has(image.id),
          onPick: (index, event) => onSelection(pick(selection, ids, index, event)),
          onOpen: props.onOpen,
          onKeyDown,
        }}
      >
        {(image) => <Thumbnail image={image} />}
      </VirtualGrid>
    </div>
  );
}

const CTRL = { shiftKey: false, ctrlKey: true, metaKey: false };
